"""Whatever call of the cloud goes wrong, the next `up` ends with exactly what was wanted: nothing left over, none there twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import fleet
from sandbox.machine.home import CHECKOUT
from tests.engine.clouds.engine_harness import Rig, rig

FLEET = fleet.read(CHECKOUT)
REGIONS = {"aws": "prod-aws-us-east-1", "gcp": "prod-gcp-europe-west4", "azure": "prod-azure-westeurope"}
"""Production, with all that it has more, but not protected: it is to be destroyed."""
MOMENTS = 7 if "FAULTS" in os.environ else 3
"""The deep tests do it in three clouds: 21 in all."""
DEEPEST = 30
"""More rounds than any resource has others below it."""


DEEP = pytest.mark.skipif("FAULTS" not in os.environ, reason="takes long: `make test-deep`, `make bench`")


def on(*clouds: str, effects: Sequence[str] = ("",), always: str = "no effect") -> list[Any]:
    """Each cloud with each effect: those named in every run of the tests, the others in the deep ones."""
    return [
        pytest.param(cloud, *([effect] if effect else []), id=f"{cloud}-{effect}".strip("-"),
                     marks=[] if cloud in clouds or effect == always else [DEEP])
        for cloud in REGIONS
        for effect in effects
    ]  # fmt: skip


@pytest.fixture
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """An empty cloud, and a stack of a region in it."""
    with rig(FLEET.regions[REGIONS[request.param]], tmp_path) as found:
        found.stack_file.write_text(
            found.stack_file.read_text().replace("config:\n", "config:\n  regions:protect: false\n")
        )
        yield found


Record = Callable[[str, object], None]
"""For `make bench`, which counts what was tried."""


def calls(cloud: Rig) -> int:
    """How many calls have met a fault."""
    seen = json.loads((cloud.folder / "faults.seen").read_text())
    return sum(1 for count in seen.values() if count)


LATE_SECONDS = 1.0
"""How late a cloud is that is slow, or that has to settle."""


def until_well(cloud: Rig, act: Callable[[], str], recover: Callable[[], int] | None = None) -> None:
    """Try again until nothing is refused any more, after each failure recovering first."""
    for _ in range(DEEPEST):
        said = act()
        if not said:
            return
        assert "a fault of faults.json" in said or "simulated" in said or "not known everywhere yet" in said, said
        if recover:
            recover()
    raise AssertionError(f"not well after {DEEPEST} rounds: {said}")


@pytest.mark.parametrize(
    ("cloud", "effect"),
    on("gcp", effects=["refuse", "time-out", "slow", "settle"], always="refuse"),
    indirect=["cloud"],
)
def test_every_creation_fails_once_and_the_ups_after_it_end_with_what_was_wanted(
    cloud: Rig, effect: str, record_property: Record
) -> None:
    cloud.faults({"operation": "create", "effect": effect, "each": True, "seconds": LATE_SECONDS})
    until_well(cloud, cloud.up)
    tried = calls(cloud)
    record_property(f"creations, {effect}", tried)
    cloud.faults()
    built = cloud.built()
    assert cloud.is_known() == built, "the state and the cloud tell the same"
    assert tried == len(built), "every one of them met a fault"
    assert len(set(built)) == len(built)
    assert cloud.up() == ""
    assert cloud.built() == built, "a further up makes nothing"


@pytest.mark.parametrize(
    ("cloud", "effect"), on("gcp", effects=["refuse", "lose"], always="refuse"), indirect=["cloud"]
)
def test_every_deletion_fails_once_and_the_destroys_after_it_leave_nothing(
    cloud: Rig, effect: str, record_property: Record
) -> None:
    assert cloud.up() == ""
    cloud.faults({"operation": "delete", "effect": effect, "each": True})
    until_well(cloud, cloud.destroy)
    record_property(f"deletions, {effect}", calls(cloud))
    assert cloud.built() == []
    assert cloud.is_known() == []
    assert cloud.clusters.clusters == {}


@pytest.mark.parametrize("cloud", on("gcp"), indirect=True)
def test_lost_answers_are_adopted_after_the_runbook(cloud: Rig, record_property: Record) -> None:
    cloud.faults({"operation": "create", "effect": "lose", "each": True})
    until_well(cloud, cloud.up, cloud.adopt)
    record_property("creations, lose", calls(cloud))
    cloud.faults()
    assert cloud.is_known() == cloud.built()
    assert len(set(cloud.built())) == len(cloud.built())
    assert cloud.up() == ""
    assert cloud.is_known() == cloud.built()


@pytest.mark.parametrize("cloud", on("gcp"), indirect=True)
def test_an_up_that_is_killed_at_any_moment_is_recovered_after_the_runbook(cloud: Rig, record_property: Record) -> None:
    # Creations that take their time, as in the clouds: a kill finds some of them under way.
    slow = {"operation": "create", "effect": "slow", "each": True, "seconds": LATE_SECONDS}
    cloud.faults(slow)
    began = time.monotonic()
    assert cloud.up() == ""
    whole = time.monotonic() - began
    wanted = len(cloud.built())
    assert cloud.destroy() == ""
    pending = lost = 0
    for moment in range(1, MOMENTS + 1):
        cloud.faults(slow)
        update = cloud.start("up", "--yes", "--skip-preview")
        time.sleep(whole * moment / (MOMENTS + 1))
        cloud.kill(update)
        cloud.faults()
        cloud.wait_for_the_cloud()
        pending += cloud.settle()
        lost += cloud.adopt()
        assert cloud.up() == ""
        assert cloud.is_known() == cloud.built()
        assert len(cloud.built()) == wanted
        assert cloud.destroy() == ""
        assert cloud.built() == []
    record_property("updates that were killed", MOMENTS)
    record_property("updates that were killed: creations under way", pending)
    record_property("updates that were killed: resources taken over", lost)


@pytest.mark.parametrize("cloud", on(), indirect=True)
def test_each_call_by_itself_fails_and_the_next_up_ends_with_what_was_wanted(
    cloud: Rig, record_property: Record
) -> None:
    assert cloud.up() == ""
    wanted = len(cloud.built())
    for call in range(1, 1000):
        cloud.reset()
        cloud.faults({"operation": "*", "effect": "refuse", "call": call})
        if not cloud.up():
            break
        cloud.faults()
        assert cloud.up() == ""
        assert cloud.is_known() == cloud.built()
        assert len(cloud.built()) == wanted
    record_property("calls, one at a time", call - 1)
    assert call > wanted
