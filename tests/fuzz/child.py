"""Read one damaged file after another, in a process that may crash.

    python child.py FOLDER SEED SECONDS KIND FILE [KIND FILE ...]

The files take turns, with SECONDS for each. Each input is written to FOLDER before it is read, so
that the last one is the input that ended the process. A reader may accept it or raise InputError;
anything else ends the process with a traceback. Prints the number of inputs.
"""

import contextlib
import os
import resource
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from ase import Atoms
from c_library import BAD_FILE, INVALID_ARGUMENT, NOT_FINITE, CError, Library
from mutations import damaged, rearranged

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_frames
from hipnn_ts.errors import InputError
from hipnn_ts.export import load_exported
from hipnn_ts.hippynn.settings import parse_settings
from hipnn_ts.training.config import read_config
from hipnn_ts.training.resume import state_to_resume
from hipnn_ts.validation import read_mapping

MEMORY = 16 << 30  # limit of the address space in bytes, more than these files need


def evaluate(module) -> list[torch.Tensor]:
    ends = torch.tensor([0, 1]), torch.tensor([1, 0])
    vectors = torch.tensor([[0.0, 0.3, 0.9], [0.0, -0.3, -0.9]], dtype=torch.float64)
    return list(module.energies_and_pair_gradients(torch.tensor([0, 1]), *ends, vectors))


class Model:
    """An accepted file computes what the original computes, unless its records were rewritten."""

    def __init__(self, original: Path):
        self.expected = evaluate(load_exported(original)[0])

    def read(self, path: Path, anew: bool) -> None:
        module, _ = load_exported(path)
        # Rewritten code and weights, with valid checksums, may be another model.
        with contextlib.suppress(RuntimeError) if anew else contextlib.nullcontext():
            found = evaluate(module)
            same = all(map(torch.equal, found, self.expected))
            assert anew or same, "other energies than the file's, without a word"


class Native:
    """As ``Model``, but read by the runtime without torch."""

    def __init__(self, original: Path):
        self.expected = self.computed(original)

    @staticmethod
    def computed(path: Path) -> list[np.ndarray]:
        atoms = Atoms("OH", positions=[[0.0, 0.0, 0.0], [0.0, 0.3, 0.9]])
        atoms.calc = HIPNNTSCalculator(path, beyond_training="ignore")
        return [atoms.get_potential_energies(), atoms.get_forces()]

    def read(self, path: Path, anew: bool) -> None:
        found = self.computed(path)
        same = all(map(np.array_equal, found, self.expected))
        assert anew or same, "other energies than the file's, without a word"


class LibraryModel:
    """As ``Model``, but read through the C interface, which refuses with a status."""

    def __init__(self, original: Path):
        self.library = Library()
        self.expected = self.evaluate(original)

    def evaluate(self, path: Path) -> tuple:
        numbers, positions = [8, 1, 1], [[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]
        evaluation = self.library.load(path).evaluation()
        return evaluation.compute(numbers, positions, np.eye(3) * 5.0, (1, 0, 1))

    def read(self, path: Path, anew: bool) -> None:
        try:
            found = self.evaluate(path)
        except CError as error:
            # A rewritten model may have other elements, or give results that are not finite.
            statuses = {BAD_FILE} | ({INVALID_ARGUMENT, NOT_FINITE} if anew else set())
            assert error.status in statuses, f"status {error.status}: {error}"
            raise InputError(str(error)) from error
        same = all(map(np.array_equal, found, self.expected))
        assert anew or same, "other energies than the file's, without a word"


class Plain:
    """Files that are only read; the content is not checked further."""

    def __init__(self, kind: str):
        self.reader = READERS[kind]

    def read(self, path: Path, _: bool) -> None:
        self.reader(path)


MODELS = {"model": Model, "native": Native, "library": LibraryModel}
READERS = {
    "checkpoint": load_checkpoint,
    "state": lambda path: state_to_resume(path, {}),
    "data": read_frames,
    "config": read_config,
    "settings": lambda path: parse_settings(read_mapping(path), str(path)),
}


def main() -> None:
    folder, seed, seconds, *files = sys.argv[1:]
    warnings.simplefilter("ignore")
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):  # ASan maps more addresses than that
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    turns = [
        (MODELS[kind](Path(name)) if kind in MODELS else Plain(kind), kind, Path(name))
        for kind, name in zip(files[::2], files[1::2], strict=True)
    ]
    end, count = time.monotonic() + len(turns) * float(seconds), 0
    while count < len(turns) or time.monotonic() < end:
        reader, kind, original = turns[count % len(turns)]
        random = np.random.default_rng([int(seed), count])
        archive = kind in (*MODELS, "checkpoint", "state")
        archive = archive or original.suffix == ".npz"
        anew = archive and random.random() < 0.6
        change = rearranged if anew else damaged
        path = Path(folder) / f"input{original.suffix}"
        path.write_bytes(change(random, original.read_bytes()))
        try:
            reader.read(path, anew)
        except InputError as error:
            assert "\n" not in str(error), f"more than a sentence: {error}"
        count += 1
    print(count)


if __name__ == "__main__":
    main()
