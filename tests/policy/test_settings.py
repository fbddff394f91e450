"""A region's program breaks no policy, with any valid settings."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fleet
from fleet import NodePool
from fleet.checks import stack
from fleet.places import zones
from fleet.settings import ClusterAccess
from fleet.sizes import MAIN_POOLS, Size
from fleet.stack import Stack
from policy.catalogue import POLICIES
from policy.rules import Resource
from tests.components.recording import FLEET, record

PRINCIPALS = {
    "aws": ["arn:aws:iam::111122223333:role/sre", "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/read"],
    "gcp": ["sre@example.com", "read-only@example.com"],
    "azure": ["0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a", "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b"],
}


@st.composite
def regions(draw: st.DrawFn) -> fleet.Region:
    """A region of the fleet with other settings, all of them valid."""
    region = FLEET.regions[draw(st.sampled_from(sorted(FLEET.regions)))]
    cloud = region.settings.cloud
    size: Size = draw(st.sampled_from(["small", "medium", "large"]))
    pool = NodePool(
        machine_type=MAIN_POOLS["large"][cloud].machine_type, min_nodes=1, max_nodes=draw(st.integers(1, 6))
    )
    principals = draw(st.permutations(PRINCIPALS[cloud]))
    admins = draw(st.integers(0, 2))
    changes: dict[str, Any] = {
        "size": size,
        "node_pools": draw(st.sampled_from([{}, {"compute": pool}, {"general": pool}])),
        "cluster_access": ClusterAccess(
            admins=principals[:admins], viewers=draw(st.sampled_from([principals[admins:], []]))
        ),
        "api_allowed_cidrs": draw(st.sampled_from([[], [IPv4Network("203.0.113.0/24")]])),
        "tags": draw(st.dictionaries(st.sampled_from(["owner", "data-class"]), st.sampled_from(["a", "b-1", ""]))),
        "protect": draw(st.sampled_from([None, True, False])),
        "suspended": "conductor" not in region.settings.applications and draw(st.booleans()),
        "cost_centre": draw(st.sampled_from(["platform", "research"])),
        "kubernetes_version": draw(st.sampled_from(sorted(fleet.KUBERNETES))),
        "zones": draw(st.sampled_from([None, list(zones(cloud, region.settings.location))])),
    }
    wave = draw(st.sampled_from(FLEET.waves))
    region_settings = region.settings.model_copy(update={**changes, "wave": wave.name})
    return replace(region, settings=region_settings, wave=wave)


@pytest.mark.slow
@settings(
    max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)  # fmt: skip
@given(region=regions())
def test_no_valid_settings_break_a_policy(region: fleet.Region) -> None:
    waves = {wave.name: wave for wave in FLEET.waves}
    checked_stack = Stack(region.name, region.file, {}, region.settings)
    assert stack(checked_stack, waves, region.settings.applications) == [], "the settings are valid"
    resources = [
        Resource(registered.type, registered.name, registered.inputs, registered.protect, registered.urn)
        for registered in record(region).resources
    ]
    violations = [
        (policy.name, violation.resource.urn, violation.message)
        for policy in POLICIES
        for violation in policy.violations(resources, region)
    ]
    assert violations == []
