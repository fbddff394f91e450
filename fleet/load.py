"""The whole fleet out of its files: Pulumi.yaml, waves.yaml, stacks/Pulumi.<region>.yaml, and the folders of gitops/apps.

`load` is pure, from texts to a fleet, so that the fleet of any commit can be read. `read` takes the files of a folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fleet import across, checks, maintenance, tenancy
from fleet.document import parse
from fleet.errors import FleetError, Problem
from fleet.residency import RESIDENCY_FILE, Residency, parse_residency
from fleet.settings import RegionSettings
from fleet.tags import SCHEME
from fleet.validate import validate
from fleet.waves import Wave, Waves

PROJECT_FILE = "Pulumi.yaml"
WAVES_FILE = "waves.yaml"
PLACES = (PROJECT_FILE, WAVES_FILE, RESIDENCY_FILE, "stacks/", "gitops/apps/")
"""The places of the fleet's files in a repository."""
APPS = "githubApps"
"""The setting whose parts override the common ones one by one."""
APP_FILE = re.compile(r"^gitops/apps/(?P<name>[^/]+)/main\.jsonnet$")
STACK_FILE = re.compile(r"^stacks/Pulumi\.(?P<name>[^/]+)\.ya?ml$")


@dataclass(frozen=True)
class Region:
    """One region: its name (the stack's name and the suffix of its branch), its settings and its wave."""

    name: str
    file: str
    settings: RegionSettings
    wave: Wave

    @property
    def branch(self) -> str:
        """The git branch of the region's desired commit."""
        return f"region/{self.name}"

    @property
    def environment(self) -> str:
        """The git host's environment whose jobs build the region: the wave's, or the customer's own. Clouds trust its name."""
        return self.settings.tenant if self.settings.private else self.wave.name

    @property
    def protected(self) -> bool:
        """Whether the cluster and the data's resources refuse deletion."""
        return self.wave.production if self.settings.protect is None else self.settings.protect

    @property
    def secrets_provider(self) -> str | None:
        """The key that encrypts the stack's secrets. None: Pulumi's default."""
        return self.settings.secrets_provider or self.wave.secrets_provider

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource of the region: labels on Google Cloud."""
        own = (self.name, self.wave.name, self.settings.tenant, self.settings.cost_centre, "pulumi")
        return {**dict(zip(SCHEME, own, strict=True)), **self.settings.tags}


@dataclass(frozen=True)
class Fleet:
    """The waves in order, the sound regions, and all problems."""

    waves: tuple[Wave, ...]
    regions: Mapping[str, Region]
    problems: tuple[Problem, ...]

    def region(self, name: str) -> Region:
        """One region. Raises FleetError if the region is missing, or has a problem.

        Problems of other regions alone do not count: a bad stack file stops its own region only.
        """
        own = {f"stacks/Pulumi.{name}.yaml", f"stacks/Pulumi.{name}.yml", PROJECT_FILE, WAVES_FILE, RESIDENCY_FILE}
        problems = [problem for problem in self.problems if problem.file in own]
        if problems:
            raise FleetError(problems)
        if name not in self.regions:
            file = f"stacks/Pulumi.{name}.yaml"
            raise FleetError(
                [Problem(file, "the file", None, "missing", "Copy another region's stack file and edit it")]
            )
        return self.regions[name]

    def in_waves(self) -> list[Region]:
        """All regions, by wave in the order of waves.yaml, then by name."""
        order = {wave.name: number for number, wave in enumerate(self.waves)}
        return sorted(self.regions.values(), key=lambda region: (order[region.wave.name], region.name))


def read(root: Path) -> Fleet:
    """The fleet of the files in a folder, the root of a checkout."""
    return load(files(root))


def files(root: Path) -> dict[str, str]:
    """The fleet's files in a folder, path to text."""
    paths = [root / PROJECT_FILE, root / WAVES_FILE, root / RESIDENCY_FILE, *sorted((root / "stacks").rglob("*.y*ml"))]
    paths += sorted((root / "gitops" / "apps").glob("*/main.jsonnet"))
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths if path.is_file()}


