"""Does this installation compute what the model says, on every path that is installed?"""

from hipnn_ts.selftest.run import selftest, smoothness

__all__ = ["selftest", "smoothness"]
