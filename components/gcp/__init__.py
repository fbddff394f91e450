"""A region's cluster on Google Cloud: GKE and all that it needs."""
