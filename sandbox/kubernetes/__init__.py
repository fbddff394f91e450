"""Stand-in for the published `kubernetes` provider: a SIMULATED provider plugin on a real API server."""
