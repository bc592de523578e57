"""A lack of memory for pairs is an exception."""

import sys

import pytest
from sanitized import SANITIZED

from hipnn_ts import processes

pytestmark = pytest.mark.slow

PROGRAM = """
import resource, sys
import numpy as np
from hipnn_ts import _core

model = _core.Model(open(sys.argv[1], "rb").read(), sys.argv[1])
evaluation = _core.Evaluation(model)
positions = np.random.default_rng(0).uniform(0, 4.0, (30_000, 3))

def compute(n):
    return evaluation.compute(
        positions[:n], np.zeros(n, int), np.eye(3), (False,) * 3, np.zeros((0, 0)), 2
    )

expected = compute(300)[1]  # starts the threads
(pages,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (int(pages) * 1024 + (1 << 30),) * 2)
for _ in range(2):
    try:
        compute(30_000)
    except MemoryError:
        print("no memory")
    assert (compute(300)[1] == expected).all()
"""


@pytest.mark.skipif(SANITIZED, reason="the sanitizer itself ends a process that lacks memory")
def test_a_lack_of_memory_is_an_exception(random_model):
    """An exception in one of several threads once ended the process."""
    command = [sys.executable, "-c", PROGRAM, str(random_model())]
    status, output = processes.run(command, environment={"OMP_NUM_THREADS": "2"})
    assert (status, output) == (0, "no memory\n" * 2)
