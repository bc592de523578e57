"""The error of `make debian` where it cannot start; the tests it runs cover the rest."""

import os
import shutil
import subprocess
from pathlib import Path

SET_UP = Path(__file__).parents[2] / "tools" / "debian" / "set_up.sh"


def test_what_is_missing_is_one_sentence(tmp_path):
    for name in ("bash", "id"):
        (tmp_path / name).symlink_to(shutil.which(name))
    run = subprocess.run(
        [shutil.which("bash"), SET_UP, tmp_path / "debian"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    sentence = "chroot and its mounts want root" if os.geteuid() else "debootstrap not found"
    assert run.stderr.startswith(f"make debian: {sentence}")
    assert len(run.stderr.splitlines()) == 1
    assert not (tmp_path / "debian").exists()
