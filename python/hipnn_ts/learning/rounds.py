"""The loop of active learning: label, train, sample, choose, until the conditions are met."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from hipnn_ts.errors import InputError
from hipnn_ts.export.potential import ExportedPotential
from hipnn_ts.extras import need
from hipnn_ts.files import replacing
from hipnn_ts.frames import write_frames
from hipnn_ts.learning import choosing
from hipnn_ts.learning.beginning import STARTS, first_frames, take_starts
from hipnn_ts.learning.config import identity_of, training_of
from hipnn_ts.learning.folder import (
    ERRORS,
    FRAMES,
    MODEL,
    SUMMARY,
    failure_file,
    is_labelled,
    label_file,
    make,
    opened,
    read_frames,
    read_json,
    round_folder,
    write_json,
)
from hipnn_ts.learning.jobs import Jobs, started
from hipnn_ts.learning.labelling import gather, label
from hipnn_ts.learning.processes import run as run_process
from hipnn_ts.learning.report import write_report
from hipnn_ts.learning.sections import LearnConfig
from hipnn_ts.learning.walking import read_ends, walker_file


def learn(
    config: LearnConfig, output: str | Path, tell: Callable[[str], None] = lambda line: None
) -> Path:
    """Run the loop to its end in a folder, or continue an interrupted run.

    Returns
    -------
    pathlib.Path
        path of the latest committee, in one exported file

    Raises
    ------
    InputError
        The configuration cannot be used, the folder contains another run, all labels of a round
        failed, or files cannot be written.
    """
    output = Path(output).resolve()
    need("matplotlib", "hipnn-ts learn")  # now, rather than when the first report is drawn
    with opened(output, identity_of(config)), started(config.jobs, output / "parsl") as jobs:
        return _Loop(config, output, jobs, tell).run()


class _Loop:
    def __init__(self, config: LearnConfig, output: Path, jobs: Jobs, tell: Callable[[str], None]):
        self.config, self.output, self.jobs, self.tell = config, output, jobs, tell
        self.plain = config.model_dump(mode="json")

    def run(self) -> Path:
        """Each step looks for finished work, and does the rest."""
        take_starts(self.config, self.output)
        number = 0
        while True:
            summary = self._round(number)
            if summary["known"]:
                self.tell(f"{self.output / MODEL}: {_known(self.config)}; the loop ends")
                break
            if number == self.config.rounds.most:
                self.tell(f"{self.output / MODEL}: the loop ends after {number} rounds")
                break
            if not self._choose(number + 1):
                self.tell(
                    f"{self.output / MODEL}: no frame deviates by more than sampling.low; the "
                    "loop ends"
                )
                break
            number += 1
        self._publish(number)  # the call had nothing to do, or was given fewer rounds
        return self.output / MODEL

    def _publish(self, number: int) -> None:
        """The files that the user looks at."""
        with replacing(self.output / MODEL) as temporary:
            shutil.copyfile(round_folder(self.output, number) / MODEL, temporary)
        write_report(self.output, self.config, number)

    def _round(self, number: int) -> dict[str, Any]:
        folder = make(round_folder(self.output, number))
        if number == 0 and not (folder / FRAMES).exists():
            frames = first_frames(self.config, self.output, folder, self._processes)
            write_frames(folder / FRAMES, choosing.first(frames, self.config))
        counts = self._label(folder, number)
        gather(self.output, number)
        self._train(folder, number)
        errors = read_json(folder / ERRORS)
        self.tell(
            f"round {number}: {errors['train']['frames']} labels to train on; held back "
            f"{errors['held_back']['frames']}: forces RMSE "
            f"{errors['held_back']['forces_rmse']:.1f} meV/Å, energy RMSE "
            f"{errors['held_back']['energy_rmse']:.2f} meV/atom"
        )
        frames = self._sample(folder, number)
        summary = {"round": number, **counts, **errors, **self._judged(frames, errors)}
        self.tell(
            f"round {number}: {len(frames)} frames sampled, deviation of forces at 95 %: "
            f"{1e3 * summary['deviation']:.1f} meV/Å; {summary['stopped']} walks stopped"
        )
        new = not (folder / SUMMARY).exists()
        write_json(folder / SUMMARY, summary)
        if new:
            self._publish(number)
        return summary

    def _label(self, folder: Path, number: int) -> dict[str, Any]:
        frames = read_frames(folder / FRAMES)
        left = [index for index in range(len(frames)) if not is_labelled(folder, index)]
        if left:
            self.tell(f"round {number}: {len(left)} structures to label")
            reference = self.plain["reference"]
            threads = self.config.jobs.threads
            parts = self._shared(left)
            self.jobs.run(label, [(folder, part, reference, threads) for part in parts])
        failed = [
            {"frame": index, **read_json(failure_file(folder, index))}
            for index in range(len(frames))
            if not label_file(folder, index).exists()
        ]
        for failure in failed:
            self.tell(f"round {number}: frame {failure['frame']} has no label: {failure['why']}")
        if len(failed) == len(frames):
            raise InputError(
                f"{folder / 'labels'}: expected at least one label, found {len(frames)} that "
                f"failed, frame 0 because: {failed[0]['why']}; remove *.failed.json there to try "
                "again"
            )
        return {"labelled": len(frames) - len(failed), "failed": failed}

    def _train(self, folder: Path, number: int) -> None:
        if (folder / ERRORS).exists():
            return
        before = round_folder(self.output, number - 1) if number else None
        shared = training_of(self.config, len(read_frames(folder / "train.extxyz")))
        contents = {}
        for k in range(self.config.committee.members):
            name = f"member-{k + 1}"
            training = shared | {"seed": self.config.seed + k}
            if before and self.config.committee.restart:
                training["start_from"] = str(before / name / "best.ckpt")
            contents[str(folder / name)] = {
                "network": self.config.network,
                "data": {
                    "train": [str(folder / "train.extxyz")],
                    "validation": [str(folder / "held_back.extxyz")],
                },
                "training": training,
            }
        pieces = [
            ({"contents": {name: contents[name] for name in names}}, Path(f"{names[0]}.log"))
            for names in self._shared(list(contents))
        ]
        self._processes("members:train_members", pieces)
        arguments = {
            "round_": str(folder),
            "before": str(before / MODEL) if before else None,
        }
        self._processes("members:make_committee", [(arguments, folder / "committee.log")])

    def _sample(self, folder: Path, number: int) -> list[Atoms]:
        walkers = range(self.config.sampling.walkers)
        files = [walker_file(folder, walker) for walker in walkers]
        make(folder / "walks")
        self._processes(
            "walking:run_walker",
            [
                (
                    {
                        "config": self.plain,
                        "starts": str(self.output / STARTS),
                        "model": str(folder / MODEL),
                        "round_": str(folder),
                        "walker": walker,
                        "number": number,
                    },
                    file.with_suffix(".log"),
                )
                for walker, file in zip(walkers, files, strict=True)
                if not file.with_suffix(".json").exists()
            ],
        )
        return [frame for file in files for frame in read_frames(file)]

    def _judged(self, frames: list[Atoms], errors: dict[str, Any]) -> dict[str, Any]:
        """What the walks say about the committee, and whether it is good enough."""
        deviations = [choosing.deviation_of(frame) for frame in frames]
        # Walks that ended without a frame count as completely unknown.
        deviation = float(np.percentile(deviations, 95)) if deviations else float("inf")
        asked = self.config.rounds
        known = (
            not (asked.forces_rmse is None and asked.deviation is None)
            and errors["held_back"]["forces_rmse"] <= 1e3 * (asked.forces_rmse or np.inf)
            and deviation <= _asked_deviation(self.config)
        )
        return {
            "sampled": len(frames),
            "stopped": sum(bool(frame.info["stopped"]) for frame in frames),
            "deviation": deviation,
            "known": known,
        }

    def _choose(self, number: int) -> bool:
        """Choose the frames of the next round from the last walks; return whether there are any."""
        folder = make(round_folder(self.output, number))
        if (folder / FRAMES).exists():
            return True
        last = round_folder(self.output, number - 1)
        walkers = range(self.config.sampling.walkers)
        frames = [f for walker in walkers for f in read_frames(walker_file(last, walker))]
        if not frames:
            ends = [end for walker in walkers for end in read_ends(last, walker)]
            raise InputError(
                f"{last / 'walks'}: expected frames of the committee's walks, found none: "
                f"{next((end['why'] for end in ends if end['why']), 'no steps')}"
            )
        network = ExportedPotential.read(last / MODEL).metadata.network
        chosen = choosing.choose(frames, self.config, network.elements, network.cutoff, number)
        if chosen:
            write_frames(folder / FRAMES, chosen)
        return bool(chosen)

    def _shared(self, pieces: list[Any]) -> list[list[Any]]:
        """One share for each worker of this machine, which then starts one process for all of
        its pieces; the number of other workers is unknown here."""
        jobs = self.config.jobs
        n_parts = len(pieces) if jobs.parsl else min(jobs.workers, len(pieces))
        return [pieces[k::n_parts] for k in range(n_parts)]

    def _processes(self, function: str, pieces: list[tuple[dict[str, Any], Path]]) -> None:
        threads = self.config.jobs.threads
        self.jobs.run(run_process, [(function, each, threads, log) for each, log in pieces])


def _asked_deviation(config: LearnConfig) -> float:
    deviation = config.rounds.deviation
    return config.sampling.low if deviation is None else deviation


def _known(config: LearnConfig) -> str:
    error = config.rounds.forces_rmse
    return (
        f"{'' if error is None else f'forces RMSE below {1e3 * error:g} meV/Å and '}deviations "
        f"below {1e3 * _asked_deviation(config):g} meV/Å"
    )
