"""The report of a run: errors, deviations, what was labelled and why, and what failed."""

from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Any

from hipnn_ts.files import replacing
from hipnn_ts.learning.folder import FRAMES, REPORT, SUMMARY, read_frames, read_json, round_folder
from hipnn_ts.learning.pictures import draw
from hipnn_ts.learning.sections import LearnConfig
from hipnn_ts.learning.walking import walker_file

STYLE = (
    "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #ddd}td.text,th.text{text-align:left}img{max-width:100%}"
)


def write_report(output: Path, config: LearnConfig, last: int) -> None:
    """Write ``report.html`` after round ``last``, including its pictures.

    Raises
    ------
    InputError
        Matplotlib is not installed, or the file cannot be written.
    """
    folders = [round_folder(output, number) for number in range(last + 1)]
    summaries = [read_json(folder / SUMMARY) for folder in folders]
    chosen = [read_frames(folder / FRAMES) for folder in folders]
    walks = [
        frame
        for walker in range(config.sampling.walkers)
        for frame in read_frames(walker_file(folders[-1], walker))
    ]
    picture = draw(summaries, chosen, walks, config.sampling)
    state = "What was asked for is reached." if summaries[-1]["known"] else "Not all is known yet."
    with replacing(output / REPORT) as temporary:
        temporary.write_text(
            "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>hipnn-ts learn"
            f"</title><style>{STYLE}</style></head><body><h1>{escape(output.name)}</h1>"
            f"<p>Labels by {escape(config.reference.calculator)}, committee of "
            f"{config.committee.members}, after round {last}. {state} Errors are those of held-back"
            " labels, deviations those of the largest deviation of a force in each frame.</p>"
            f"{_rounds(summaries)}"
            f"<p><img alt='Errors, deviations and labels by round' src='data:image/png;base64,"
            f"{b64encode(picture).decode()}'></p>"
            f"<h2>What was labelled and why</h2>{_reasons(chosen)}"
            f"<h2>Labels that failed</h2>{_failures(summaries)}</body></html>",
            encoding="utf-8",
        )


def _rounds(summaries: list[dict[str, Any]]) -> str:
    rows = [
        (
            each["round"],
            each["train"]["frames"],
            each["held_back"]["frames"],
            len(each["failed"]),
            f"{each['held_back']['forces_rmse']:.1f}",
            f"{each['train']['forces_rmse']:.1f}",
            f"{each['held_back']['energy_rmse']:.2f}",
            each["sampled"],
            each["stopped"],
            f"{1e3 * each['deviation']:.1f}",
        )
        for each in summaries
    ]
    head = (
        "round",
        "trained on",
        "held back",
        "failed",
        "forces RMSE, meV/Å",
        "the same in training",
        "energy RMSE, meV/atom",
        "frames sampled",
        "walks stopped",
        "deviation at 95 %, meV/Å",
    )
    return _table(head, rows)


def _reasons(chosen: list[list[Any]]) -> str:
    rows = []
    for number, frames in enumerate(chosen):
        groups: dict[tuple[str, str, str], list[float]] = {}
        for frame in frames:
            info = frame.info
            kelvin = f"{info['temperature']:g} K" if "temperature" in info else ""
            key = (str(info["use"]).replace("_", " "), str(info["why"]), kelvin)
            groups.setdefault(key, []).append(float(info.get("max_devi_f", "nan")))
        for key, deviations in sorted(groups.items()):
            known = deviations[0] == deviations[0]
            spread = f"{1e3 * min(deviations):.0f} to {1e3 * max(deviations):.0f}" if known else ""
            rows.append((number, len(deviations), *key, spread))
    head = ("round", "frames", "use", "why", "walk at", "deviation then, meV/Å")
    return _table(head, rows)


def _failures(summaries: list[dict[str, Any]]) -> str:
    rows = [
        (each["round"], failure["frame"], failure["why"])
        for each in summaries
        for failure in each["failed"]
    ]
    return _table(("round", "frame", "why"), rows) if rows else "<p>None.</p>"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    def cells(values: tuple[Any, ...], tag: str) -> str:
        return "".join(
            f"<{tag} class='text'>{escape(v)}</{tag}>"
            if isinstance(v, str) and tag == "td" and not v[:1].isdigit()
            else f"<{tag}>{escape(str(v))}</{tag}>"
            for v in values
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><tr>{cells(head, 'th')}</tr>{body}</table>"
