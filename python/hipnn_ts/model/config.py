"""The architecture of a network, validated."""

from typing import Annotated, Any, Literal

from ase.data import atomic_numbers
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PositiveFloat,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

# Far beyond any real use; the metadata of a damaged file may claim anything.
Width = Annotated[int, Field(gt=0, le=8192)]
Length = Annotated[PositiveFloat, Field(le=1000, allow_inf_nan=False)]

NORMALISATION_EPSILON = 1e-5  # hippynn's default

Radii = tuple[Length, Length]  # inner and outer
# The same for all pairs of elements, or for each ({"H-O": (0.5, 0.8), ...}).
RepulsionRadii = Annotated[
    Annotated[Radii, Tag("all")] | Annotated[dict[str, Radii], Tag("each")],
    Discriminator(lambda given: "each" if isinstance(given, dict) else "all"),
]


def pair_name(first: str, second: str) -> str:
    """Name of a pair of elements in any order: "H-O", in alphabetical order."""
    return "-".join(sorted((first, second)))


class NetworkConfig(BaseModel):
    """Architecture of a HIP-NN (``l_max`` 0), HIP-NN-TS (``l_max`` 1 to 3) or HIP-HOP-NN network
    (``invariants: polynomials``).

    Lengths are in Å. The defaults are those of the published ANI-1x potential
    (Fedik et al., doi:10.1039/d4dd00265b) at a quarter of its width.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    elements: tuple[str, ...] = Field(
        min_length=1, description="chemical symbols, in species order"
    )
    n_features: tuple[Width, ...] = Field(
        default=(32, 32),
        min_length=1,
        max_length=64,
        description="features after each interaction block",
    )
    n_middle_features: tuple[Width, ...] | None = Field(
        default=None, description="width inside each block's residual layers (default: n_features)"
    )
    n_atom_layers: Annotated[int, Field(ge=0, le=64)] = Field(
        default=3, description="on-site layers after each interaction layer"
    )
    n_sensitivities: Annotated[int, Field(gt=0, le=1024)] = Field(
        default=12, description="radial sensitivity functions"
    )
    sensitivity_width: Annotated[PositiveFloat, Field(le=10)] | None = Field(
        default=None,
        description="initial width soft_min / σ of each sensitivity, which is a function of "
        "soft_min / r; 0.1 is broad and smooth [hippynn's: 1 / (2 n_sensitivities)]",
    )
    l_max: Annotated[int, Field(ge=0, le=3)] = Field(default=2, description="highest tensor order")
    soft_min: Length = Field(default=0.75, description="centre of the nearest sensitivity, Å")
    soft_max: Length = Field(default=5.5, description="centre of the farthest sensitivity, Å")
    cutoff: Length = Field(default=6.5, description="hard cutoff R, Å")
    cusp_regularisation: Length = Field(
        default=0.1, description="ε under the roots of the tensor norms"
    )
    invariants: Literal["norms", "polynomials"] = Field(
        default="norms",
        description="invariants of the tensor moments: their norms (HIP-NN-TS) or polynomials "
        "(HIP-HOP-NN), which have no cusps",
    )
    n_max: Annotated[int, Field(ge=1, le=4)] | None = Field(
        default=None, description="largest number of factors of a polynomial [4]"
    )
    normalisation: Literal["group", "none"] | None = Field(
        default=None,
        description="normalisation of polynomials: group (as in hippynn: each kind over the "
        "features of an atom) or none, which extrapolates better [none]",
    )
    normalisation_epsilon: Annotated[PositiveFloat, Field(le=1)] | None = Field(
        default=None, description="added to the variance of normalised polynomials [1e-5]"
    )
    residual: bool = Field(default=True, description="wrap every layer as a residual")
    zbl: RepulsionRadii | None = Field(
        default=None,
        description="inner and outer radius of the ZBL repulsion added to the network, Å, as for "
        "LAMMPS's pair_style zbl, or these for each pair of elements, {H-O: [0.5, 0.8], ...}",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "NetworkConfig":
        for symbol in self.elements:
            if symbol not in atomic_numbers or symbol == "X":
                raise ValueError(f"elements: '{symbol}' is not a chemical symbol")
        if len(set(self.elements)) != len(self.elements):
            raise ValueError(f"elements: {list(self.elements)} names an element twice")
        if not self.soft_min < self.soft_max <= self.cutoff:
            raise ValueError(
                "expected soft_min < soft_max <= cutoff, found "
                f"{self.soft_min}, {self.soft_max}, {self.cutoff}"
            )
        self._check_repulsion()
        if self.invariants == "norms":
            for key in ("n_max", "normalisation", "normalisation_epsilon"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key}: expected invariants: polynomials beside it")
        if self.normalisation_epsilon is not None and not self.normalised:
            raise ValueError("normalisation_epsilon: expected normalisation: group beside it")
        if self.n_middle_features is not None:
            if len(self.n_middle_features) != len(self.n_features):
                raise ValueError(
                    f"n_middle_features: expected {len(self.n_features)} widths, one for each "
                    f"interaction block, found {len(self.n_middle_features)}"
                )
            if not self.residual and self.n_middle_features != self.n_features:
                raise ValueError("n_middle_features: without residuals it must equal n_features")
        return self

    def _check_repulsion(self) -> None:
        if self.zbl is None:
            return
        of_pairs = self.zbl if isinstance(self.zbl, dict) else {"": self.zbl}
        if isinstance(self.zbl, dict):
            pairs = [
                pair_name(a, b) for i, a in enumerate(self.elements) for b in self.elements[i:]
            ]
            if set(of_pairs) != set(pairs):
                raise ValueError(
                    f"zbl: expected radii for each of {', '.join(sorted(pairs))} (symbols in "
                    f"alphabetical order), found {', '.join(of_pairs) or 'none'}"
                )
        for pair, (inner, outer) in of_pairs.items():
            if not inner < outer <= self.cutoff:
                raise ValueError(
                    f"zbl: {pair}{': ' if pair else ''}expected inner < outer <= cutoff, found "
                    f"{inner}, {outer}, {self.cutoff}"
                )

    @model_serializer(mode="wrap")
    def _without_newer_keys(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Earlier versions refuse unknown keys, so files without these keys stay readable for them.
        content = serialise(self)
        if self.invariants == "norms":
            del content["invariants"]
        newer = ("zbl", "sensitivity_width", "n_max", "normalisation", "normalisation_epsilon")
        for key in newer:
            if content.get(key) is None:
                content.pop(key, None)
        return content

    def for_training(self) -> dict[str, Any]:
        """As plain values, including the keys that files omit and training sets by default."""
        keys = ("invariants", "sensitivity_width", "zbl")
        return {key: getattr(self, key) for key in keys} | self.model_dump(mode="json")

    @property
    def factors(self) -> int:
        """Largest number of factors of a polynomial; 0 with norms."""
        return 0 if self.invariants == "norms" else self.n_max or 4

    @property
    def normalised(self) -> bool:
        """Whether polynomials are normalised."""
        return self.invariants == "polynomials" and self.normalisation == "group"

    @property
    def initial_sigma(self) -> float:
        """σ of all sensitivities before training, Å."""
        if self.sensitivity_width is None:
            return 2.0 * self.n_sensitivities * self.soft_min
        return self.soft_min / self.sensitivity_width

    @property
    def repulsion_radii(self) -> list[Radii]:
        """Inner and outer radius of the repulsion of each two species, row by row, Å; none without
        a repulsion."""
        if self.zbl is None:
            return []
        return [
            self.zbl[pair_name(a, b)] if isinstance(self.zbl, dict) else self.zbl
            for a in self.elements
            for b in self.elements
        ]

    @property
    def middle_features(self) -> tuple[int, ...]:
        """Width inside the residual layers of each block."""
        return self.n_features if self.n_middle_features is None else self.n_middle_features

    @property
    def n_matrix_elements(self) -> int:
        """Number of weights of the largest matrices, a lower bound for files with such a
        network."""
        widths = [len(self.elements), *self.n_features]
        return sum(
            self.n_sensitivities * n_in * n_middle + self.n_atom_layers * n_out * n_middle
            for n_in, n_middle, n_out in zip(
                widths[:-1], self.middle_features, widths[1:], strict=True
            )
        )

    @property
    def atomic_numbers(self) -> tuple[int, ...]:
        """Atomic number of each species, in species order."""
        return tuple(atomic_numbers[symbol] for symbol in self.elements)
