"""The parts that all clouds' clusters have in common."""
