"""The command line `regions`: the rollout's commands and the sandbox's under one name."""
