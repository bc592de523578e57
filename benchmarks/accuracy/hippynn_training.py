"""Train with hippynn's own routines: its database, loss, controller and loop.

The recipes are those of its examples: ANI-1x for molecules (RMSE + MAE of total energies and, if
the data has them, forces, in kcal/mol; hierarchicality of each molecule) and ANI-Al for periodic
systems (energies per atom, weighted a hundredfold, in eV; hierarchicality per atom; L2). Both use
Adam, batches that double and learning rates that halve on plateaus, and keep the model with the
lowest validation loss; neither uses stress. Added to the loop are a callback that ends it when the
time is spent, and one that writes the state from which it can continue.
"""

import copy
import csv
import time
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import hippynn
import numba
import numpy as np
import torch
from ase import Atoms
from hippynn.databases import Database
from hippynn.experiment import SetupParams, assemble_for_training, setup_training, train_model
from hippynn.experiment.controllers import PatienceController, RaiseBatchSizeOnPlateau
from hippynn.experiment.serialization import create_state
from hippynn.graphs import inputs, networks, physics, targets
from hippynn.graphs.nodes.loss import MAELoss, Mean, MSELoss, l2reg
from hippynn.pretraining import hierarchical_energy_initialization

from benchmarks.speed.hippynn_peer import use_kernel
from hipnn_ts.data.dataset import composition
from hipnn_ts.data.self_energies import fit_self_energies
from hipnn_ts.files import replacing
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.hippynn.settings import ImportSettings
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.units import ENERGY_UNITS

NETWORKS = (networks.Hipnn, networks.HipnnVec, networks.HipnnQuad)
ENERGY_WEIGHT = 100.0  # of energies per atom in periodic systems
L2 = 1e-6  # in periodic systems
LEARNING_RATE = 1e-3  # as in hippynn's examples
PATIENCE = 20  # epochs; they are short here
PER_ATOM = "energy per atom"  # name of that database column
STATE, LOG = "state.pt", "metrics.csv"


class Clock:
    """Ends training after the epoch in which the time is spent; keeps state and log.

    It starts when the first batch is done, so that numba's compilation does not count.
    """

    def __init__(self, minutes: float, training_modules, controller, tracker):
        self.minutes = minutes
        self.model, self.controller, self.tracker = training_modules[0], controller, tracker
        self.before = 0.0
        self.started = None

    @property
    def spent(self) -> float:
        running = 0.0 if self.started is None else time.process_time() - self.started
        return self.before + running / 60

    def batch_ends(self, *_) -> None:
        """Callback after every batch."""
        if self.started is None:
            self.started = time.process_time()

    def epoch_ends(self, epoch: int, better: bool) -> None:
        """Callback after the validation of every epoch."""
        if better:  # hippynn itself keeps the model only after the callbacks
            self.tracker.best_model = copy.deepcopy(self.model.state_dict())
        errors = self.tracker.epoch_metric_values[-1]["valid"]
        with Path(LOG).open("a", newline="") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(["epoch", "minutes", *errors])
            writer.writerow([epoch, self.spent, *(float(value) for value in errors.values())])
        state = create_state(self.model, self.controller, self.tracker)
        with replacing(STATE) as temporary:
            torch.save(state | {"minutes": self.spent}, temporary)
        if self.spent >= self.minutes:
            # hippynn's loop ends early on this; the state to continue from is written.
            raise KeyboardInterrupt

    def resume(self) -> None:
        """Continue from the state file, if there is one."""
        if not Path(STATE).is_file():
            return
        state = torch.load(STATE, weights_only=False)  # written above
        self.before = state["minutes"]
        self.model.load_state_dict(state["model"])
        self.controller.load_state_dict(state["controller"])
        vars(self.tracker).update(vars(state["metric_tracker"]))
        torch.random.set_rng_state(state["torch_rng_state"])


