"""After any failed call of the cloud, the next `up` ends with exactly the planned resources, each once."""

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
from tests.engine.clouds.engine_harness import ClusterStack, cluster_stack

FLEET = fleet.read(CHECKOUT)
REGIONS = {
    "aws": "prod-aws-us-east-1",
    "gcp": "prod-gcp-europe-west4",
    # AKS's operations come one after the other, so each fails in a round of its own: production takes four minutes.
    "azure": "prod-azure-westeurope" if "FAULTS" in os.environ else "staging-azure-eastus",
}
"""Production regions, which have the most resources. The tests destroy them, so they are not protected."""
MOMENTS = 7 if "FAULTS" in os.environ else 3
"""Moments of a kill in each cloud. The deep tests kill in three clouds: 21 in all."""
DEEPEST = 30
"""A limit for rounds: more than the depth of any resource's dependencies."""


DEEP = pytest.mark.skipif("FAULTS" not in os.environ, reason="takes long: `make test-deep`, `make bench`")


def on(*clouds: str, effects: Sequence[str] = ("",), always: str = "no effect") -> list[Any]:
    """Each cloud with each effect. The deep tests run all, every other run the clouds in `clouds` and the effect `always`."""
    return [
        pytest.param(cloud, *([effect] if effect else []), id=f"{cloud}-{effect}".strip("-"),
                     marks=[] if cloud in clouds or effect == always else [DEEP])
        for cloud in REGIONS
        for effect in effects
    ]  # fmt: skip


@pytest.fixture
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClusterStack]:
    """An empty cloud, and a stack of a region in it."""
    with cluster_stack(FLEET.regions[REGIONS[request.param]], tmp_path) as stack:
        stack.stack_file.write_text(
            stack.stack_file.read_text().replace("config:\n", "config:\n  regions:protect: false\n")
        )
        yield stack


RecordProperty = Callable[[str, object], None]
"""Records a count for `make bench`."""


def calls(cloud: ClusterStack) -> int:
    """The number of calls with a fault."""
    counts = json.loads((cloud.folder / "faults.seen").read_text())
    return sum(1 for count in counts.values() if count)


LATE_SECONDS = 1.0
"""The delay of a cloud that is slow, or that has to settle."""


def until_well(cloud: ClusterStack, act: Callable[[], str], recover: Callable[[], int] | None = None) -> None:
    """Repeat an action until it succeeds, with a recovery after each failure."""
    for _ in range(DEEPEST):
        output = act()
        if not output:
            return
        assert "a fault of faults.json" in output or "simulated" in output or "not known everywhere yet" in output, (
            output
        )
        if recover:
            recover()
    raise AssertionError(f"not well after {DEEPEST} rounds: {output}")


@pytest.mark.parametrize(
    ("cloud", "effect"),
    [*on("gcp", effects=["refuse", "time-out"], always="refuse"), *on(effects=["slow", "settle"])],
    indirect=["cloud"],
)
def test_every_creation_fails_once_and_the_ups_after_it_end_with_the_planned_resources(
    cloud: ClusterStack, effect: str, record_property: RecordProperty
) -> None:
    cloud.faults({"operation": "create", "effect": effect, "per_resource": True, "seconds": LATE_SECONDS})
    until_well(cloud, cloud.up)
    count = calls(cloud)
    record_property(f"creations, {effect}", count)
    cloud.faults()
    ids = cloud.cloud_ids()
    assert cloud.state_ids() == ids, "the state and the cloud have the same resources"
    assert count == len(ids), "every creation met a fault"
    assert len(set(ids)) == len(ids)
    assert cloud.up() == ""
    assert cloud.cloud_ids() == ids, "a further up creates nothing"


@pytest.mark.parametrize(
    ("cloud", "effect"), on("gcp", effects=["refuse", "lose"], always="refuse"), indirect=["cloud"]
)
def test_every_deletion_fails_once_and_the_destroys_after_it_leave_nothing(
    cloud: ClusterStack, effect: str, record_property: RecordProperty
) -> None:
    assert cloud.up() == ""
    kept = cloud.kept_ids()
    cloud.faults({"operation": "delete", "effect": effect, "per_resource": True})
    until_well(cloud, cloud.destroy)
    record_property(f"deletions, {effect}", calls(cloud))
    assert cloud.cloud_ids() == kept
    assert cloud.state_ids() == []
    assert cloud.clusters.clusters == {}


@pytest.mark.parametrize("cloud", on("gcp"), indirect=True)
def test_lost_answers_are_adopted_after_the_runbook(cloud: ClusterStack, record_property: RecordProperty) -> None:
    cloud.faults({"operation": "create", "effect": "lose", "per_resource": True})
    until_well(cloud, cloud.up, cloud.adopt)
    record_property("creations, lose", calls(cloud))
    cloud.faults()
    assert cloud.state_ids() == cloud.cloud_ids()
    assert len(set(cloud.cloud_ids())) == len(cloud.cloud_ids())
    assert cloud.up() == ""
    assert cloud.state_ids() == cloud.cloud_ids()


@pytest.mark.parametrize("cloud", on("gcp"), indirect=True)
def test_an_up_that_is_killed_at_any_moment_is_recovered_after_the_runbook(
    cloud: ClusterStack, record_property: RecordProperty
) -> None:
    # The creations are slow, as in the clouds. So a kill interrupts some of them.
    slow = {"operation": "create", "effect": "slow", "per_resource": True, "seconds": LATE_SECONDS}
    cloud.faults(slow)
    start = time.monotonic()
    assert cloud.up() == ""
    duration = time.monotonic() - start
    total = len(cloud.cloud_ids())
    cloud.forget(cloud.kept_ids())
    assert cloud.destroy() == ""
    pending = lost = 0
    for moment in range(1, MOMENTS + 1):
        cloud.faults(slow)
        update = cloud.start("up", "--yes", "--skip-preview")
        time.sleep(duration * moment / (MOMENTS + 1))
        cloud.kill(update)
        cloud.faults()
        cloud.wait_for_the_cloud()
        pending += cloud.settle()
        lost += cloud.adopt()
        assert cloud.up() == ""
        assert cloud.state_ids() == cloud.cloud_ids()
        assert len(cloud.cloud_ids()) == total
        cloud.forget(cloud.kept_ids())
        assert cloud.destroy() == ""
        assert cloud.cloud_ids() == []
    record_property("updates that were killed", MOMENTS)
    record_property("updates that were killed: creations under way", pending)
    record_property("updates that were killed: resources taken over", lost)


@pytest.mark.parametrize("cloud", on(), indirect=True)
def test_each_call_by_itself_fails_and_the_next_up_ends_with_the_planned_resources(
    cloud: ClusterStack, record_property: RecordProperty
) -> None:
    assert cloud.up() == ""
    total = len(cloud.cloud_ids())
    for call in range(1, 1000):
        cloud.reset()
        cloud.faults({"operation": "*", "effect": "refuse", "call": call})
        if not cloud.up():
            break
        cloud.faults()
        assert cloud.up() == ""
        assert cloud.state_ids() == cloud.cloud_ids()
        assert len(cloud.cloud_ids()) == total
    record_property("calls, one at a time", call - 1)
    assert call > total
