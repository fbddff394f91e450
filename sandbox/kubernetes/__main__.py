"""Runs the kubernetes provider plugin (SIMULATED provider plugin, real API server)."""

from sandbox.kubernetes.provider import KubernetesProvider
from sandbox.provider_sdk.server import serve

if __name__ == "__main__":
    serve(KubernetesProvider)
