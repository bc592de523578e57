"""Benchmarks: what is measured (speed), validated (physics) and trained (accuracy).

Each benchmark is a module that defines what is run and which bars (targets) it must reach; see
`python -m benchmarks.speed.cpu --help`. The Makefile has a target for each. A benchmark writes one
JSON file to results/; docs/rendering makes README's figures and the docs' tables and plots of them.
"""
