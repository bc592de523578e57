"""Benchmarks of speed on an NVIDIA GPU; run.sh builds, tests and measures."""
