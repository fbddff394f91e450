"""How a region signs in to the git host and what it says there: settings, and the secrets beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fleet
from components import argocd, keys, receipts, upstream
from fleet import FleetError
from fleet.keys import CONDUCTOR_KEY, FLAGS_KEY, INFLUXDB_SECRET, RECEIPTS_KEY
from tests.components.recording import KEY, record

FLEET = fleet.read(Path(__file__).resolve().parents[2])
STAGING, INTERNAL = FLEET.regions["staging-aws-eu-west-1"], FLEET.regions["tools-aws-us-west-2"]
ENTERPRISE = "https://git.example.com/platform/regions.git"


def test_the_service_signs_in_as_the_app_by_a_reference_to_its_key() -> None:
    service = json.loads(receipts.settings(STAGING, ENTERPRISE)["service.github"])
    assert service == {
        "appID": "1000001", "installationID": "2000001", "privateKey": "$github-private-key",
        "enterpriseBaseURL": "https://git.example.com/api/v3",
    }  # fmt: skip
    assert "enterpriseBaseURL" not in receipts.settings(STAGING, "https://github.com/a/b.git")["service.github"]


def test_every_trigger_is_subscribed_to_and_sends_a_status_of_the_regions_own_context() -> None:
    data = receipts.settings(STAGING, ENTERPRISE)
    (subscription,) = json.loads(data["subscriptions"])
    assert subscription["recipients"] == ["github"]
    states = {}
    for name in subscription["triggers"]:
        (condition,) = json.loads(data[f"trigger.{name}"])
        (template,) = condition["send"]
        status = json.loads(data[f"template.{template}"])["github"]["status"]
        assert status["label"] == "region/staging-aws-eu-west-1/apps"
        states[name] = status["state"]
    assert states == {"passed": "success", "failed": "failure", "degraded": "failure"}


def test_a_success_needs_a_whole_sync_of_the_very_commit_and_health() -> None:
    (condition,) = json.loads(receipts.settings(STAGING, ENTERPRISE)["trigger.passed"])
    for part in ("history", "syncResult?.revision", "'Succeeded'", "'Synced'", "'Healthy'"):
        assert part in condition["when"]


@pytest.mark.parametrize("install", ["namespace-install.yaml", "ha/namespace-install.yaml"])
def test_upstreams_empty_secret_is_left_out_for_ours_and_parameters_start_processes_anew(install: str) -> None:
    def rendered(seconds: int) -> dict[tuple[str, str], dict[str, object]]:
        settings = argocd.settings(STAGING, ENTERPRISE)
        settings["argocd-cmd-params-cm"]["controller.sync.timeout.seconds"] = str(seconds)
        objects = argocd.render(upstream.manifests("argo-cd", install), settings)
        return {(each["kind"], each["metadata"]["name"]): each for each in objects}

    one, other = rendered(60), rendered(90)
    assert ("Secret", receipts.SECRET) not in one
    assert ("ConfigMap", receipts.CONFIG_MAP) in one
    changed = {name for name in one if one[name] != other[name]}
    assert {("StatefulSet", "argocd-application-controller"), ("ConfigMap", "argocd-cmd-params-cm")} <= changed
    assert ("ConfigMap", "argocd-cm") not in changed


def test_the_keys_are_secrets_of_their_own_and_the_conductors_is_where_it_runs() -> None:
    for region, expected in (
        (STAGING, {"argocd-notifications-secret", "admin"}),
        (INTERNAL, {"argocd-notifications-secret", "admin", "github-app"}),
    ):
        recorded = record(region)
        found = {each.inputs["metadata"]["name"] for each in recorded.of("kubernetes:core/v1:Secret")}
        assert found == expected
        assert KEY not in json.dumps(list(recorded.objects))


@pytest.mark.parametrize(
    ("region", "environment", "missing"),
    [
        (STAGING, {INFLUXDB_SECRET: KEY}, RECEIPTS_KEY),
        (STAGING, {INFLUXDB_SECRET: KEY, RECEIPTS_KEY: "hunter2"}, RECEIPTS_KEY),
        (STAGING, {INFLUXDB_SECRET: "hunter2", RECEIPTS_KEY: KEY}, INFLUXDB_SECRET),
        (INTERNAL, {INFLUXDB_SECRET: KEY, RECEIPTS_KEY: KEY, FLAGS_KEY: KEY}, CONDUCTOR_KEY),
        (INTERNAL, {INFLUXDB_SECRET: KEY, RECEIPTS_KEY: KEY, CONDUCTOR_KEY: KEY}, FLAGS_KEY),
    ],
)
def test_a_missing_key_is_said_before_anything_is_created_and_never_shown(
    region: fleet.Region, environment: dict[str, str], missing: str
) -> None:
    with pytest.raises(FleetError, match=f"{missing}: not set, or not ") as raised:
        keys.read(region, environment)
    assert "hunter2" not in str(raised.value)


def test_a_preview_does_without_keys_and_leaves_what_secrets_hold_alone() -> None:
    found = keys.read(STAGING, {RECEIPTS_KEY: KEY}, preview=True)
    assert not found.known
    assert found.options().ignore_changes == ["data", "stringData"]
    complete = keys.read(STAGING, {RECEIPTS_KEY: KEY, INFLUXDB_SECRET: KEY}, preview=True)
    assert complete.known
    assert complete.options().ignore_changes == []


def test_each_region_has_passwords_of_its_own_which_stay_the_same() -> None:
    regions = ("staging-aws-eu-west-1", "staging-gcp-us-central1")
    first, second = (
        [keys.derived(KEY, region, purpose) for region in regions for purpose in ("password", "token")] for _ in "ab"
    )
    assert first == second
    assert len({*first, *(keys.derived(f"{KEY}x", region, "token") for region in regions)}) == 6
    assert all(len(password) == 64 for password in first)
