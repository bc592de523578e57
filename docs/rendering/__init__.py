"""Tables and pictures of README and docs, from benchmarks/results/*.json alone."""
