"""i-PI: a driver that serves forces of an exported potential over a socket."""

from hipnn_ts.ipi.driver import Served, serve

__all__ = ["Served", "serve"]
