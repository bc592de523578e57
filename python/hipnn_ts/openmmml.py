"""OpenMM-ML: ``MLPotential('hipnn-ts', model_path='model.pt')``.

OpenMM-ML loads this module through its entry point when it is itself imported, in every environment
that has both, so nothing is imported here until a potential is requested.
"""

from hipnn_ts.errors import InputError


class PotentialFactory:
    """OpenMM-ML calls this an MLPotentialImplFactory; this class has its interface, without its
    base class."""

    def createImpl(self, name: str, **arguments) -> "PotentialImplementation":  # noqa: N802
        """The potential for ``MLPotential(name, model_path=...)``.

        Raises
        ------
        InputError
            ``model_path`` is missing or is not a file written by ``hipnn-ts export``, or another
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
    """OpenMM-ML's MLPotentialImpl, which adds a force to the systems that OpenMM-ML makes."""

    def __init__(self, model_path):
        from hipnn_ts.export.file import checked_metadata

        checked_metadata(model_path)  # refuses a wrong file before the system is made
        self._model_path = model_path

    def addForces(self, topology, system, atoms, forceGroup, **arguments):  # noqa: N802, N803
        """Add the force to a system of OpenMM-ML.

        Keyword arguments of ``createSystem`` and ``createMixedSystem`` that arrive here are
        ``periodic``, ``implementation``, ``beyond_training`` and ``member``, as in
        :func:`hipnn_ts.openmm.create_force`.

        Raises
        ------
        InputError
            The errors of :func:`hipnn_ts.openmm.create_force`, or another argument is given.
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
