"""The floor of a preview: a flat program that registers a region's resources with the same SDKs and no code of ours.

It is made from the region's own state: the same types, names, parents and inputs, these as literals. So its preview finds
nothing to change in a copy of that state, which shows that it registers the same resources. It loads the SDKs' classes, as any
program must that names them, and then goes past them: what they make of their arguments is not in the floor.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from pulumi.runtime import rpc

PROGRAM = '''"""Made by bench/floor.py."""

import importlib
import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

region = json.loads((Path(__file__).parent / "region.json").read_text())
for module, name in region["classes"]:
    getattr(importlib.import_module(module), name)  # an SDK's module is loaded only when something of it is used


def wrapped(value):
    """Inputs with their secrets as Pulumi's."""
    if isinstance(value, dict):
        if "secret of the floor" in value:
            return pulumi.Output.secret(value["secret of the floor"])
        return {key: wrapped(item) for key, item in value.items()}
    return [wrapped(item) for item in value] if isinstance(value, list) else value


made, groups = {}, set()
for item in region["resources"]:
    plain = [made[urn] for urn in item["after"] if urn not in groups]
    after = pulumi.Output.all(*[made[urn].resources for urn in item["after"] if urn in groups]).apply(
        lambda found, plain=plain: [*plain, *(each for members in found for each in members or [])]
    )
    opts = pulumi.ResourceOptions(parent=made.get(item["parent"]), provider=made.get(item["provider"]), depends_on=after)
    kind, name, inputs = item["type"], item["name"], wrapped(item["inputs"])
    if item["how"] == "component":
        made[item["urn"]] = pulumi.ComponentResource(kind, name, None, opts)
    elif item["how"] == "provider":
        opts.version = inputs.pop("version", None)
        made[item["urn"]] = pulumi.ProviderResource(kind.rpartition(":")[2], name, inputs, opts)
    elif item["how"] == "group":
        made[item["urn"]] = kubernetes.yaml.v2.ConfigGroup(name, objs=inputs["objs"], opts=opts)
        groups.add(item["urn"])
    else:
        made[item["urn"]] = pulumi.CustomResource(kind, name, inputs, opts)
'''
PROJECT = """name: regions
runtime: {name: python, options: {virtualenv: .venv}}
"""
GROUP = "kubernetes:yaml/v2:ConfigGroup"


def region(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """What the flat program registers, from the resources of a stack's state, in which secrets are to be read."""
    groups = {resource["urn"] for resource in resources if resource["type"] == GROUP}
    members: dict[str, list[dict[str, Any]]] = {urn: [] for urn in groups}
    providers: dict[str, str] = {}
    listed, classes = [], set()
    for resource in resources:
        kind, parent = resource["type"], resource.get("parent", "")
        provider = resource.get("provider", "").rpartition("::")[0]
        inputs = _plain(resource.get("inputs", {}))
        if parent in groups:
            members[parent].append(inputs)
            providers[parent] = provider
            continue
        if kind == "pulumi:pulumi:Stack" or kind == "pulumi:providers:pulumi":
            continue
        how = "resource"
        if kind.startswith("pulumi:providers:"):
            how = "provider"
        elif kind == GROUP:
            how = "group"
        elif not resource["custom"]:
            how = "component"
        else:
            classes |= {python_class(kind)}
        listed.append({"urn": resource["urn"], "type": kind, "name": resource["urn"].rpartition("::")[2], "how": how,
                       "parent": parent, "provider": provider, "after": resource.get("dependencies", []),
                       "inputs": inputs})  # fmt: skip
    group_of = {resource["urn"]: resource.get("parent", "") for resource in resources}
    for item in listed:
        # Whoever depends on a group's object depends on all of the group, as a program says it.
        after = {group_of[urn] if group_of[urn] in groups else urn for urn in item["after"]}
        item["after"] = sorted(after - {item["urn"]})
        if item["how"] == "group":
            item["inputs"] = {"objs": members[item["urn"]]}
            item["provider"] = providers[item["urn"]]  # a component's state does not name it; its objects' does
    return {"classes": sorted(classes - {None}), "resources": listed}


def write(folder: Path, resources: list[dict[str, Any]], stack: Path, environment: Path) -> None:
    """Lay out the project: program, data, and the stack's file (its salt alone, since it has no settings)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "region.json").write_text(json.dumps(region(resources)))
    (folder / ".venv").symlink_to(environment)
    salts = [line for line in stack.read_text().splitlines() if line.startswith("encryptionsalt")]
    (folder / stack.name).write_text("\n".join([*salts, "config: {}", ""]))


def python_class(kind: str) -> tuple[str, str] | None:
    """The Python class of a type: `aws:eks/cluster:Cluster` is pulumi_aws.eks's Cluster. Custom resources have none."""
    package, path, name = kind.split(":")
    if package == "kubernetes":
        group, _, version = path.partition("/")
        module = f"pulumi_kubernetes.{group.partition('.')[0]}.{version}"
        return (module, name) if group != "argoproj.io" else None
    return f"pulumi_{package.replace('-', '_')}.{path.split('/')[0]}", name


def _plain(value: Any) -> Any:
    """Inputs as a program would write them: without what the provider added for itself."""
    if isinstance(value, dict):
        if value.get(rpc._special_sig_key) == rpc._special_secret_sig:
            return {"secret of the floor": _plain(json.loads(value["plaintext"]))}
        return {key: _plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
