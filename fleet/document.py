"""YAML text to plain data, strictly: a key written twice is an error instead of a silent loss."""

from __future__ import annotations

from typing import Any

import yaml

from fleet.errors import Problem


class _StrictLoader(yaml.CSafeLoader):
    """YAML's safe loader, which refuses duplicate keys (YAML 1.2, section 3.2.1.3) and dates in disguise."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is written twice", key_node.start_mark
                )
            keys.add(key)
        return super().construct_mapping(node, deep)


_StrictLoader.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
    lambda loader, node: loader.construct_mapping(node, deep=True),  # type: ignore[arg-type]
)


def parse(file: str, text: str) -> tuple[dict[str, Any], list[Problem]]:
    """Read a YAML mapping. A malformed one gives an empty mapping and problems."""
    try:
        data = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        reason = getattr(error, "problem", None) or str(error)
        return {}, [Problem(file, where, None, f"not readable as YAML: {reason}", "Fix the YAML there")]
    if data is None:
        return {}, []
    if not isinstance(data, dict):
        return {}, [Problem(file, "the file", None, "not a YAML mapping", "Write it as `key: value` lines")]
    return data, []
