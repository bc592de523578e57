"""Benchmarks that train: errors on published sets, recipes, uncertainties, learning loops."""
