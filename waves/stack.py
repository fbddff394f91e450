"""`waves stack`: a region as a Stack of the Pulumi Kubernetes Operator, which then runs its updates instead of CI's jobs.

Source: github.com/pulumi/pulumi-kubernetes-operator, docs/stacks.md (version 2, pulumi.com/v1).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

import fleet
from fleet.keys import wanted
from waves.console import Json, Options, Region, errors
from waves.host import followed
from waves.validation import against, defined

app = typer.Typer()
KIND = ("pulumi.com/v1", "Stack")
SECRET, SERVICE_ACCOUNT = "regions-keys", "regions"
"""What has to be in the Stack's namespace: a Secret with the keys by their variables' names, and a service account that the clouds
trust as the wave's deploy role."""
IMAGE = "docker.io/pulumi/pulumi:3.200.0-nonroot"


def stack(region: fleet.Region, repository: str, backend: str) -> dict[str, Any]:
    """The Stack of a region: it updates from the region's branch, and never destroys. Pure."""
    spec: dict[str, Any] = {
        "stack": region.name,
        "projectRepo": repository,
        "branch": f"refs/heads/{region.branch}",
        "shallow": True,
        "backend": backend,
        "serviceAccountName": SERVICE_ACCOUNT,
        "envRefs": {name: {"type": "Secret", "secret": {"name": SECRET, "key": name}} for name in wanted(region)},
        # A Stack that is deleted leaves the region as it is: docs/runbooks/remove-a-region.md.
        "destroyOnFinalize": False,
        "refresh": False,
        "workspaceTemplate": {"spec": {"image": IMAGE}},
    }
    if region.secrets_provider:
        spec["secretsProvider"] = region.secrets_provider
    return {"apiVersion": KIND[0], "kind": KIND[1], "metadata": {"name": region.name}, "spec": spec}


def misfits(made: dict[str, Any], crd: Path) -> list[str]:
    """What of a Stack does not fit a file's definition of it; also fields that it does not have, which a server would drop."""
    schema = defined(crd.read_text()).get(KIND)
    if schema is None:
        return [f"{crd} defines no {KIND[1]} of {KIND[0]}. The operator has it in operator/config/crd/bases"]
    known = schema["properties"]["spec"]["properties"]
    unknown = [f"spec.{name}: there is no such field" for name in made["spec"] if name not in known]
    return unknown + [f"{path}: {message}" for path, message in against(schema, made)]


@app.command("stack")
def stack_(
    region: Region,
    backend: Annotated[str, typer.Option(envvar="PULUMI_BACKEND_URL", help="Where Pulumi's state is: s3://BUCKET.")],
    crd: Annotated[
        Path | None, typer.Option(help="The operator's definition of a Stack, to check the result against.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a region as a Stack of the Pulumi Kubernetes Operator. Exit code 1 if it does not fit the definition given."""
    settings = fleet.read(Options.checkout).region(region)
    made = stack(settings, followed(settings, Options.checkout, Options.remote), backend)
    wrong = misfits(made, crd) if crd else []
    print(json.dumps(made, indent=2) if as_json else yaml.safe_dump(made, sort_keys=False), end="")
    for line in wrong:
        errors.print(f"error: {line}", style="red", markup=False, soft_wrap=True)
    if wrong:
        raise typer.Exit(1)
