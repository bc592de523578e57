"""Results of benchmarks and of the demo: one JSON form for all."""

from hipnn_ts.benchmark.report import Check, write_report

__all__ = ["Check", "write_report"]
