"""A potential that says what it does not know, and has that labelled: `hipnn-ts learn`."""
