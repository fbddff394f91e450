"""The repository's own images: their pins, signatures, and the pull request that changes them."""
