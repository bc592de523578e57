"""`hipnn-ts evaluate`."""

import click


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data", nargs=-1, required=True, type=click.Path())
@click.option("--batch-size", default=8, show_default=True, help="Configurations per batch.")
@click.option(
    "--energy-unit",
    default="meV",
    show_default=True,
    help="Unit of the printed energies: meV, eV, kcal/mol, kJ/mol or hartree; lengths are in Å.",
)
@click.option(
    "--data",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of the data section of a training configuration, which says what the data means: "
    "units.energy=hartree, columns.forces=F, forces_are=gradient.",
)
@click.option("--benchmark", type=click.Choice(["comp6"]), help="DATA is this suite's directory.")
@click.option(
    "--group-by",
    metavar="KEY",
    help="Key of the frames' info that distinguishes molecules: energy differences are those "
    "between frames with the same value and the same atoms  [default: molecule or config_type, "
    "if every molecule has it, or else only the atoms].",
)
@click.option(
    "--predictions",
    type=click.Path(),
    metavar="FILE",
    help="Write all frames, with hipnn_ts_energy, hipnn_ts_forces and hipnn_ts_stress beside the "
    "reference, as extended XYZ in eV and Å (.xz and .gz compress).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("-o", "--output", type=click.Path(), help="Directory for errors.json and parity.png.")
def evaluate(
    model,
    data,
    batch_size,
    energy_unit,
    labels,
    benchmark,
    group_by,
    predictions,
    as_json,
    output,
):
    """Print the errors of MODEL on DATA, in any format that training reads.

    MODEL is a checkpoint, an exported file, or the directory of an ensemble. For an ensemble or an
    exported committee, the command evaluates the mean and compares the spread with the true error.
    For a single model it compares the force uncertainty, if there is one, with the true error.

    The table contains mean absolute and root mean square errors of the energy per atom, of energy
    differences between conformers of one molecule (frames without periodicity), of force
    components, also by element, of stress components, and by config_type. The command then names
    the frames with the largest errors.
    """
    import json
    from pathlib import Path

    from hipnn_ts.data.isolated import take_isolated
    from hipnn_ts.data.read import read_named
    from hipnn_ts.errors import InputError
    from hipnn_ts.evaluation.compare import compare, load_with_uncertainty
    from hipnn_ts.evaluation.ensemble import mean_of, members_of, spread_of
    from hipnn_ts.evaluation.errors import UNITS, errors_of
    from hipnn_ts.evaluation.predictions import write_predictions
    from hipnn_ts.evaluation.table import (
        ensemble_table,
        error_table,
        uncertainty_table,
        worst_table,
    )
    from hipnn_ts.evaluation.uncertainty import uncertainty_of
    from hipnn_ts.export.potential import NativePotential
    from hipnn_ts.label_config import LabelConfig
    from hipnn_ts.validation import apply_override, validated

    if energy_unit not in UNITS:
        raise InputError(
            f"--energy-unit: expected one of {', '.join(UNITS)}, found '{energy_unit}'"
        )
    if benchmark and (labels or energy_unit != "meV" or group_by or predictions):
        raise InputError(
            f"--benchmark {benchmark}: expected none of --data, --energy-unit, --group-by and "
            "--predictions, which the suite settles or lacks, found one"
        )
    content = {}
    for override in labels:
        apply_override(override, content)
    label_config = validated(LabelConfig, content, "--data")
    files = members_of(model) if Path(model).is_dir() else [model]
    loaded = [load_with_uncertainty(file) for file in files]
    potentials = [potential for potential, _ in loaded]
    uncertainty = loaded[0][1] if len(loaded) == 1 else None
    if benchmark:
        _comp6(potentials, data, batch_size, as_json, output)
        return
    members = [None] * len(potentials)
    if isinstance(potentials[0], NativePotential) and potentials[0].metadata.members > 1:
        members = list(range(potentials[0].metadata.members))
        potentials *= len(members)
    named = read_named(tuple(Path(file) for file in data), label_config)
    named, _, n_isolated = take_isolated(named, label_config.columns.config_type)
    for remark in named.remarks:
        click.echo(remark, err=True)
    if n_isolated:
        click.echo(f"isolated atoms, not evaluated: {n_isolated}", err=True)
    total = len(named.frames) * len(potentials)
    with click.progressbar(
        length=total, label="evaluating", file=click.get_text_stream("stderr"), hidden=as_json
    ) as bar:
        found = [
            compare(
                potential, named.frames, named.names, batch_size, bar.update, member, uncertainty
            )
            for potential, member in zip(potentials, members, strict=True)
        ]
    comparison = found[0] if len(found) == 1 else mean_of(found)
    errors = errors_of(comparison, energy_unit, label_config.columns.config_type, group_by)
    if len(found) > 1:
        errors["ensemble"] = spread_of(found, energy_unit)
    elif (told := uncertainty_of(comparison, energy_unit)) is not None:
        errors["uncertainty"] = told
    if predictions:
        write_predictions(predictions, comparison)
    if output:
        from hipnn_ts.evaluation.parity import draw_parity

        _write(output, errors)
        draw_parity(Path(output) / "parity.png", comparison, energy_unit)
    if as_json:
        click.echo(json.dumps(errors, indent=2, ensure_ascii=False))
        return
    click.echo(f"{len(named.frames)} frames")
    click.echo(error_table(errors))
    click.echo(worst_table(errors))
    if len(found) > 1:
        click.echo(ensemble_table(errors))
    if "uncertainty" in errors:
        click.echo(uncertainty_table(errors))


def _comp6(potentials, data, batch_size, as_json, output):
    import json

    from hipnn_ts.errors import InputError
    from hipnn_ts.evaluation.comp6 import comp6_table, run_comp6

    if len(potentials) > 1 or len(data) > 1:
        raise InputError("--benchmark comp6: expected one model and one directory, found several")
    result = run_comp6(potentials[0], data[0], batch_size, lambda line: click.echo(line, err=True))
    if output:
        _write(output, result)
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if as_json else comp6_table(result))


def _write(output, content):
    import json
    from pathlib import Path

    from hipnn_ts.errors import InputError
    from hipnn_ts.files import replacing

    try:
        Path(output).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from error
    with replacing(Path(output) / "errors.json") as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
