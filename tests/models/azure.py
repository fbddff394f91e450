"""Azure's models out of the azure-mgmt packages, as JSON Schema. The classes are read as text, so nothing of theirs is imported.

New packages declare each field by `rest_field`. Older ones have a table of fields, `_attribute_map`, in each class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SCALARS = {"str": "string", "bool": "boolean", "int": "integer", "float": "number", "iso-8601": "string"}
DATES = ("date", "time", "datetime", "timedelta")
SENT = {"create", "update"}
"""The visibilities of a field that a request may have."""


class Package:
    """The classes of one package."""

    def __init__(self, name: str, models: str, enums: str) -> None:
        self.name = name
        self.classes = {node.name: node for node in ast.parse(models).body if isinstance(node, ast.ClassDef)}
        self.enums = {
            node.name: [ast.literal_eval(part.value) for part in node.body if isinstance(part, ast.Assign)]
            for node in ast.parse(enums).body
            if isinstance(node, ast.ClassDef)
        }

    def schema(self, name: str) -> dict[str, Any]:
        """A class as a schema: the class itself, or one of the classes that its discriminator tells apart."""
        if variants := [node.name for node in self.classes.values() if self._discriminated(node, name)]:
            return {"oneOf": [self.reference(variant) for variant in variants]}
        fields: dict[str, Any] = {}
        required: list[str] = []
        for node in self._lineage(name):
            if table := _assigned(node, "_attribute_map"):
                required += _add_old(self, fields, ast.literal_eval(table), _assigned(node, "_validation"))
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.value, ast.Call):
                    self._add(fields, required, field, field.value)
        named = {"required": sorted(set(required))} if required else {}
        return {"type": "object", "properties": fields, "additionalProperties": False} | named

    def _discriminated(self, node: ast.ClassDef, base: str) -> bool:
        """Whether a class is a variant of a base, by a discriminator."""
        return any(isinstance(parent, ast.Name) and parent.id == base for parent in node.bases) and any(
            keyword.arg == "discriminator" for keyword in node.keywords
        )

    def _lineage(self, name: str) -> Iterator[ast.ClassDef]:
        """A class after all that it inherits from."""
        node = self.classes[name]
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self.classes:
                yield from self._lineage(base.id)
        yield node

    def _add(self, fields: dict[str, Any], required: list[str], field: ast.AnnAssign, call: ast.Call) -> None:
        """A field of a new package. One that only the cloud sets is in no request."""
        options = {keyword.arg: keyword.value for keyword in call.keywords}
        name = ast.literal_eval(options["name"]) if "name" in options else ast.unparse(field.target)
        visibility = set(ast.literal_eval(options["visibility"])) if "visibility" in options else SENT
        fields.pop(name, None)
        if visibility & SENT:
            annotation = field.annotation
            fields[name] = self.type(annotation)
            if not ast.unparse(annotation).startswith(("Optional[", "Literal[")):
                required.append(name)

    def type(self, annotation: ast.expr) -> dict[str, Any]:
        """The schema of an annotation."""
        if isinstance(annotation, ast.Constant):
            return self.type(ast.parse(str(annotation.value), mode="eval").body)
        if isinstance(annotation, ast.Subscript):
            return self._generic(ast.unparse(annotation.value), annotation.slice)
        name = ast.unparse(annotation).rpartition(".")[2]
        if name in self.enums:
            return {"type": "string", "enum": self.enums[name]}
        if name in self.classes:
            return self.reference(name)
        return {"type": "string"} if name in DATES else {"type": SCALARS[name]} if name in SCALARS else {}

    def _generic(self, name: str, inner: ast.expr) -> dict[str, Any]:
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name.lower() == "list":
            return {"type": "array", "items": self.type(parts[0])}
        if name.lower() == "dict":
            return {"type": "object", "additionalProperties": self.type(parts[1])}
        if name == "Literal":
            values = [part.value if isinstance(part, ast.Constant) else self._member(part) for part in parts]
            return {"type": "string", "enum": values}
        return self.type(parts[-1])  # Optional[X], and Union[str, X], where X has the known values

    def _member(self, member: ast.expr) -> Any:
        """The value of an enumeration's member."""
        owner, _, name = ast.unparse(member).rpartition(".")
        return next(value for value in self.enums[owner] if value.upper() == name.replace("_", "").upper())

    def reference(self, name: str) -> dict[str, str]:
        """The reference to a class of this package."""
        return {"$ref": f"#/$defs/{self.name}.{name}"}

    def old_type(self, text: str) -> dict[str, Any]:
        """The schema of a type in an older package's table: `[X]` is a list, `{X}` a mapping."""
        if text.startswith("["):
            return {"type": "array", "items": self.old_type(text[1:-1])}
        if text.startswith("{"):
            return {"type": "object", "additionalProperties": self.old_type(text[1:-1])}
        return {"type": SCALARS[text]} if text in SCALARS else self.reference(text) if text in self.classes else {}


def _assigned(node: ast.ClassDef, name: str) -> ast.expr | None:
    """The value that a class gives to a name."""
    for part in node.body:
        if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == name:
            return part.value
    return None


def _add_old(
    package: Package, fields: dict[str, Any], table: Mapping[str, Mapping[str, str]], rules: ast.expr | None
) -> list[str]:
    """Add the fields of an older package's class, and return the required ones. A name with dots is a place inside."""
    validation = ast.literal_eval(rules) if rules is not None else {}
    required = []
    for attribute, entry in table.items():
        rule = validation.get(attribute, {})
        if rule.get("readonly"):
            continue
        *path, last = entry["key"].split(".")
        target: dict[str, Any] = {"properties": fields}
        for step in path:
            target = target["properties"].setdefault(
                step, {"type": "object", "properties": {}, "additionalProperties": False}
            )
        limits = {
            schema: rule[name]
            for name, schema in (("max_length", "maxLength"), ("min_length", "minLength"), ("pattern", "pattern"))
            if name in rule
        }
        target["properties"][last] = package.old_type(entry["type"]) | limits
        if rule.get("required"):
            required.append(entry["key"].partition(".")[0])
            if path:
                target.setdefault("required", []).append(last)
    return required


def azure(packages: Mapping[str, Package], wanted: Iterable[str]) -> dict[str, Any]:
    """Each wanted class, and the classes that it reaches."""
    definitions: dict[str, Any] = {}
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name not in definitions:
            package, _, kind = name.partition(".")
            definitions[name] = packages[package].schema(kind)
            pending += references(definitions[name])
    return definitions


def references(value: Any) -> Iterator[str]:
    """The names of the definitions that a schema refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/$defs/")
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
