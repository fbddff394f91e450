"""What the SIMULATED `aws` and `gcp` providers have in common: both are Terraform providers behind Pulumi's
bridge."""

from __future__ import annotations

import re

from sandbox.clouds.core.schema import Problem


def explain(problem: Problem, token: str, name: str) -> str:
    """A refused input in the bridge's words (pulumi-terraform-bridge, pkg/tfbridge/check_failures)."""
    where = f"Examine values at '{name}.{problem.path}'."
    if problem.kind == "missing":
        argument = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", problem.path.rsplit(".", 1)[-1]).lower()
        return f'Missing required argument. The argument "{argument}" is required, but no definition was found. {where}'
    if problem.kind == "unknown":
        return f"Invalid or unknown key. {where} {problem.reason}".rstrip()
    return f"{problem.reason[:1].upper()}{problem.reason[1:]}. {where}"
