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
    """Learn a potential as the YAML file CONFIG says, by labelling what it does not know.

    Each round labels structures with the reference method, trains a committee, runs molecular
    dynamics with it, and chooses from these walks the structures that it knows least. Relative
    paths start at CONFIG's folder.

    The output directory receives model.pt, the latest committee; report.html, a page that grows
    with each round; and the files of each round. Finished work is kept: the same command continues
    an interrupted run.
    """
    from hipnn_ts.learning.config import read_learn_config
    from hipnn_ts.learning.rounds import learn as run

    run(read_learn_config(config, overrides), output, tell=click.echo)
