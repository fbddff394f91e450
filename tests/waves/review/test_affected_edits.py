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
"""The number of edits to make, different ones each time, with a preview of every region. Unset: the same 200 edits.

Of the 200, each is previewed in one unnamed region, and every third in one named region too."""
PROCESSES = 2


class Worker:
    """A copy of the repository, and the process that runs the program in it."""

    def __init__(self, root: Path) -> None:
        self.copy = Copy(root)
        self.previews = Previews(root)


@dataclass
class Trial:
    """An edit, the regions that `regions affected` names for it, and the results of previews."""

    edit: Edit
    new: Tree
    named: frozenset[str]
    regions: list[str] = field(default_factory=list)
    """The regions to preview."""
    changed: dict[str, bool] = field(default_factory=dict)
    """Region to whether its preview has changed."""

    @property
    def unnamed(self) -> list[str]:
        """The regions that `regions affected` does not name."""
        return left_alone(self.new, self.named)

    @property
    def missed(self) -> list[str]:
        """The unnamed regions whose preview has changed."""
        return [name for name in self.unnamed if self.changed.get(name)]


class MockedLaboratory:
    """Tries edits, in several processes."""

    def __init__(self, root: Path) -> None:
        self.old = tree(root / "all")
        with ThreadPoolExecutor(PROCESSES) as pool:
            self._workers = list(pool.map(lambda number: Worker(root / str(number)), range(PROCESSES)))
        self._idle: Queue[Worker] = Queue()
        for worker in self._workers:
            self._idle.put(worker)
        self.before, again = (worker.previews.of(REGIONS) for worker in self._workers)
        assert self.before == again, "a preview is not reproducible, so it proves nothing"
        assert not [preview for preview in self.before.values() if "error" in preview]

    def run(self, trials: Iterable[Trial]) -> None:
        """Preview the trials' regions."""
        with ThreadPoolExecutor(PROCESSES) as pool:
            list(pool.map(self._run, trials))

    def _run(self, trial: Trial) -> None:
        worker = self._idle.get()
        try:
            with worker.copy.after(trial.edit):
                previews = worker.previews.of(trial.regions)
        finally:
            self._idle.put(worker)
        trial.changed |= {name: preview != self.before[name] for name, preview in previews.items()}

    def opened_files(self, region: str) -> set[str]:
        """The files that a region's program opens."""
        return self._workers[0].previews.opened_files(region)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.previews.close()


def some(regions: Collection[str], random: Random) -> list[str]:
    """One of these regions, if there is one."""
    return random.sample(sorted(regions), 1) if regions else []


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockedLaboratory]:
    """One for all tests."""
    laboratory = MockedLaboratory(tmp_path_factory.mktemp("laboratory"))
    yield laboratory
    laboratory.close()


@pytest.fixture(scope="module")
def trials(laboratory: MockedLaboratory) -> list[Trial]:
    """Many edits, each with previews of an unnamed region, and some of a named one."""
    seed = os.urandom(4).hex() if SEARCH else SEED
    print(f"AFFECTED_EDITS: the seed is {seed}")
    random, number = Random(seed), int(SEARCH or NUMBER)
    trials = []
    for edit in edits(laboratory.old.contents, seed, number):
        new = edited(laboratory.old, edit)
        trials.append(Trial(edit, new, named(laboratory.old, new)))
    for count, trial in enumerate(trials):
        alone = trial.unnamed if SEARCH else some(trial.unnamed, random)
        trial.regions = alone + (some(trial.named & {*REGIONS}, random) if SEARCH or count % 3 == 0 else [])
    laboratory.run(trials)
    return trials


def test_no_region_is_missed(trials: list[Trial]) -> None:
    left_alone = [trial for trial in trials if trial.unnamed]
    previews = sum(name in trial.changed for trial in trials for name in trial.unnamed)
    named_trials = [trial for trial in trials if trial.named & trial.changed.keys()]
    changing = [
        trial for trial in named_trials if any(trial.changed[name] for name in trial.named & trial.changed.keys())
    ]
    print(f"{len(trials)} edits: {len(left_alone)} leave regions alone ({previews} previews compared)")
    print(f"{len(named_trials)} previews of named regions: {len(changing)} have changed")
    assert {trial.edit.name: trial.missed for trial in trials if trial.missed} == {}
    assert len(left_alone) > len(trials) / 2, "hardly any edit leaves a region alone"
    assert len(changing) > len(named_trials) / 3, "hardly any edit changes a preview"


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
def test_a_rule_that_ignores_a_file_is_caught_by_the_same_edits(
    laboratory: MockedLaboratory, trials: list[Trial], blind: Callable[[str], bool]
) -> None:
    for trial in trials:
        if any(map(blind, trial.edit.files)):
            visible = {path: content for path, content in trial.edit.files.items() if not blind(path)}
            narrowed_names = named(laboratory.old, edited(laboratory.old, Edit(trial.edit.name, visible)))
            missing = sorted((trial.named - narrowed_names) & {*REGIONS})
            narrowed = replace(trial, named=narrowed_names, regions=missing[:1], changed={})
            if narrowed.regions:
                laboratory.run([narrowed])
            if narrowed.missed:
                return
    raise AssertionError("none of the edits shows it")


@pytest.mark.parametrize(
    "region", ["staging-aws-eu-west-1", "tools-aws-us-west-2", "prod-gcp-europe-west4", "prod-azure-westeurope"]
)
def test_a_region_opens_no_file_that_it_is_not_known_to_read(laboratory: MockedLaboratory, region: str) -> None:
    known = program_files.clouds_by_file(laboratory.old)
    files = laboratory.opened_files(region)
    assert "components/region.py" in files
    cloud = REGIONS[region].settings.cloud
    assert {path for path in files if cloud not in known.get(path, ()) and not is_setting(path)} == set()
    clouds = {path for path, readers in known.items() if readers == {cloud}}
    assert clouds, "no file is the cloud's alone"
    assert clouds <= files, "a module of the cloud's own is not used"
