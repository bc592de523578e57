"""The loop: label, train, sample, choose, until enough is known."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read

from hipnn_ts.errors import InputError
from hipnn_ts.export.potential import ExportedPotential
from hipnn_ts.files import replacing
from hipnn_ts.learning import choosing
from hipnn_ts.learning.config import LearnConfig, identity_of
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
    write_frames,
    write_json,
)
from hipnn_ts.learning.jobs import Jobs, started
from hipnn_ts.learning.labelling import label
from hipnn_ts.learning.processes import run as run_process
from hipnn_ts.learning.report import write_report
from hipnn_ts.learning.sampling import bare, rattled
from hipnn_ts.learning.walking import walker_file

STARTS = "starts.extxyz"


def learn(
    config: LearnConfig, output: str | Path, tell: Callable[[str], None] = lambda line: None
) -> Path:
    """Run the loop to its end in a folder, or go on where an earlier call was interrupted.

    Returns
    -------
    pathlib.Path
        of the last committee, in one exported file

    Raises
    ------
    InputError
        Something of the configuration cannot be used, the folder holds another run, all labels of
        a round failed, or what is finished cannot be written.
    """
    output = Path(output).resolve()
    with opened(output, identity_of(config)), started(config.jobs, output / "parsl") as jobs:
        return _Loop(config, output, jobs, tell).run()


class _Loop:
    def __init__(self, config: LearnConfig, output: Path, jobs: Jobs, tell: Callable[[str], None]):
        self.config, self.output, self.jobs, self.tell = config, output, jobs, tell
        self.plain = config.model_dump(mode="json")

    def run(self) -> Path:
        """Each step looks for what is finished, and does the rest."""
        self._starts()
        number = 0
        while True:
            summary = self._round(number)
            write_report(self.output, self.config, number)
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
        return self.output / MODEL

    def _round(self, number: int) -> dict[str, Any]:
        folder = make(round_folder(self.output, number))
        if number == 0 and not (folder / FRAMES).exists():
            write_frames(folder / FRAMES, choosing.first(self._first(folder), self.config))
        counts = self._label(folder, number)
        self._gather(folder, number)
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
        write_json(folder / SUMMARY, summary)
        with replacing(self.output / MODEL) as temporary:
            shutil.copyfile(folder / MODEL, temporary)
        return summary

    def _starts(self) -> None:
        frames = []
        for file in self.config.structures:
            try:
                frames += [bare(frame) for frame in read(file, ":")]
            except OSError as error:
                raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
            except Exception as error:  # ASE's readers declare none
                raise InputError(
                    f"{file}: expected structures in a format that ASE knows, found what it cannot "
                    f"read ({type(error).__name__}: {error})"
                ) from error
        if not frames:
            raise InputError(f"{self.config.structures[0]}: expected structures, found none")
        file = self.output / STARTS
        if not file.exists():
            write_frames(file, frames)
        elif not _same(read_frames(file), frames):
            raise InputError(
                f"{self.config.structures[0]}: expected the structures that this run began with, "
                f"found others; start a new run elsewhere, or put those of {file} back"
            )

    def _first(self, folder: Path) -> list[Atoms]:
        first, config = self.config.first, self.config
        starts = self.output / STARTS
        if first.method == "rattle":
            seed = [config.seed, 0, 0]
            return rattled(read_frames(starts), first.labels, first.displacement, seed)
        walkers = min(config.sampling.walkers, first.labels)
        make(folder / "walks")
        files = [folder / "walks" / f"reference-{k + 1}.extxyz" for k in range(walkers)]
        self._processes(
            "walking:run_reference",
            [
                (
                    {
                        "config": self.plain,
                        "starts": str(starts),
                        "file": str(file),
                        "walker": k,
                        "n": -(-first.labels // walkers),
                    },
                    file.with_suffix(".log"),
                )
                for k, file in enumerate(files)
                if not file.exists()
            ],
        )
        return [frame for file in files for frame in read_frames(file)][: first.labels]

    def _label(self, folder: Path, number: int) -> dict[str, Any]:
        frames = read_frames(folder / FRAMES)
        left = [index for index in range(len(frames)) if not is_labelled(folder, index)]
        if left:
            self.tell(f"round {number}: {len(left)} structures to label")
            jobs = self.config.jobs
            n_parts = len(left) if jobs.parsl else min(jobs.workers, len(left))
            parts = [left[k::n_parts] for k in range(n_parts)]
            reference = self.plain["reference"]
            self.jobs.run(label, [(folder, part, reference, jobs.threads) for part in parts])
        failed = [
            {"frame": index, **read_json(failure_file(folder, index))}
            for index in range(len(frames))
            if not label_file(folder, index).exists()
        ]
        for failure in failed:
            self.tell(f"round {number}: no label of frame {failure['frame']}: {failure['why']}")
        if len(failed) == len(frames):
            raise InputError(
                f"{folder / 'labels'}: expected at least one label, found that all {len(frames)} "
                f"failed, frame 0 because: {failed[0]['why']}; remove *.failed.json there to try "
                "again"
            )
        return {"labelled": len(frames) - len(failed), "failed": failed}

    def _gather(self, folder: Path, number: int) -> None:
        """All labels so far, by their use."""
        if (folder / "held_back.extxyz").exists():
            return
        parts: dict[str, list[Atoms]] = {"train": [], "held_back": []}
        for earlier in (round_folder(self.output, k) for k in range(number + 1)):
            for file in sorted((earlier / "labels").glob("*.extxyz")):
                for frame in read_frames(file):
                    parts[frame.info["use"]].append(frame)
        for use, frames in parts.items():
            if not frames:
                raise InputError(
                    f"{folder / 'labels'}: expected labels to train on and to hold back, found "
                    f"{len(parts['train'])} and {len(parts['held_back'])}, because others failed; "
                    "remove *.failed.json there to try again"
                )
            write_frames(folder / f"{use}.extxyz", frames)

    def _train(self, folder: Path, number: int) -> None:
        if (folder / ERRORS).exists():
            return
        before = round_folder(self.output, number - 1) if number else None
        pieces = []
        for k in range(self.config.committee.members):
            name = f"member-{k + 1}"
            training = self.config.training | {"seed": self.config.seed + k}
            if before and self.config.committee.restart:
                training["start_from"] = str(before / name / "best.ckpt")
            content = {
                "network": self.config.network,
                "data": {
                    "train": [str(folder / "train.extxyz")],
                    "validation": [str(folder / "held_back.extxyz")],
                },
                "training": training,
            }
            arguments = {"folder": str(folder / name), "content": content}
            pieces.append((arguments, folder / f"{name}.log"))
        self._processes("members:train_member", pieces)
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
        """What the walks say of the committee, and whether that is enough."""
        deviations = [choosing.deviation_of(frame) for frame in frames]
        # Walks that ended without a frame are as unknown as can be.
        deviation = float(np.percentile(deviations, 95)) if deviations else float("inf")
        rounds, sampling = self.config.rounds, self.config.sampling
        known = (
            rounds.forces_rmse is not None
            and errors["held_back"]["forces_rmse"] <= 1e3 * rounds.forces_rmse
            and deviation <= (sampling.low if rounds.deviation is None else rounds.deviation)
        )
        return {
            "sampled": len(frames),
            "stopped": sum(bool(frame.info["stopped"]) for frame in frames),
            "deviation": deviation,
            "known": known,
        }

    def _choose(self, number: int) -> bool:
        """Frames of the next round, from the walks of the last; whether there are any."""
        folder = make(round_folder(self.output, number))
        if (folder / FRAMES).exists():
            return True
        last = round_folder(self.output, number - 1)
        walkers = range(self.config.sampling.walkers)
        frames = [f for walker in walkers for f in read_frames(walker_file(last, walker))]
        network = ExportedPotential.read(last / MODEL).metadata.network
        chosen = choosing.choose(frames, self.config, network.elements, network.cutoff, number)
        if chosen:
            write_frames(folder / FRAMES, chosen)
        return bool(chosen)

    def _processes(self, function: str, pieces: list[tuple[dict[str, Any], Path]]) -> None:
        threads = self.config.jobs.threads
        self.jobs.run(run_process, [(function, each, threads, log) for each, log in pieces])


def _known(config: LearnConfig) -> str:
    deviation = config.rounds.deviation
    deviation = config.sampling.low if deviation is None else deviation
    return (
        f"forces RMSE below {1e3 * config.rounds.forces_rmse:g} meV/Å and deviations below "
        f"{1e3 * deviation:g} meV/Å"
    )


def _same(left: list[Atoms], right: list[Atoms]) -> bool:
    return len(left) == len(right) and all(
        a.numbers.tolist() == b.numbers.tolist()
        and np.allclose(a.positions, b.positions, atol=1e-6)
        and np.allclose(a.cell, b.cell, atol=1e-6)
        and a.pbc.tolist() == b.pbc.tolist()
        for a, b in zip(left, right, strict=True)
    )
