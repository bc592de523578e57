"""Mutation testing of the Python of `model`, `operators` and `export`: which changes do tests miss?

cosmic-ray proposes changes of numbers, operators, comparisons and conditions. A sample of them is
made one by one in a copy of the installed package, and the tests of the changed folder ("room") run
on each. A mutant that no test notices has survived and is printed as a diff. `make mutants` runs
this.
"""

import argparse
import contextlib
import difflib
import importlib.util
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[2]
# The tests of each room; those that notice changes soonest come first.
TESTS = {
    "model": ["model", "export/test_export.py", "training/test_training_config.py"],
    "operators": [
        f"operators/test_{name}.py"
        for name in ("geometry", "sensitivities", "invariants", "polynomials", "moments", "windows")
    ],
    "export": [
        f"export/test_{name}.py"
        for name in (
            *("export", "kinds", "uncertainty_files", "committee_files", "extrapolation"),
            *("format_versions", "format_1_without_torch", "hostile_documents", "hostile_files"),
        )
    ],
}
# Files that are covered by other tests than those of their room.
TESTS_OF_FILES = {
    "export/metatomic.py": ["metatomic"],
    "export/packing.py": ["export/test_export.py", "operators/test_windows.py"],
    "export/structures.py": ["ase/test_evaluate_batch.py", "ase/test_committee.py"],
    "model/cusp.py": ["physics/test_force_constants.py"],
}
# Kinds of change that say nothing about the tests: `|` in an annotation such as `int | None` is no
# arithmetic, and without a decorator hardly anything can be imported.
LEFT_OUT = ("ReplaceBinaryOperator_BitOr", "RemoveDecorator", "NoOp", "AddNot", "Variable")
LONGEST = 60  # seconds of processor time for the tests of one mutant


def proposals(source):
    """Lists of (operator, occurrence), one for each place that can be changed."""
    tree, places = get_ast(source), defaultdict(list)
    for name in operator_names():
        if any(part in name for part in LEFT_OUT) or get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        positions = (
            place for node in ast_nodes(tree) for place in operator.mutation_positions(node)
        )
        for occurrence, place in enumerate(positions):
            places[place].append((operator, occurrence))
    return list(places.values())


def sample(package, rooms, number, choice):
    """At most ``number`` mutants (file, source, changed source) in random order, and the number of
    places that can be changed."""
    found = []
    for room in rooms:
        for file in sorted((package / room).glob("*.py")):
            source = file.read_text()
            found += [(file, source, place) for place in proposals(source)]
    choice.shuffle(found)
    mutants = []
    for file, source, place in found:
        mutant = mutate_code(source, *choice.choice(place))
        if mutant is not None and mutant != source:
            mutants.append((file, source, mutant))
        if len(mutants) == number:
            break
    return mutants, len(found)


def in_a_child(function):
    """Exit status of a function in a forked process, which has this one's imports."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        silence = os.open(os.devnull, os.O_RDWR)
        os.dup2(silence, 1), os.dup2(silence, 2)
        os._exit(int(function()))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_tests(tests, *options):
    import pytest

    quick = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
    return pytest.main([*quick, *(str(ROOT / "tests" / test) for test in tests)])


def import_what_tests_import(rooms, folder):
    """Import all modules that the tests import, but not the mutated package nor the tests."""
    path = folder / "modules"

    def collect():
        tests = [test for room in rooms for test in TESTS[room]]
        code = run_tests(tests, "--collect-only")
        files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
        own = (str(ROOT), str(folder))
        others = [name for name, file in files.items() if file and not file.startswith(own)]
        path.write_text("\n".join(others))
        return code

    if in_a_child(collect) != 0:
        sys.exit("the tests cannot be collected")
    for name in path.read_text().split():
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=150, help="of mutants (default 150)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", choices=TESTS, action="append", help="default: all three")
    parser.add_argument("--only", type=int, nargs="+", help="these of the sample, by number")
    arguments = parser.parse_args()

    installed = Path(importlib.util.find_spec("hipnn_ts").origin).parent
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "hipnn_ts"
        shutil.copytree(installed, package, ignore=shutil.ignore_patterns("__pycache__"))
        for metadata in installed.parent.glob("hipnn_ts-*.dist-info"):
            shutil.copytree(metadata, Path(folder) / metadata.name)
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        rooms = arguments.room or list(TESTS)
        import_what_tests_import(rooms, Path(folder))
        mutants, places = sample(package, rooms, arguments.number, random.Random(arguments.seed))
        print(f"{len(mutants)} of {places} places, seed {arguments.seed}", flush=True)
        killed, tried = Counter(), Counter()
        for number, (file, source, mutant) in enumerate(mutants):
            if arguments.only and number not in arguments.only:
                continue
            name = str(file.relative_to(package))
            room = file.parent.name
            file.write_text(mutant)
            before = time.monotonic()
            tests = TESTS_OF_FILES.get(name, TESTS[room])
            noticed = in_a_child(partial(run_tests, tests)) != 0
            file.write_text(source)
            tried[room] += 1
            killed[room] += noticed
            seconds = time.monotonic() - before
            said = "killed" if noticed else "SURVIVED"
            print(f"{number}: {said} {name} {seconds:.0f} s", flush=True)
            if not noticed:
                diff = difflib.unified_diff(
                    source.splitlines(), mutant.splitlines(), name, name, n=1
                )
                print("\n".join(list(diff)[2:]), flush=True)
    for room in rooms:
        print(f"{room}: {killed[room]} of {tried[room]} mutants killed")
    print(f"all: {killed.total()} of {tried.total()} mutants killed")


if __name__ == "__main__":
    main()
