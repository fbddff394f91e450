"""The rules of the rollout, without git and clock: docs/explanation/rollout.md. Of the network, only the port of metrics.py."""
