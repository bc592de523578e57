"""How far the members of a committee are apart on trajectories, without torch."""
