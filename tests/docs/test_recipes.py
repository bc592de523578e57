"""The recipes for physical properties: their shortened code runs, and results are physical.

``HIPNN_TS_PICTURES=1`` runs the full code in build/recipes and copies its pictures to docs/pictures
(`make pictures`).
"""

import contextlib
import io
import os
import shutil

import matplotlib.image
import numpy as np
import pytest
from ase import units
from blocks import blocks_of
from running import ROOT, run_block
from scipy.signal import lfilter

pytestmark = pytest.mark.slow

RECIPES = ROOT / "docs" / "recipes"
PICTURES = ROOT / "docs" / "pictures"
FULL = bool(os.environ.get("HIPNN_TS_PICTURES"))
# Text on each page, and the shorter text that runs in its place.
SHORT = {
    "index": {
        "copper.extxyz 15": "copper.extxyz 5",
        "training.epochs=50": "training.epochs=15",
        "epochs: 50": "epochs: 10",
    },
    "phonons": {
        "repeats=4": "repeats=2",
        "repeats=6": "repeats=3",
        '{"repeats": 2}, {"repeats": 3}, {"repeats": 5}': '{"repeats": 3}',
    },
    "elastic_constants": {"17)": "3)"},
    "barrier": {"repeats=3, n_images=7": "repeats=2, n_images=5", "repeats=4": "repeats=2"},
    "thermal_conductivity": {
        "training.epochs=50": "training.epochs=10",
        "steps index 100000": "steps index 1000",
        "run             5000": "run             1000",
        "LONGEST = 8.0": "LONGEST = 0.2",
    },
    "vibrations": {},
    "spectrum": {"PICOSECONDS = 4": "PICOSECONDS = 0.5", "MOLECULES = 16": "MOLECULES = 4"},
}


def run_page(name, folder):
    """Run a page's code in ``folder``; return the names that its Python blocks define."""
    short = {} if FULL else dict(SHORT[name])
    names, printed = {"__name__": "__main__"}, io.StringIO()
    before = os.times()
    for block in blocks_of(RECIPES / f"{name}.md"):
        if block.reason:
            continue
        for there in [there for there in short if there in block.body]:
            block.body = block.body.replace(there, short.pop(there))
        try:
            with contextlib.redirect_stdout(printed):
                run_block(block, folder, names, time_limit=7200 if FULL else 240)
        except Exception as error:
            raise AssertionError(f"{name}.md, line {block.line}: {error!r}") from error
    assert not short, f"on no block of {name}.md"
    after = os.times()
    seconds = after.user + after.children_user - before.user - before.children_user
    if FULL:
        printed.write(f"processor time of this page: {seconds:.0f} s\n")
        (PICTURES / f"{name}.txt").write_text(printed.getvalue())
        if name != "index":
            shutil.copy(folder / f"{name}.png", PICTURES)
    elif name != "index":
        pixels = matplotlib.image.imread(folder / f"{name}.png")[..., :3]
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10
    return names


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folder with the models that the pages share."""
    folder = ROOT / "build" / "recipes" if FULL else tmp_path_factory.mktemp("recipes")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "molecules.pt").is_file():
        run_page("index", folder)
    return folder


@pytest.fixture
def page(models, tmp_path, monkeypatch):
    """Function that runs a page in a folder with the models; returns the names it defines."""

    def run(name):
        folder = models / name if FULL else tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in ("copper.pt", "molecules.pt", "copper.extxyz"):
            shutil.copy(models / file, folder)
        monkeypatch.chdir(folder)
        return run_page(name, folder)

    return run


def test_phonons(page):
    """No mode is imaginary, three vanish at Γ, and the slopes there give elastic constants."""
    names = page("phonons")
    bands = names["bands"]
    assert (
        bands.min() > -0.01
        and np.abs(names["frequencies"](names["wide"], [[0, 0, 0]])).max() < 0.01
    )
    assert np.abs(bands - names["reference_bands"]).max() < 0.15 * bands.max()
    c11, c12, c44 = names["from_slopes"](names["wide"])
    assert c11 > c12 > 0 and c44 > 0


def test_elastic_constants(page):
    """Stress and energy give the same constants, close to those of the reference method."""
    names = page("elastic_constants")
    by_stress, by_energy = names["constants"], names["from_energy"](names["model"])
    np.testing.assert_allclose(by_stress, by_energy, rtol=0.01)
    np.testing.assert_allclose(by_stress, names["from_stress"](names["reference"]), rtol=0.15)


def test_barrier(page):
    """The jump has the same barrier both ways, and its top has exactly one imaginary mode."""
    names = page("barrier")
    assert names["there"] == pytest.approx(names["back"], abs=2e-3)
    assert 0.3 < names["there"] < 1.5
    assert np.argmax(names["energies"]) == len(names["images"]) // 2
    assert (names["frequencies"].imag > 0.5).sum() == 1


def test_thermal_conductivity(page):
    """The page's function gives the exact conductivity of a synthetic flux."""
    names = page("thermal_conductivity")
    assert names["integral"].shape == names["error"].shape == names["times"].shape
    assert np.isfinite(names["integral"]).all() and (names["error"][1:] > 0).all()
    assert names["temperature"] == pytest.approx(700, abs=150)
    names["LONGEST"] = 4.0
    interval, decay, n = names["INTERVAL"], 0.5, 100_000
    kept = np.exp(-interval / decay)
    random = np.random.default_rng(0).normal(size=(n, 3))
    flux = lfilter([np.sqrt(1 - kept**2)], [1, -kept], random, axis=0)
    integral, error = names["conductivity"](flux, 1000.0, 300.0)
    exact = names["WATT"] * interval * (1 / (1 - kept) - 0.5) / (1000.0 * units.kB * 300.0**2)
    assert error[-1] < 0.1 * exact
    assert abs(integral[-1] - exact) < 3 * error[-1]


def test_vibrations(page):
    """Six modes vanish; the others are real and close to those of the reference method."""
    names = page("vibrations")
    found, expected = names["found"], names["expected"]
    assert np.abs(found[:6]).max() < 20 and found[6] > 100
    assert np.abs(found - expected)[6:].mean() < 100


def test_spectrum(page):
    """Cold atoms move with the harmonic frequencies, within the resolution of a short run."""
    names = page("spectrum")
    resolution = 2 * names["WAVENUMBER"] / 1000 / names["PICOSECONDS"]
    assert np.abs(names["nearest"][20] - names["harmonic"]).max() < resolution
    for wavenumbers, density in names["spectra"].values():
        assert np.trapezoid(density, wavenumbers) == pytest.approx(1)
        assert density[wavenumbers > 4500].sum() < 0.01 * density.sum()
