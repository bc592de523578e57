"""One TorchScript file that every engine runs.

``Metadata`` and the functions that read them need no torch; it is imported with the other names.
"""

from importlib import import_module

from hipnn_ts.extras import need

_HOMES = {
    "Metadata": "metadata",
    "export_committee": "committee",
    "export_potential": "write",
    "load_exported": "read",
}

__all__ = ["Metadata", "export_committee", "export_potential", "load_exported"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name != "Metadata":
        need("torch", f"hipnn_ts.export.{name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
