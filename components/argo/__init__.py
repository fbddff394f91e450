"""Argo CD, Argo Workflows and the region's application, inside of the cluster."""
