"""The machinery of the SIMULATED clouds, the same for all of them; the rules are in the folders beside it."""
