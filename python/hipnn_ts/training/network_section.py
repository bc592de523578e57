"""The section network of a training configuration."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, field_validator, model_validator

from hipnn_ts.model.config import NetworkConfig, RepulsionRadii


class NetworkSection(NetworkConfig):
    """A network as a training configuration describes it.

    A model file without some key describes a network from before that key existed; a
    configuration without it gets the value that trains best.
    """

    sensitivity_width: Annotated[PositiveFloat, Field(le=10)] | None = Field(
        default=0.1, description=NetworkConfig.model_fields["sensitivity_width"].description
    )
    invariants: Literal["norms", "polynomials"] = Field(
        default="polynomials", description=NetworkConfig.model_fields["invariants"].description
    )
    l_max: Annotated[int, Field(ge=0, le=3)] = Field(
        default=3, description="highest tensor order [3, with norms 2]"
    )
    n_atom_layers: Annotated[int, Field(ge=0, le=64)] = Field(
        default=1, description=NetworkConfig.model_fields["n_atom_layers"].description
    )
    zbl: RepulsionRadii | Literal["auto"] | None = Field(
        default="auto",
        description=f"{NetworkConfig.model_fields['zbl'].description}; auto: closer than any atoms "
        "of the data; null: no repulsion",
    )

    @field_validator("zbl", mode="before")
    @classmethod
    def _is_a_repulsion(cls, given: Any) -> Any:
        if given in (None, "auto") or (given and isinstance(given, (list, tuple, dict))):
            return given
        raise ValueError(
            "expected auto, null, two radii ([0.5, 0.8]) or these for each pair of elements "
            f"({{H-O: [0.5, 0.8], ...}}), found {given!r}"
        )

    def _check_repulsion(self) -> None:
        if self.zbl != "auto":
            super()._check_repulsion()

    @model_validator(mode="before")
    @classmethod
    def _of_norms(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("invariants") == "norms":
            return {"l_max": NetworkConfig.model_fields["l_max"].default} | given
        if "invariants" not in given and "cusp_regularisation" in given:
            raise ValueError(
                "cusp_regularisation: expected invariants: norms beside it, since the default, "
                "polynomials, has no cusps"
            )
        return given
