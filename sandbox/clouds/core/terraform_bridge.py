"""Error messages of Pulumi's Terraform bridge, for the SIMULATED `aws`, `gcp` and `github` providers."""

from __future__ import annotations

import re

from sandbox.clouds.core.schema import SchemaError


def explain(error: SchemaError, token: str, name: str) -> str:
    """A refused input in the bridge's words (pulumi-terraform-bridge, pkg/tfbridge/check_failures)."""
    where = f"Examine values at '{name}.{error.path}'."
    if error.kind == "missing":
        argument = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", error.path.rsplit(".", 1)[-1]).lower()
        return f'Missing required argument. The argument "{argument}" is required, but no definition was found. {where}'
    if error.kind == "unknown":
        return f"Invalid or unknown key. {where} {error.reason}".rstrip()
    return f"{error.reason[:1].upper()}{error.reason[1:]}. {where}"
