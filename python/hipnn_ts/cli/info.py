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
    click.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)
