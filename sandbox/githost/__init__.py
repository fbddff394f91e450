"""The sandbox's git host: a SIMULATED GitHub with one repository, over real git."""
