"""A region's cluster on Azure: AKS and all that it needs."""
