"""Benchmarks that validate: engines beside each other, conservation, results of simulations."""
