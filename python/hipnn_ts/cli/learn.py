"""`hipnn-ts learn`."""

import click


class _WithDefaults(click.Command):
    """Help that ends with every key of the configuration."""

    def format_epilog(self, ctx, formatter):
        from hipnn_ts.learning.sections import LearnConfig
        from hipnn_ts.training.config import describe

        with formatter.section("Keys (lengths in Å, energies in eV)"):
            formatter.write_dl(describe(LearnConfig), col_max=44)


@click.command(cls=_WithDefaults)
@click.argument("config", type=click.Path())
@click.argument("overrides", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@click.option("-o", "--output", required=True, type=click.Path(), help="Directory for the results.")
def learn(config, overrides, output):
    """Learn a potential as the YAML file CONFIG says: label what the committee does not know.

    Each round labels structures by the reference method, trains a committee, lets it walk by
    molecular dynamics, and chooses from the walks what it knows least. Relative paths start at
    CONFIG's folder.

    The output directory receives model.pt, the last committee; report.html, a page that grows with
    each round; and all that each round made. What is finished is kept: the same command goes on
    where an earlier one was interrupted.
    """
    from hipnn_ts.learning.config import read_learn_config
    from hipnn_ts.learning.rounds import learn as run

    run(read_learn_config(config, overrides), output, tell=click.echo)
