"""The rules: pure functions and models, with no I/O, no Temporal and no clock of their own."""
