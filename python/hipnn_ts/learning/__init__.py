"""Active learning, `hipnn-ts learn`: label the structures that a potential does not know."""
