"""A region that `regions affected` does not name has the same preview as before: by running the program after many edits."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Queue
from random import Random

import pytest

from tests.waves.review.copies import Copy
from tests.waves.review.edits import NUMBER, SEED, Edit, edits
from tests.waves.review.mocked_previews import Previews
from tests.waves.review.naming import REGIONS, edited, left_alone, named, tree
from waves.review import program_files
from waves.review.region_settings import is_setting
from waves.scm.tree import Tree

pytestmark = pytest.mark.slow

SEARCH = os.environ.get("AFFECTED_EDITS")
"""How many edits to make, each time others, each looked at in every region; unless given, the same 200.

Then each is looked at in one region that it leaves alone, and every third in one that it is said to touch."""
PROCESSES = 2


class Worker:
    """A copy of the repository, and the process that runs the program in it."""

    def __init__(self, root: Path) -> None:
        self.copy = Copy(root)
        self.previews = Previews(root)


@dataclass
class Trial:
    """An edit, the regions that it is said to touch, and what became of those that were looked at."""

    edit: Edit
    new: Tree
    named: frozenset[str]
    wanted: list[str] = field(default_factory=list)
    """The regions to look at."""
    changed: dict[str, bool] = field(default_factory=dict)
    """Whether the preview of one that was looked at is another."""

    @property
    def unnamed(self) -> list[str]:
        """The regions that it is said to leave alone."""
        return left_alone(self.new, self.named)

    @property
    def missed(self) -> list[str]:
        """Those of them that it does not."""
        return [name for name in self.unnamed if self.changed.get(name)]


class Laboratory:
    """Tries edits, in several processes."""

    def __init__(self, root: Path) -> None:
        self.old = tree(root / "all")
        with ThreadPoolExecutor(PROCESSES) as pool:
            self._workers = list(pool.map(lambda number: Worker(root / str(number)), range(PROCESSES)))
        self._idle: Queue[Worker] = Queue()
        for worker in self._workers:
            self._idle.put(worker)
        self.before, again = (worker.previews.of(REGIONS) for worker in self._workers)
        assert self.before == again, "a preview is not the same twice, so it says nothing"
        assert not [said for said in self.before.values() if "error" in said]

    def look(self, trials: Iterable[Trial]) -> None:
        """See what becomes of the wanted regions."""
        with ThreadPoolExecutor(PROCESSES) as pool:
            list(pool.map(self._look, trials))

    def _look(self, trial: Trial) -> None:
        worker = self._idle.get()
        try:
            with worker.copy.after(trial.edit):
                found = worker.previews.of(trial.wanted)
        finally:
            self._idle.put(worker)
        trial.changed |= {name: preview != self.before[name] for name, preview in found.items()}

    def opened(self, region: str) -> set[str]:
        """The files that a region's program opens."""
        return self._workers[0].previews.opened(region)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.previews.close()


def some(regions: Collection[str], random: Random) -> list[str]:
    """One of some regions, if there is one."""
    return random.sample(sorted(regions), 1) if regions else []


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """One for all tests."""
    made = Laboratory(tmp_path_factory.mktemp("laboratory"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def trials(laboratory: Laboratory) -> list[Trial]:
    """Many edits, each with some of the regions that it leaves alone, and one of those that it is said to touch."""
    seed = os.urandom(4).hex() if SEARCH else SEED
    print(f"AFFECTED_EDITS: the seed is {seed}")
    random, number = Random(seed), int(SEARCH or NUMBER)
    made = []
    for edit in edits(laboratory.old.contents, seed, number):
        new = edited(laboratory.old, edit)
        made.append(Trial(edit, new, named(laboratory.old, new)))
    for count, trial in enumerate(made):
        alone = trial.unnamed if SEARCH else some(trial.unnamed, random)
        trial.wanted = alone + (some(trial.named & {*REGIONS}, random) if SEARCH or count % 3 == 0 else [])
    laboratory.look(made)
    return made


def test_no_region_is_missed(trials: list[Trial]) -> None:
    left_alone = [trial for trial in trials if trial.unnamed]
    compared = sum(name in trial.changed for trial in trials for name in trial.unnamed)
    told = [trial for trial in trials if trial.named & trial.changed.keys()]
    changing = [trial for trial in told if any(trial.changed[name] for name in trial.named & trial.changed.keys())]
    print(f"{len(trials)} edits: {len(left_alone)} leave regions alone, of which {compared} previews were compared; of {len(told)}"
          f" regions looked at that an edit is said to touch, {len(changing)} have another preview")  # fmt: skip
    assert {trial.edit.what: trial.missed for trial in trials if trial.missed} == {}
    assert len(left_alone) > len(trials) / 2, "hardly any edit says something"
    assert len(changing) > len(told) / 3, "hardly any edit does something"


@pytest.mark.parametrize(
    "blind",
    [
        lambda path: path == "components/aws/cluster.py",
        lambda path: path.startswith("components/azure"),
        lambda path: path.startswith("stacks/Pulumi."),
        lambda path: path in ("Pulumi.yaml", "waves.yaml", "policy/residency.yaml"),
    ],
    ids=["one module", "a cloud's modules", "stack files", "common settings"],
)
def test_whoever_does_not_look_at_a_file_is_caught_by_the_same_edits(
    laboratory: Laboratory, trials: list[Trial], blind: Callable[[str], bool]
) -> None:
    for trial in trials:
        if any(map(blind, trial.edit.files)):
            seen = {path: content for path, content in trial.edit.files.items() if not blind(path)}
            less = named(laboratory.old, edited(laboratory.old, Edit(trial.edit.what, seen)))
            blinded = replace(trial, named=less, wanted=sorted((trial.named - less) & {*REGIONS})[:1], changed={})
            if blinded.wanted:
                laboratory.look([blinded])
            if blinded.missed:
                return
    raise AssertionError("none of the edits shows it")


@pytest.mark.parametrize(
    "region", ["staging-aws-eu-west-1", "tools-aws-us-west-2", "prod-gcp-europe-west4", "prod-azure-westeurope"]
)
def test_a_region_opens_no_file_that_it_is_not_known_to_read(laboratory: Laboratory, region: str) -> None:
    known = program_files.clouds_by_file(laboratory.old)
    opened = laboratory.opened(region)
    assert "components/region.py" in opened
    cloud = REGIONS[region].settings.cloud
    assert {path for path in opened if cloud not in known.get(path, ()) and not is_setting(path)} == set()
    clouds = {path for path, readers in known.items() if readers == {cloud}}
    assert clouds, "nothing is told apart"
    assert clouds <= opened, "a module of the cloud's own is not used"
