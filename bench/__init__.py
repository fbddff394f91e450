"""Measurements of the project's promises, which `make bench` runs. RESULTS.md has the figures."""
