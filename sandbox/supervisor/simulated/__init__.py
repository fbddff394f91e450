"""SIMULATED programs and networks of a cluster."""
