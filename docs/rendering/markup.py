"""Write tables, numbers and the origin of results in Markdown."""

from collections.abc import Iterable

VERDICTS = {True: "reached", False: "**missed**", None: "not judged"}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table with the first column aligned left and the others right."""
    head = list(head)
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def number(value: float | None, form: str = ".3g") -> str:
    return "" if value is None else format(value, form)


def origin(result: dict, command: str = "") -> str:
    """Where a result comes from: date, commit, machine, versions of packages."""
    machine = result["machine"]
    versions = ", ".join(f"{p} {v}" for p, v in result["versions"].items() if p != "hipnn-ts")
    by = f"`{command}`, " if command else ""
    return (
        f"{by}{result['date'][:10]}, commit {result['commit']}, {machine['processor']} "
        f"({machine['instruction_set']}), {machine['cores']} cores; {versions}."
    )


def checks_table(result: dict) -> str:
    rows = []
    for check in result["checks"]:
        sign = "≤" if check["better"] == "lower" else "≥"
        verdict = VERDICTS[check["passed"]]
        if check["reason"]:
            verdict += f": {check['reason']}"
        name = check["name"].replace("|", "\\|")
        rows.append([name, number(check["value"]), f"{sign} {check['limit']:g}", verdict])
    return table(["bar", "measured", "limit", ""], rows)
