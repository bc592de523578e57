"""`hipnn-ts doctor`."""

import click

MARKS = {True: ("ok", "green"), None: ("-", "yellow"), False: ("BROKEN", "red")}


@click.command()
def doctor():
    """Try every engine with this installation of hipnn-ts and print what works.

    Optional packages that are not installed are marked "-". The exit status is 1 if something that
    is installed does not work.
    """
    from hipnn_ts.doctor import report

    broken = False
    for check in report():
        mark, colour = MARKS[check.ok]
        click.echo(f"{click.style(f'{mark:<8}', fg=colour)}{check.name:<21}{check.detail}")
        if check.cure:
            click.echo(f"{'':<29}-> {check.cure}")
        broken = broken or check.ok is False
    if broken:
        raise SystemExit(1)
