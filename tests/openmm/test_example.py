import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

EXAMPLE = Path(__file__).parents[2] / "examples" / "openmm" / "water_nve.py"


def test_water_nve(random_model):
    command = [sys.executable, EXAMPLE, random_model(torch.float32), "--box=1", "--steps=40"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [line.split(",")[:4] for line in done.stdout.splitlines()[1:]]
    time, _, total, temperature = np.array(rows, dtype=float).T
    np.testing.assert_allclose(time, np.arange(1, 21) * 0.001)
    assert np.ptp(total) < 1.0
    assert (temperature > 50).all()
