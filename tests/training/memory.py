"""Print the bytes of memory for each frame that is prepared for training.

python memory.py FOLDER IN_MEMORY FRAMES
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from hipnn_ts.training.config import parse_config
from hipnn_ts.training.prepare import prepare


def write(path: Path, n_frames: int) -> None:
    random = np.random.default_rng(n_frames)
    with path.open("w") as file:
        for _ in range(n_frames):
            energy, *values = random.normal(size=7).tolist()
            numbers = " ".join(map(repr, values))
            file.write(f"1\nProperties=species:S:1:pos:R:3:forces:R:3 {energy=}\nH {numbers}\n")


def run(folder: Path, in_memory: bool, n_frames: int) -> int:
    """Prepare ``n_frames`` frames; return the peak memory of the process in bytes."""
    path = folder / f"{n_frames}.xyz"
    write(path, n_frames)
    content = {
        "network": {"n_features": [8], "cutoff": 5.0, "soft_max": 4.0},
        "data": {"train": str(path), "in_memory": in_memory},
        "training": {"epochs": 1},
    }
    prepare(parse_config(content, "run.yaml"))
    # ru_maxrss would include the memory of the parent process.
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    folder, in_memory, n_frames = Path(sys.argv[1]), sys.argv[2] == "True", int(sys.argv[3])
    before = run(folder, in_memory, 200)  # includes all imports and one-time allocations
    print((run(folder, in_memory, n_frames) - before) / n_frames)
