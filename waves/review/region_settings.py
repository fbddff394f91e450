"""Each region's settings in a tree: the parsed ones or their problems, and the parts of the files that Pulumi itself reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

import yaml

import fleet
from fleet.document import parse
from fleet.load import APP_FILE, PROJECT_FILE, STACK_FILE
from fleet.residency import RESIDENCY_FILE, parse_residency
from waves.scm.tree import Tree

OTHER_FORM = re.compile(r"^stacks/Pulumi\.(?P<name>[^/.]+)\.(?!ya?ml$)[^/]+$")
"""A stack file in a format that Pulumi may read, and fleet/ does not."""


def is_setting(path: str) -> bool:
    """Whether fleet/ reads a file of this path."""
    return path in fleet.PLACES or bool(APP_FILE.match(path)) or fnmatchcase(path, "stacks/*.y*ml")


class TreeSettings:
    """The settings of all regions in one tree."""

    def __init__(self, tree: Tree) -> None:
        texts = {path: text.decode(errors="replace") for path, text in tree.contents.items() if is_setting(path)}
        self.fleet = fleet.load(texts)
        self._texts, self._tree = texts, tree
        self._stacks = {match["name"]: path for path in texts if (match := STACK_FILE.match(path))}
        self.names = frozenset(self._stacks)
        project, _ = parse(PROJECT_FILE, texts.get(PROJECT_FILE, ""))
        self._namespace = str(project.get("name", "regions"))
        self._project, self._typed = _project(texts.get(PROJECT_FILE, ""), self._namespace)
        self._residency, _ = parse_residency(parse(RESIDENCY_FILE, texts.get(RESIDENCY_FILE, ""))[0])
        # The program fails at a file that is not text, in each region.
        self._unreadable = [path for path in texts if not _is_text(tree.contents[path])]

    def settings_for(self, name: str) -> object:
        """The part of the files that a region's preview depends on. Equal values give equal previews."""
        try:
            region: fleet.Region | str = self.fleet.region(name)
        except fleet.FleetError as error:
            region = str(error)
        tenant = region.settings.tenant if isinstance(region, fleet.Region) else ""
        forms = {path: blob for path, blob in self._tree.blobs.items() if _is_form_of(name, path)}
        stack = _stack(self._texts[self._stacks[name]], self._namespace, self._typed)
        return region, self._residency.get(tenant), self._project, stack, forms, self._unreadable


def _is_form_of(name: str, path: str) -> bool:
    match = OTHER_FORM.match(path)
    return bool(match and match["name"] == name)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _project(text: str, namespace: str) -> tuple[str, frozenset[str]]:
    """The part of Pulumi.yaml that Pulumi itself reads, and the settings whose values Pulumi checks by a type."""
    document, typed = _compose(text), set[str]()
    for _, config in _entries(document, "config"):
        entries = []
        for key, value in _entries(config):
            owner, _, name = str(key.value).rpartition(":")
            own = owner in ("", namespace)
            if own and isinstance(value, yaml.MappingNode):
                value.value = [(k, v) for k, v in value.value if k.value != "default"]
            if not own or (isinstance(value, yaml.MappingNode) and value.value):
                entries.append((key, value))
                typed |= {f"{namespace}:{name}"} if own else set()
        config.value = entries
    return _serialize(document, text), frozenset(typed)


def _stack(text: str, namespace: str, typed: frozenset[str]) -> str:
    """The part of a stack file that Pulumi itself reads, and the settings that Pulumi checks."""
    document = _compose(text)
    for _, config in _entries(document, "config"):
        config.value = [
            (key, value)
            for key, value in _entries(config)
            if key.value in typed or not str(key.value).startswith(f"{namespace}:")
        ]
    return _serialize(document, text)


def _compose(text: str) -> yaml.Node | None:
    """YAML's nodes, in which `yes` and `true` differ. None if the text is not YAML."""
    try:
        return yaml.compose(text, Loader=yaml.CSafeLoader)  # type: ignore[no-any-return]
    except yaml.YAMLError:
        return None


def _entries(node: yaml.Node | None, name: str | None = None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Keys and values of a mapping, or only those of a name. Other nodes have none."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key, value) for key, value in node.value if name is None or key.value == name)


def _serialize(node: yaml.Node | None, text: str) -> str:
    """YAML without comments and blank lines. If there is no mapping, the text."""
    return str(yaml.serialize(node)) if isinstance(node, yaml.MappingNode) else text
