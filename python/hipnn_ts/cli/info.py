"""`hipnn-ts info`."""

import click


@click.command()
@click.argument("model", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the metadata as stored in the file.")
def info(model, as_json):
    """Print what the exported file MODEL says about itself."""
    import yaml

    from hipnn_ts.export.file import checked_metadata

    metadata = checked_metadata(model)
    if as_json:
        click.echo(metadata.model_dump_json(indent=2))
        return
    content = metadata.model_dump(mode="json")
    content["network"] = {
        key: value for key, value in content["network"].items() if value is not None
    }

    class Dumper(yaml.SafeDumper):
        """Lists of plain values, of which each pair of elements has one, on a line."""

    Dumper.add_representer(
        list,
        lambda dumper, values: dumper.represent_sequence(
            "tag:yaml.org,2002:seq",
            values,
            flow_style=not any(isinstance(value, list | dict) for value in values),
        ),
    )
    click.echo(yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True), nl=False)
