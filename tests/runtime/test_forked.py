"""A process that has used several threads can fork; it runs as a program, since it may hang."""

import sys

import pytest

from hipnn_ts import processes

pytestmark = pytest.mark.slow

PROGRAM = """
import os, sys
import numpy as np
from hipnn_ts import _core
assert "torch" not in sys.modules
model = _core.Model(open(sys.argv[1], "rb").read(), sys.argv[1])
positions = np.stack(np.meshgrid(*[np.arange(7.0)] * 3), axis=-1).reshape(-1, 3) * 1.6
species = (np.arange(len(positions)) % 3 == 0).astype(int)
evaluation = _core.Evaluation(model)

def threads():
    return len(os.listdir("/proc/self/task"))

def energy():
    arguments = positions, species, np.eye(3) * 11.2, (True, True, False), np.zeros((0, 0)), 0
    return evaluation.compute(*arguments)[0].sum()

before = energy()
assert threads() > 1, "one thread: nothing could hang"
for generation in range(2):
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert energy() == before
        break
    assert energy() == before
    assert threads() > 1
print("done", generation)
"""


def test_children_and_their_parents_compute(random_model):
    """Children and parents compute after forks; only the module's own fork handler is at work."""
    command = [sys.executable, "-c", PROGRAM, str(random_model())]
    status, output = processes.run(command, environment={"OMP_NUM_THREADS": "3"})
    assert (status, output) == (0, "done 1\ndone 1\ndone 0\n")