def train_with_hippynn(
    network: NetworkConfig,
    training,
    validation,
    folder: Path,
    minutes: float,
    batch: int,
    seed: int,
) -> tuple[Potential, dict]:
    """Train on lists of frames for ``minutes`` of processor time; the potential and its history."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = [*training, *validation]
    counts = composition(frames, network.elements)
    energies = np.array([frame.get_potential_energy() for frame in training])
    self_energies = fit_self_energies(counts[: len(training)], energies)
    torch.manual_seed(seed)
    numba.set_num_threads(torch.get_num_threads())
    hippynn.settings.WARN_LOW_DISTANCES = False
    hippynn.settings.PROGRESS = None
    use_kernel("numba")
    with (
        chdir(folder),
        Path("log.txt").open("a") as log,
        redirect_stdout(log),
        redirect_stderr(log),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        periodic = bool(frames[0].pbc.all())
        unit = "eV" if periodic else "kcal/mol"
        with_forces = "forces" in frames[0].calc.results
        energy, losses = graph(network, periodic, with_forces)
        modules, info = assemble_for_training(losses["LossTotal"], losses)
        arrays = padded(frames, counts @ self_energies, ENERGY_UNITS[unit])
        database = Database(arrays, seed=seed, quiet=True, pin_memory=False, **info)
        database.make_explicit_split("train", torch.arange(len(training)))
        database.make_explicit_split("valid", torch.arange(len(training), len(frames)))
        per_atom = {"peratom": True, "energy_name": PER_ATOM} if periodic else {}
        hierarchical_energy_initialization(energy, database, trainable_after=False, **per_atom)
        optimizer = torch.optim.Adam(modules.model.parameters(), lr=LEARNING_RATE)
        controller = PatienceController(
            optimizer=optimizer,
            scheduler=RaiseBatchSizeOnPlateau(
                optimizer, max_batch_size=8 * batch, patience=PATIENCE
            ),
            batch_size=batch,
            eval_batch_size=batch,
            max_epochs=10**6,
            stopping_key="LossTotal",
            termination_patience=10**6,  # only the time ends training
            fraction_train_eval=0.01,
        )
        modules, controller, tracker = setup_training(
            modules, SetupParams(controller=controller, device="cpu")
        )
        clock = Clock(minutes, modules, controller, tracker)
        clock.resume()
        if clock.spent < minutes:
            callbacks = [clock.epoch_ends], [clock.batch_ends]
            train_model(modules, database, controller, tracker, *callbacks, store_best=False)
        model = modules.model
        model.load_state_dict(tracker.best_model)
        torch.save(model.state_dict(), "best_model.pt")
        done = {
            "minutes": clock.spent,
            "epochs": controller.current_epoch,
            "curve": curve(Path(LOG), validation, ENERGY_UNITS[unit]) if with_forces else [],
        }
    settings = ImportSettings(energy_unit=unit, elements=network.elements, cutoff=network.cutoff)
    potential = import_hippynn(folder / "best_model.pt", settings)[0]
    potential.self_energies += torch.from_numpy(self_energies)
    return potential, done


def graph(network: NetworkConfig, periodic: bool, with_forces: bool):
    """Energy node and losses, as in hippynn's ani1x_training.py and ani_aluminum_example.py."""
    species = inputs.SpeciesNode(db_name="Z")
    positions = inputs.PositionsNode(db_name="R")
    cell = [inputs.CellNode(db_name="C")] if periodic else []
    sizes = {
        "possible_species": [0, *network.atomic_numbers],
        "n_features": network.n_features[0],
        "n_sensitivities": network.n_sensitivities,
        "dist_soft_min": network.soft_min,
        "dist_soft_max": network.soft_max,
        "dist_hard_max": network.cutoff,
        "n_interaction_layers": len(network.n_features),
        "n_atom_layers": network.n_atom_layers,
    }
    if network.l_max:
        sizes["cusp_reg"] = network.cusp_regularisation
    net = NETWORKS[network.l_max](
        "network", (species, positions, *cell), periodic=periodic, module_kwargs=sizes
    )
    energy = targets.HEnergyNode("energy", net)
    hierarchicality = energy.hierarchicality
    judged = energy.mol_energy
    if periodic:
        judged = physics.PerAtom("energy_per_atom", judged)
        hierarchicality = physics.PerAtom("hierarchicality_per_atom", hierarchicality)
    judged.db_name = PER_ATOM if periodic else "E"
    losses = {
        "T-RMSE": MSELoss.of_node(judged) ** (1 / 2),
        "T-MAE": MAELoss.of_node(judged),
        "T-Hier": Mean.of_node(hierarchicality),
    }
    energy_errors = losses["T-RMSE"] + losses["T-MAE"]
    total = (ENERGY_WEIGHT if periodic else 1.0) * energy_errors + losses["T-Hier"]
    if with_forces:
        forces = physics.GradientNode("forces", (energy, positions), sign=-1)
        forces.db_name = "F"
        losses["F-RMSE"] = MSELoss.of_node(forces) ** (1 / 2)
        losses["F-MAE"] = MAELoss.of_node(forces)
        total = total + losses["F-RMSE"] + losses["F-MAE"]
    losses["LossTotal"] = total + L2 * l2reg(net) if periodic else total
    return energy, losses


def curve(log: Path, validation: list[Atoms], unit: float) -> list[tuple[float, float]]:
    """Minutes and RMSE of validation forces (meV/Å) after each epoch; ``unit`` is in eV."""
    sizes = [len(frame) for frame in validation]
    # hippynn also averages over the zeros with which it pads small configurations.
    factor = 1e3 * unit * (max(sizes) * len(sizes) / sum(sizes)) ** 0.5
    with log.open(newline="") as file:
        return [
            (float(row["minutes"]), factor * float(row["F-RMSE"])) for row in csv.DictReader(file)
        ]


def padded(frames: list[Atoms], self_energies: np.ndarray, unit: float) -> dict[str, torch.Tensor]:
    """Frames as hippynn's arrays, padded with zeros to the largest; ``unit`` is in eV."""

    def filled(rows: list[np.ndarray]) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], True)

    energies = np.array([frame.get_potential_energy() for frame in frames]) - self_energies
    arrays = {
        "Z": filled([frame.numbers for frame in frames]),
        "R": filled([frame.positions for frame in frames]).float(),
        "E": torch.from_numpy(energies / unit).float()[:, None],
    }
    if "forces" in frames[0].calc.results:
        arrays["F"] = filled([frame.get_forces() / unit for frame in frames]).float()
    if frames[0].pbc.all():
        arrays["C"] = torch.from_numpy(np.stack([frame.cell.array for frame in frames])).float()
        arrays[PER_ATOM] = arrays["E"] / (arrays["Z"] > 0).sum(dim=1, keepdim=True)
    return arrays
