"""Training a potential on reference data."""
