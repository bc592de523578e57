"""Deviations of the members of a committee on trajectories, without torch."""
