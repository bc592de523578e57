"""Metadata of an exported file: a JSON document with a format version."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer

from hipnn_ts.errors import InputError
from hipnn_ts.kinds import FILE_NAME as FILE_NAME
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.validation import validated

FORMAT = "hipnn-ts potential"
FORMAT_VERSION = 2  # format of files that are written; earlier formats are read
# Only committees have the first format and only networks with force uncertainty the second, so that
# earlier readers say that they are too old.
COMMITTEE_VERSION = 3
UNCERTAINTY_VERSION = 4
NEWEST_VERSION = UNCERTAINTY_VERSION
MOST_MEMBERS = 64


class UncertaintyFacts(BaseModel):
    """The origin of a network's force uncertainty."""

    model_config = ConfigDict(extra="forbid")

    # {"H": 0.004, ...}, eV/Å for each unit of distance
    scale: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    training_atoms: dict[str, int]  # number of atoms of each element
    validation_atoms: int  # number of atoms to which the scales were fitted
    rank_correlation: float | None = None  # rank correlation with the error of the force


class Metadata(BaseModel):
    """The content of an exported file's metadata."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["hipnn-ts potential"] = FORMAT
    format_version: int = FORMAT_VERSION
    flavour: Literal["fused", "portable"]
    dtype: Literal["float32", "float64"]
    members: Annotated[int, Field(ge=1, le=MOST_MEMBERS, strict=True)] = (
        1  # number of members, which share everything else here
    )
    energy_unit: Literal["eV"] = "eV"
    length_unit: Literal["Å"] = "Å"
    network: NetworkConfig
    n_parameters: int
    # {"H-O": 0.87, ...}, Å; None for models whose training data is unknown
    closest_approach: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = None
    versions: dict[str, str]
    exported: str
    provenance: dict[str, Any]
    uncertainty: UncertaintyFacts | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, serialise: Any) -> dict[str, Any]:
        """Files of one network do not mention members, and files without uncertainty do not mention
        it."""
        content = serialise(self)
        if self.uncertainty is None:
            del content["uncertainty"]
        if self.members == 1:
            del content["members"]
        return content

    @property
    def native(self) -> bool:
        """Whether the runtime evaluates the file, without torch."""
        return self.flavour == "fused"

    @property
    def has_document(self) -> bool:
        """Whether the weights are a document and not a list of tensors."""
        return self.format_version > 1 and self.native


def parse_metadata(path: str, document: str) -> Metadata:
    """Validate the JSON document of the file at ``path``.

    Raises
    ------
    InputError
        Not such a document, or one of a newer format.
    """
    try:
        content = json.loads(document)
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(
            f"{path}: expected an exported hipnn-ts potential, found another TorchScript file"
        )
    version = content.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= NEWEST_VERSION:
        raise InputError(
            f"{path}: exported in format {version}, but this hipnn-ts reads formats 1 to "
            f"{NEWEST_VERSION}; install a hipnn-ts as new as the one that exported it"
        )
    metadata = validated(Metadata, content, f"{path}: metadata")
    committee = metadata.members > 1
    if committee != (version == COMMITTEE_VERSION) or (committee and not metadata.native):
        raise InputError(
            f"{path}: metadata: expected several members in fused files of format "
            f"{COMMITTEE_VERSION} and nowhere else, found {metadata.members} in a "
            f"{metadata.flavour} one of format {version}"
        )
    uncertain = metadata.uncertainty is not None
    if uncertain != (version == UNCERTAINTY_VERSION) or (uncertain and not metadata.native):
        raise InputError(
            f"{path}: metadata: expected force uncertainty in fused files of format "
            f"{UNCERTAINTY_VERSION} and nowhere else, found {'it' if uncertain else 'none'} in a "
            f"{metadata.flavour} one of format {version}"
        )
    return metadata
