"""Pictures of the report."""

import io
from typing import Any

import numpy as np
from ase import Atoms

from hipnn_ts.extras import need
from hipnn_ts.learning.sections import SamplingConfig


def draw(
    summaries: list[dict[str, Any]],
    chosen: list[list[Atoms]],
    walks: list[Atoms],
    sampling: SamplingConfig,
) -> bytes:
    """Four panels as a PNG: errors by number of labels, deviations in the last walks, whether
    deviations predicted errors, and which frames were chosen.

    Raises
    ------
    InputError
        Matplotlib is not installed.
    """
    need("matplotlib", "hipnn-ts learn: drawing its report")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    (errors, deviations), (truth, labels) = figure.subplots(2, 2)
    _errors(errors, summaries)
    _deviations(deviations, walks, sampling)
    _truth(truth, summaries)
    _labels(labels, chosen, sampling)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _errors(axis: Any, summaries: list[dict[str, Any]]) -> None:
    n = [each["train"]["frames"] + each["held_back"]["frames"] for each in summaries]
    axis.plot(n, [each["held_back"]["forces_rmse"] for each in summaries], "o-", label="held back")
    axis.plot(n, [each["train"]["forces_rmse"] for each in summaries], "o--", label="trained on")
    axis.plot(n, [1e3 * each["deviation"] for each in summaries], "s:", label="deviation at 95 %")
    axis.set(xlabel="labels", ylabel="forces RMSE, deviation, meV/Å", yscale="log")
    axis.set_title("errors and deviation")
    axis.legend()


def _deviations(axis: Any, walks: list[Atoms], sampling: SamplingConfig) -> None:
    by_temperature = {
        t: [f.info["max_devi_f"] for f in walks if f.info["temperature"] == t]
        for t in sorted(set(sampling.temperatures))
    }
    values = [value for found in by_temperature.values() for value in found]
    if values:
        bins = np.geomspace(min(values) * 0.99, max(values) * 1.01, 30)
        for temperature, found in by_temperature.items():
            axis.hist(found, bins, histtype="step", label=f"{temperature:g} K")
        axis.legend()
    axis.axvline(sampling.low, color="0.6", linestyle=":")
    axis.axvline(sampling.stop, color="0.6", linestyle="--")
    axis.set(xscale="log", xlabel="largest deviation of a force, eV/Å", ylabel="frames")
    axis.set_title("last walks; dotted low, dashed stop")


def _truth(axis: Any, summaries: list[dict[str, Any]]) -> None:
    for each in summaries:
        if each["chosen"]:
            x, y = (np.array([c[key] for c in each["chosen"]]) for key in ("deviation", "error"))
            axis.loglog(x, y, ".", label=f"round {each['round']}")
    ends = axis.get_xlim()
    axis.plot(ends, ends, color="0.6", linewidth=1)
    axis.set(xlabel="deviation before the label, eV/Å", ylabel="largest error of a force, eV/Å")
    axis.set_title("did the committee tell its error?")
    if axis.get_legend_handles_labels()[0]:
        axis.legend()


def _labels(axis: Any, chosen: list[list[Atoms]], sampling: SamplingConfig) -> None:
    for number, frames in enumerate(chosen):
        found = [f.info for f in frames if "step" in f.info]
        if found:
            steps = [max(int(info["step"]), 1) * sampling.timestep for info in found]
            axis.loglog(steps, [i["max_devi_f"] for i in found], ".", label=f"round {number}")
    axis.set(xlabel="time of the walk, fs", ylabel="deviation then, eV/Å")
    axis.set_title("what was labelled")
    if axis.get_legend_handles_labels()[0]:
        axis.legend()
