"""Checks with cosign that this repository's CI built and signed an image: .github/workflows/images.yml."""

from __future__ import annotations

import subprocess

from waves.images.pins import split_image

ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = ".github/workflows/images.yml@refs/heads/main"
REGISTRY = "ghcr.io"
"""The issuer, the workflow and the registry of the images that CI signs."""


def problem(app: str, image: str, repository: str) -> str:
    """Why an image does not count as built by this repository's CI. Empty if it does."""
    place = f"{REGISTRY}/{repository.lower()}/{app}"
    repository_path, _, digest = split_image(image)
    if repository_path != place or not digest.startswith("sha256:"):
        return f"not an image that CI pushes, which is {place}:COMMIT@sha256:…"
    identity = f"https://github.com/{repository}/{WORKFLOW}"
    command = ["cosign", "verify", image, "--certificate-oidc-issuer", ISSUER, "--certificate-identity", identity]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return 'cosign is not on PATH. Install it: docs.sigstore.dev, "Installation"'
    return (
        "" if done.returncode == 0 else f"cosign verify refuses it: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
    )
