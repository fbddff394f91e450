"""The git host: refs by git, receipts and pull requests by its API, and the conductor's command."""
