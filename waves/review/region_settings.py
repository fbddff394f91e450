"""What a tree's files say of each region: its settings, or what is wrong with them, and what Pulumi itself reads beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

import yaml

import fleet
from fleet.document import parse
from fleet.load import APP_FILE, PROJECT_FILE, STACK_FILE
from fleet.residency import RESIDENCY_FILE
from fleet.residency import parsed as residencies
from waves.scm.tree import Tree

OTHER_FORM = re.compile(r"^stacks/Pulumi\.(?P<name>[^/.]+)\.(?!ya?ml$)[^/]+$")
"""A stack file in a form that Pulumi may read, and fleet/ does not."""


def is_setting(path: str) -> bool:
    """Whether fleet/ reads a file, if it is there."""
    return path in fleet.PLACES or bool(APP_FILE.match(path)) or fnmatchcase(path, "stacks/*.y*ml")


class Side:
    """One side of a comparison."""

    def __init__(self, tree: Tree) -> None:
        texts = {path: text.decode(errors="replace") for path, text in tree.contents.items() if is_setting(path)}
        self.fleet = fleet.load(texts)
        self._texts, self._tree = texts, tree
        self._stacks = {match["name"]: path for path in texts if (match := STACK_FILE.match(path))}
        self.names = frozenset(self._stacks)
        project, _ = parse(PROJECT_FILE, texts.get(PROJECT_FILE, ""))
        self._namespace = str(project.get("name", "regions"))
        self._project, self._typed = _project(texts.get(PROJECT_FILE, ""), self._namespace)
        self._residency, _ = residencies(parse(RESIDENCY_FILE, texts.get(RESIDENCY_FILE, ""))[0])
        # The program fails at a file that is no text, whichever region it is for.
        self._unreadable = [path for path in texts if not _is_text(tree.contents[path])]

    def settings_for(self, name: str) -> object:
        """All that a region's preview depends on, of what the files say. The same as long as that is."""
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
    """What Pulumi reads of Pulumi.yaml beside the common values, and the settings whose values it checks by a type itself."""
    document, typed = _composed(text), set[str]()
    for _, config in _entries(document, "config"):
        kept = []
        for key, value in _entries(config):
            owner, _, name = str(key.value).rpartition(":")
            own = owner in ("", namespace)
            if own and isinstance(value, yaml.MappingNode):
                value.value = [(k, v) for k, v in value.value if k.value != "default"]
            if not own or (isinstance(value, yaml.MappingNode) and value.value):
                kept.append((key, value))
                typed |= {f"{namespace}:{name}"} if own else set()
        config.value = kept
    return _serialized(document, text), frozenset(typed)


def _stack(text: str, namespace: str, typed: frozenset[str]) -> str:
    """What Pulumi reads of a stack file beside the settings, or checks of these."""
    document = _composed(text)
    for _, config in _entries(document, "config"):
        config.value = [
            (key, value)
            for key, value in _entries(config)
            if key.value in typed or not str(key.value).startswith(f"{namespace}:")
        ]
    return _serialized(document, text)


def _composed(text: str) -> yaml.Node | None:
    """YAML as it is written, `yes` and `true` told apart; None if it is none."""
    try:
        return yaml.compose(text, Loader=yaml.CSafeLoader)  # type: ignore[no-any-return]
    except yaml.YAMLError:
        return None


def _entries(node: yaml.Node | None, name: str | None = None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Keys and values of a mapping, or the one of a name; of anything else there are none."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key, value) for key, value in node.value if name is None or key.value == name)


def _serialized(node: yaml.Node | None, text: str) -> str:
    """YAML without comments and blank lines; where there is none, the text."""
    return str(yaml.serialize(node)) if isinstance(node, yaml.MappingNode) else text
