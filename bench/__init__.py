"""Measures what the project promises of speed and memory: `make bench` writes RESULTS.md. Never imported by the rest."""
