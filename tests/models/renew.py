"""`make models`: reads the clouds' own API models out of their published Python packages, and writes them as JSON Schema.

AWS's come from botocore, and Google Cloud's from the discovery documents in google-api-python-client.
Both packages are read as archives: their requirements need not fit the project's.
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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.models.resource_types import OPERATIONS, SCHEMAS

FOLDER = Path(__file__).parent
PACKAGES = {"aws": "botocore", "gcp": "google-api-python-client"}
WANTED = {
    "aws": {operation for operations in OPERATIONS.values() for operation in operations},
    "gcp": set(SCHEMAS.values()),
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


def documents(cloud: str, wheel: zipfile.ZipFile) -> dict[str, dict[str, Any]]:
    """The models that a cloud's table names, by service or API."""
    names = {name.partition(".")[0] for name in WANTED[cloud]}
    if cloud == "gcp":
        folder = "googleapiclient/discovery_cache/documents"
        return {name: json.loads(wheel.read(f"{folder}/{name}.v1.json")) for name in names}
    return {name: json.loads(gzip.decompress(wheel.read(_newest(name, wheel.namelist())))) for name in names}


def _newest(service: str, names: Iterable[str]) -> str:
    """The newest version of a service's model. A version is a date."""
    return max(name for name in names if re.fullmatch(rf"botocore/data/{service}/[^/]+/service-2\.json\.gz", name))


def main() -> None:
    """Write one cloud's models."""
    parser = argparse.ArgumentParser(prog="make models", description=__doc__)
    parser.add_argument("cloud", choices=sorted(PACKAGES))
    cloud = parser.parse_args().cloud
    with tempfile.TemporaryDirectory() as folder:
        path = archive(PACKAGES[cloud], Path(folder))
        with zipfile.ZipFile(path) as wheel:
            read = documents(cloud, wheel)
    definitions = {"aws": aws, "gcp": gcp}[cloud](read, sorted(WANTED[cloud]))
    source = "-".join(path.name.split("-")[:2])
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(definitions[name])}" for name in sorted(definitions))
    (FOLDER / f"{cloud}.json").write_text(f'{{"source": {json.dumps(source)}, "$defs": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
