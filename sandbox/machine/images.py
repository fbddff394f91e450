"""Names of container images."""

from __future__ import annotations


def tag(image: str) -> str:
    """The tag in `REPOSITORY:TAG@DIGEST`. A registry ignores a tag beside a digest."""
    return image.partition("@")[0].rpartition(":")[2]