def load(files: Mapping[str, str]) -> Fleet:
    """The fleet of a set of files, path to text. Never raises: `problems` has all problems."""
    project, problems = _parse(files, PROJECT_FILE)
    waves, wave_problems = _load_waves(files)
    places, place_problems = _parse(files, RESIDENCY_FILE)
    residency, malformed = parse_residency(places)
    problems += [*wave_problems, *place_problems, *malformed]
    namespace = str(project.get("name", "regions"))
    applications = sorted(match["name"] for file in files if (match := APP_FILE.match(file)))
    context = _Context(namespace, _common(project, namespace), waves, residency, applications)
    stacks: list[checks.Stack] = []
    regions: dict[str, Region] = {}
    for file in sorted(files):
        match = STACK_FILE.match(file)
        if not match:
            problems += checks.stray(file)
            continue
        stack, stack_problems = _load_stack(match["name"], file, files[file], context)
        problems += stack_problems
        if stack:
            stacks.append(stack)
            if not stack_problems and stack.settings.wave in waves:
                regions[stack.name] = Region(stack.name, file, stack.settings, waves[stack.settings.wave])
    problems += [*across.across(stacks, PROJECT_FILE), *tenancy.across(stacks)]
    return Fleet(tuple(waves.values()), regions, tuple(problems))


@dataclass(frozen=True)
class _Context:
    """The parts of the fleet that every stack file is checked against."""

    namespace: str
    common: dict[str, Any]
    waves: Mapping[str, Wave]
    residency: Residency
    applications: list[str]


def _load_waves(files: Mapping[str, str]) -> tuple[dict[str, Wave], list[Problem]]:
    data, problems = _parse(files, WAVES_FILE)
    if problems:
        return {}, problems
    model, problems = validate(Waves, data, WAVES_FILE)
    if model is None:
        return {}, problems
    problems = [*problems, *checks.waves(model, WAVES_FILE), *maintenance.waves(model, WAVES_FILE)]
    return {wave.name: wave for wave in model.waves}, problems


def _load_stack(name: str, file: str, text: str, context: _Context) -> tuple[checks.Stack | None, list[Problem]]:
    """A stack file and its problems. None if its settings are malformed."""
    document, problems = parse(file, text)
    if problems:
        return None, problems
    problems = checks.stack_document(file, document, context.namespace)
    settings, own_problems = _settings(file, document, context.namespace, context.common)
    problems += own_problems
    if settings is None:
        return None, problems
    stack = checks.Stack(name, file, document, settings)
    problems += checks.stack(stack, context.waves, context.applications)
    problems += tenancy.stack(stack, context.waves, context.residency)
    problems += maintenance.stack(stack, context.waves)
    return stack, problems


def _parse(files: Mapping[str, str], file: str) -> tuple[dict[str, Any], list[Problem]]:
    if file not in files:
        return {}, [Problem(file, "the file", None, "missing", "Restore it, or run from the root of the checkout")]
    return parse(file, files[file])


def _settings(
    file: str, document: dict[str, Any], namespace: str, common: dict[str, Any]
) -> tuple[RegionSettings | None, list[Problem]]:
    """The project's common values, overridden by the stack file's own: key by key as in Pulumi, GitHub apps app by app.

    A stack file's empty `githubApps` stands for itself, so that the missing apps are reported there.
    """
    config = document.get("config") or {}
    own = {key.partition(":")[2]: value for key, value in config.items() if key.startswith(f"{namespace}:")}
    values = {**common, **own}
    is_layered = isinstance(common.get(APPS), dict) and isinstance(own.get(APPS), dict) and own[APPS] != {}
    if is_layered:
        values[APPS] = {**common[APPS], **own[APPS]}
    settings, problems = validate(RegionSettings, values, file, f"{namespace}:")

    def is_common(key: str) -> bool:
        """Whether the value at a key is the project's."""
        name, *inside = key.partition(":")[2].split(".")
        if is_layered and name == APPS:
            return bool(inside) and inside[0] not in own[APPS]
        return name in common and name not in own

    return settings, [replace(p, file=PROJECT_FILE) if is_common(p.key) else p for p in problems]


def _common(project: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The common values of Pulumi.yaml's `config`: `key: {default: …}` or `key: value`, of this project alone."""
    common = {}
    for key, value in (project.get("config") or {}).items():
        owner, _, name = key.rpartition(":")
        if owner in ("", namespace):
            common[name] = value.get("default", value.get("value")) if isinstance(value, dict) else value
    return common
