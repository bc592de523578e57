"""What is measured (speed), validated (physics) and trained (accuracy); one JSON file for each.

Each benchmark is a module that says what is run and which bars hold: `python -m
benchmarks.speed.cpu --help`; the Makefile has a target for each. Results lie in results/, from
which docs/rendering makes README's figures and the tables and plots of the docs.
"""
