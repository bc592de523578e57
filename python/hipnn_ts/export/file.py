"""Reading exported files without torch."""

import io
import json
import zipfile
from pathlib import Path

from hipnn_ts.errors import InputError
from hipnn_ts.export.document import describe
from hipnn_ts.export.metadata import FILE_NAME, Metadata, parse_metadata
from hipnn_ts.extras import need
from hipnn_ts.kinds import Kind, kind_of


def read_content(path: str | Path) -> bytes:
    """The whole file. Raises InputError if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def read_metadata(path: str, content: bytes) -> Metadata:
    """Validated metadata of the file at ``path`` with this content.

    Raises
    ------
    InputError
        Not an exported potential, or one of a newer format.
    """
    return parse_metadata(path, _metadata_text(path, content))


def checked_metadata(path: str | Path) -> Metadata:
    """The same, after checking for everything that can be wrong with the file.

    torch is imported only if it has to load the weights, that is for portable files.

    Raises
    ------
    InputError
        The errors of :func:`hipnn_ts.export.load_exported`.
    """
    content, name = read_content(path), str(path)
    metadata = read_metadata(name, content)
    if not metadata.native:
        need_torch(name, metadata)
        from hipnn_ts.export.read import load_content

        return load_content(content, name)[1]
    from hipnn_ts import _core

    try:
        found = _core.describe_model_file(name, content)
    except ValueError as error:
        raise InputError(str(error)) from error
    check_description(name, found, metadata)
    return metadata


def need_torch(path: str, metadata: Metadata) -> None:
    """Raise MissingPackageError if such a file needs torch and torch is not installed."""
    if not metadata.native:
        need("torch", f"{path}: loading a portable file")


def check_description(path: str, found: str, metadata: Metadata) -> None:
    """Compare the JSON description of the network in a document with the metadata.

    Raises
    ------
    InputError
        They differ.
    """
    content = json.loads(found)
    uncertain = metadata.uncertainty is not None
    expected = describe(metadata.network, metadata.dtype, metadata.members, uncertain)
    for key in sorted(expected.keys() | content.keys()):
        if expected.get(key) != content.get(key):
            raise InputError(
                f"{path}: {key}: expected {expected.get(key)}, as the metadata say, found "
                f"{content.get(key)}"
            )


# The cure for a file of another kind.
_CURES = {
    Kind.CHECKPOINT: "; export it: hipnn-ts export {path} -o model.pt",
    Kind.STATE: "; export the checkpoint beside it: hipnn-ts export {folder}/best.ckpt -o model.pt",
}


def _metadata_text(path: str, content: bytes) -> str:
    """The JSON document inside a zip archive with TorchScript."""
    kind = kind_of(content)
    if kind is Kind.EXPORTED:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    if name.endswith(f"/extra/{FILE_NAME}"):
                        return archive.read(name).decode()
        except Exception:  # as in kind_of
            kind = Kind.UNKNOWN
    cure = _CURES.get(kind, "").format(path=path, folder=Path(path).parent)
    raise InputError(f"{path}: expected an exported hipnn-ts potential, found {kind.value}{cure}")
