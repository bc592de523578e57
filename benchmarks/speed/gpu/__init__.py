"""The same on an NVIDIA GPU: run.sh does all of it."""
