"""Runs the kubernetes provider plugin (SIMULATED provider plugin, real API server)."""

from sandbox.kubernetes.provider import KubernetesProvider
from sandbox.plugin import serve

if __name__ == "__main__":
    serve(KubernetesProvider)
