"""Evaluate in other processes in one way: python workers.py WAY DETAIL WHEN MODEL prints "done".

It is a program of its own, so that test_processes.py can kill it if it hangs, and so that worker
processes can import its main module.
"""

import copy
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from ase.build import molecule

from hipnn_ts.ase import HIPNNTSCalculator


def cluster():
    """Return a cluster large enough for three threads and for threads of torch's operators."""
    cell = molecule("H2O", cell=[3.1, 3.1, 3.1], pbc=True)
    atoms = cell * (4, 3, 3)
    atoms.pbc = False
    return atoms


def frames(n):
    made = [cluster() for _ in range(n)]
    for seed, atoms in enumerate(made):
        atoms.rattle(0.05, seed=seed)
    return made


def evaluate(atoms):
    """Return energy, forces, process id and number of threads; the atoms have a calculator."""
    return atoms.get_potential_energy(), atoms.get_forces(), os.getpid(), threads()


def threads():
    return len(os.listdir("/proc/self/task"))


def evaluate_with(calculator, atoms):
    atoms.calc = calculator
    return evaluate(atoms)


def from_the_parent(atoms):
    """Evaluate with the calculator that a forked process has inherited from its parent."""
    return evaluate_with(inherited, atoms)


def multiprocessing_pool(method, function, work):
    with multiprocessing.get_context(method).Pool(2) as pool:
        return pool.map(function, work, chunksize=1)


def executor(method, function, work):
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        return list(pool.map(function, work))


def with_joblib(backend, function, work):
    from joblib import Parallel, delayed

    return Parallel(n_jobs=2, backend=backend)(delayed(function)(each) for each in work)


def with_dask(_, function, work):
    import dask

    delayed = [dask.delayed(function)(each) for each in work]
    return list(dask.compute(*delayed, scheduler="processes", num_workers=2))


def with_mpi(_, function, work):
    """Rank 0 sends atoms with the calculator to all ranks, and each evaluates its share."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    assert world.Get_size() == 2
    work = world.bcast(work if world.Get_rank() == 0 else None)
    own = [function(each) for each in work[world.Get_rank() :: 2]]
    gathered = world.gather(own)
    if world.Get_rank() != 0:
        sys.exit()
    return [gathered[k % 2][k // 2] for k in range(len(work))]


WAYS = {
    "pool": multiprocessing_pool,
    "executor": executor,
    "joblib": with_joblib,
    "dask": with_dask,
    "mpi": with_mpi,
}


def main(way, detail, when, model):
    global inherited
    before = threads()
    inherited = calculator = HIPNNTSCalculator(model)
    assert threads() == before  # otherwise forking would not be safe here
    if when == "after":
        calculator.get_potential_energy(cluster())
        assert threads() > before
    # The copy keeps its results apart from the original's.
    expected = partial(evaluate_with, copy.deepcopy(calculator))
    work = frames(4)
    if detail == "fork" and way == "pool":
        found = WAYS[way](detail, from_the_parent, work)
    else:
        for atoms in work:
            atoms.calc = calculator
        found = WAYS[way](detail, evaluate, work)
    # torch starts at most as many threads as there are cores.
    least = int(os.environ["OMP_NUM_THREADS"]) if calculator.metadata.native else 2
    # Evaluate here only now, since that starts threads in this process.
    for (energy, forces, process, n), atoms in zip(found, frames(4), strict=True):
        wanted = expected(atoms)
        assert process != os.getpid() or way == "mpi"
        np.testing.assert_allclose(energy, wanted[0], rtol=1e-12)
        np.testing.assert_allclose(forces, wanted[1], rtol=0, atol=1e-11)
        assert n >= least or "joblib" in way
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
