"""Checks that this installation computes what a model says, on every installed path."""

from hipnn_ts.selftest.run import selftest, smoothness

__all__ = ["selftest", "smoothness"]
