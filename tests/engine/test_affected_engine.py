"""A region that `regions affected` does not name has the same preview as before: by Pulumi's engine, after two hundred edits.

Each edit is looked at in one region of each cloud that has any which it leaves alone. Those that are looked at in the same
region are made together, as many as touch different files, so that one preview speaks for all of them.
tests/waves/review/test_affected_edits.py runs the program after each by itself, without an engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

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
CLOUDS = {region.settings.cloud for region in REGIONS.values()}
BY_CHANCE = re.compile(r"-[0-9a-f]{7}\b")
"""The ends of names that Pulumi makes up."""


@dataclass
class Looked:
    """What was seen of one region."""

    missed: list[str] = field(default_factory=list)
    """The edits that change its preview, although they are said to leave it alone."""
    pairs: int = 0
    """How many edits it was looked at after."""
    previews: int = 0
    touched: bool = False
    """Whether an edit of its stack file changes its preview."""
    shown: bool = False
    """Whether one changes it to what is no error."""


class Laboratory:
    """Previews regions after edits, some at a time, each in one of some copies of the repository."""

    def __init__(self, home: Home, root: Path) -> None:
        self._home = home
        lifecycle.initialise_stacks(home, list(REGIONS))
        self._old = tree(root / "all")
        self._alone: dict[str, list[Edit]] = {name: [] for name in REGIONS}
        self._touching: dict[str, list[Edit]] = {name: [] for name in REGIONS}
        for number, edit in enumerate(edits(self._old.contents, SEED, NUMBER)):
            new = edited(self._old, edit)
            said = named(self._old, new)
            for cloud in CLOUDS:
                alone = [name for name in left_alone(new, said) if REGIONS[name].settings.cloud == cloud]
                if alone:
                    self._alone[alone[number % len(alone)]].append(edit)
            for name in said & self._touching.keys():
                if f"stacks/Pulumi.{name}.yaml" in edit.files:
                    self._touching[name].append(edit)
        self._copies: Queue[Copy] = Queue()
        for number in range(AT_ONCE):
            self._copies.put(Copy(root / str(number)))

    def look(self) -> dict[str, Looked]:
        """At all regions."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(REGIONS, pool.map(self._look, REGIONS), strict=True))

    def _look(self, region: str) -> Looked:
        copy, found = self._copies.get(), Looked()
        try:
            before = self._preview(copy, region)
            assert before.startswith("["), before
            for together in self._lists(region):
                found.pairs += len(together)
                found.previews += 1
                if self._after(copy, together, region) != before:
                    # One that changes it only beside another is told of with all the others.
                    guilty = [each for each in together if self._after(copy, [each], region) != before]
                    found.missed += [each.what for each in guilty or together]
            for edit in self._touching[region]:
                after = self._after(copy, [edit], region)
                found.touched = found.touched or after != before
                found.shown = after.startswith("[") and after != before
                if found.shown:
                    break
        finally:
            self._copies.put(copy)
        return found

    def _lists(self, region: str) -> Iterator[list[Edit]]:
        """The edits to look at it after, together as far as it is left alone by all of them together, too."""
        for together in joined(self._alone[region]):
            said = named(self._old, edited(self._old, one(together)))
            yield from [[edit] for edit in together] if region in said else [together]

    def _after(self, copy: Copy, together: Iterable[Edit], region: str) -> str:
        with copy.after(one(together)):
            return self._preview(copy, region)

    def _preview(self, copy: Copy, region: str) -> str:
        """What the engine would make in a first preview, with all inputs, and what policies say; or its error."""
        try:
            said = json.loads(
                regions.pulumi(self._home, copy.root, "preview", "--json", "--policy-pack", "policy", "-s", region)
            )
        except SandboxError as error:
            return str(error)
        steps = [(step["op"], step["urn"], step["newState"].get("inputs")) for step in said["steps"]]
        messages = [each["message"] for each in said.get("diagnostics", [])]
        return BY_CHANCE.sub(
            "", json.dumps([sorted(steps, key=lambda step: step[1]), sorted(messages)], sort_keys=True)
        )


def joined(alone: Iterable[Edit]) -> list[list[Edit]]:
    """Edits in lists, in each of which no two touch the same file."""
    lists: list[list[Edit]] = []
    for edit in alone:
        for together in lists:
            if not any(edit.files.keys() & other.files.keys() for other in together):
                together.append(edit)
                break
        else:
            lists.append([edit])
    return lists


def one(together: Iterable[Edit]) -> Edit:
    """Several edits as one."""
    files = {path: content for edit in together for path, content in edit.files.items()}
    return Edit(", ".join(edit.what for edit in together), files)


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Looked]:
    """What was seen of all regions, in a sandbox of their own: elsewhere they are new."""
    with a_sandbox() as home:
        return Laboratory(home, tmp_path_factory.mktemp("laboratory")).look()


def test_no_region_is_missed(looked: dict[str, Looked]) -> None:
    pairs, previews = sum(each.pairs for each in looked.values()), sum(each.previews for each in looked.values())
    print(f"{NUMBER} edits: {pairs} times one leaves a region alone, seen in {previews} previews")
    assert {region: each.missed for region, each in looked.items() if each.missed} == {}
    assert pairs > NUMBER, "hardly any edit says something"


def test_edits_that_touch_a_region_are_seen_in_its_preview(looked: dict[str, Looked]) -> None:
    assert [region for region, each in looked.items() if not each.touched] == []
    assert any(each.shown for each in looked.values()), "only errors are told apart"
