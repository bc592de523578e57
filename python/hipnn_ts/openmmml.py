"""OpenMM-ML: ``MLPotential('hipnn-ts', model_path='model.pt')``.

OpenMM-ML loads this module when it is imported itself, by its entry point, in every environment
that has both: nothing is imported here before a potential is asked for.
"""

from hipnn_ts.errors import InputError


class PotentialFactory:
    """What OpenMM-ML calls an MLPotentialImplFactory; its interface, without its base class."""

    def createImpl(self, name: str, **arguments) -> "PotentialImplementation":  # noqa: N802
        """The potential behind ``MLPotential(name, model_path=...)``.

        Raises
        ------
        InputError
            ``model_path`` is missing or not a file written by ``hipnn-ts export``, or another
            argument is given.
        """
        model_path = arguments.pop("model_path", None)
        _refuse(f"MLPotential('{name}')", arguments, ["model_path"])
        if model_path is None:
            raise InputError(
                f"MLPotential('{name}'): expected model_path, a file written by `hipnn-ts export`, "
                "found none"
            )
        return PotentialImplementation(model_path)


class PotentialImplementation:
    """OpenMM-ML's MLPotentialImpl: adds a force to the systems that OpenMM-ML makes."""

    def __init__(self, model_path):
        from hipnn_ts.export.file import checked_metadata

        checked_metadata(model_path)  # a wrong file is named here, not when the system is made
        self._model_path = model_path

    def addForces(self, topology, system, atoms, forceGroup, **arguments):  # noqa: N802, N803
        """Add the force, as OpenMM-ML asks for it.

        Keyword arguments of ``createSystem`` and ``createMixedSystem`` that end up here:
        ``periodic``, ``implementation``, ``beyond_training`` and ``member``, as in
        :func:`hipnn_ts.openmm.create_force`.

        Raises
        ------
        InputError
            As :func:`hipnn_ts.openmm.create_force`, or for another argument.
        """
        from hipnn_ts.openmm import create_force

        known = ["periodic", "implementation", "beyond_training", "member"]
        options = {key: arguments.pop(key) for key in known if key in arguments}
        _refuse("hipnn-ts", arguments, known)
        force = create_force(self._model_path, topology, atoms, **options)
        force.setForceGroup(forceGroup)
        system.addForce(force)


def _refuse(where: str, arguments: dict, known: list[str]) -> None:
    for key in arguments:
        raise InputError(f"{where}: expected the arguments {', '.join(known)}, found '{key}'")
