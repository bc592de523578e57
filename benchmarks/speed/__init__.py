"""Benchmarks of time and memory; the sides of a comparison alternate on one machine."""
