"""A region that `regions affected` does not name has the same preview as before: by Pulumi's engine, after each of many edits.

In each cloud, one region that an edit does not affect gets a preview after the edit. Edits of one region that touch different
files share a preview. tests/waves/review/test_affected_edits.py runs the program after each of two hundred edits, without an
engine. Here they are fifty of the two hundred, or all of them with AFFECTED_ENGINE=all: 45 previews, five minutes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from sandbox import lifecycle
from sandbox.demo import regions
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home
from tests.engine.conftest import a_sandbox
from tests.waves.review.copies import Copy
from tests.waves.review.edits import NUMBER, SEED, Edit, edits
from tests.waves.review.naming import REGIONS, edited, left_alone, named, tree

AT_ONCE = 2
STEP = 1 if os.environ.get("AFFECTED_ENGINE") == "all" else 4
"""One edit in so many gets previews in unaffected regions."""
CLOUDS = {region.settings.cloud for region in REGIONS.values()}

RANDOM_SUFFIX = re.compile(r"-[0-9a-f]{7}\b")
"""The end of a name that Pulumi generates, also where another resource names it."""


@dataclass
class RegionResult:
    """The previews of one region."""

    misses: list[str] = field(default_factory=list)
    """The edits that change the preview, although `affected` does not name the region."""
    pairs: int = 0
    """The number of edits before the previews."""
    previews: int = 0
    changed: bool = False
    """Whether an edit of the stack file changes the preview."""
    valid: bool = False
    """Whether such an edit gives a preview without an error."""


class Laboratory:
    """Previews regions after edits, each in a copy of the repository."""

    def __init__(self, home: Home, root: Path) -> None:
        self._home = home
        lifecycle.initialise_stacks(home, list(REGIONS))
        self._old = tree(root / "all")
        self._alone: dict[str, list[Edit]] = {name: [] for name in REGIONS}
        self._touching: dict[str, list[Edit]] = {name: [] for name in REGIONS}
        for number, edit in enumerate(edits(self._old.contents, SEED, NUMBER)):
            new = edited(self._old, edit)
            affected = named(self._old, new)
            for cloud in CLOUDS:
                alone = [name for name in left_alone(new, affected) if REGIONS[name].settings.cloud == cloud]
                if alone and number % STEP == 0:
                    self._alone[alone[number // STEP % len(alone)]].append(edit)
            for name in affected & self._touching.keys():
                if f"stacks/Pulumi.{name}.yaml" in edit.files:
                    self._touching[name].append(edit)
        self._copies: Queue[Copy] = Queue()
        for number in range(AT_ONCE):
            self._copies.put(Copy(root / str(number)))

    def run(self) -> dict[str, RegionResult]:
        """Preview all regions."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(REGIONS, pool.map(self._run, REGIONS), strict=True))

    def _run(self, region: str) -> RegionResult:
        copy, result = self._copies.get(), RegionResult()
        try:
            before = self._preview(copy, region)
            assert before.startswith("["), before
            for group in self._groups(region):
                result.pairs += len(group)
                result.previews += 1
                if self._after(copy, group, region) != before:
                    # If only a combination of edits changes the preview, all edits of the group count.
                    guilty = [edit for edit in group if self._after(copy, [edit], region) != before]
                    result.misses += [edit.name for edit in guilty or group]
            for edit in self._touching[region]:
                after = self._after(copy, [edit], region)
                result.changed = result.changed or after != before
                result.valid = after.startswith("[") and after != before
                if result.valid:
                    break
        finally:
            self._copies.put(copy)
        return result

    def _groups(self, region: str) -> Iterator[list[Edit]]:
        """The groups of edits before a preview. A group stays whole if all its edits in combination do not affect the region."""
        for group in independent_groups(self._alone[region]):
            affected = named(self._old, edited(self._old, merge(group)))
            yield from [[edit] for edit in group] if region in affected else [group]

    def _after(self, copy: Copy, group: Iterable[Edit], region: str) -> str:
        with copy.after(merge(group)):
            return self._preview(copy, region)

    def _preview(self, copy: Copy, region: str) -> str:
        """The steps of a first preview with all inputs, and the messages of policies, or the engine's error."""
        try:
            preview = json.loads(
                regions.pulumi(self._home, copy.root, "preview", "--json", "--policy-pack", "policy", "-s", region)
            )
        except SandboxError as error:
            return str(error)
        steps = [(step["op"], step["urn"], own_inputs(step["newState"])) for step in preview["steps"]]
        messages = [diagnostic["message"] for diagnostic in preview.get("diagnostics", [])]
        return RANDOM_SUFFIX.sub(
            "", json.dumps([sorted(steps, key=lambda step: step[1]), sorted(messages)], sort_keys=True)
        )


def own_inputs(state: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that the program sets: without a provider's, such as a generated name, which differs in each preview."""
    inputs = state.get("inputs", {})
    return {key: value for key, value in inputs.items() if key not in inputs.get("__defaults", [])}


def independent_groups(alone: Iterable[Edit]) -> list[list[Edit]]:
    """Groups of edits. No two edits of a group touch the same file."""
    groups: list[list[Edit]] = []
    for edit in alone:
        for group in groups:
            if not any(edit.files.keys() & other.files.keys() for other in group):
                group.append(edit)
                break
        else:
            groups.append([edit])
    return groups


def merge(group: Iterable[Edit]) -> Edit:
    """Several edits as one edit."""
    files = {path: content for edit in group for path, content in edit.files.items()}
    return Edit(", ".join(edit.name for edit in group), files)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RegionResult]:
    """The previews of all regions, in their own sandbox. In a shared sandbox the regions may exist."""
    with a_sandbox() as home:
        return Laboratory(home, tmp_path_factory.mktemp("laboratory")).run()


def test_no_region_is_missed(results: dict[str, RegionResult]) -> None:
    pairs, previews = (
        sum(result.pairs for result in results.values()),
        sum(result.previews for result in results.values()),
    )
    print(f"{NUMBER // STEP} edits: {pairs} pairs of an edit and an unaffected region, in {previews} previews")
    assert {region: result.misses for region, result in results.items() if result.misses} == {}
    assert pairs > NUMBER / STEP, "hardly any edit leaves a region unaffected"


def test_edits_that_touch_a_region_are_seen_in_its_preview(results: dict[str, RegionResult]) -> None:
    assert [region for region, result in results.items() if not result.changed] == []
    assert any(result.valid for result in results.values()), "only errors differ"
