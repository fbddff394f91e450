"""A region's sign-in at the git host, its receipts there, and the secrets for both."""

from __future__ import annotations

import json

import pytest

import fleet
from components.argo import argocd, manifests, notifications
from components.shared.secrets import derive_password, read_secrets
from fleet import FleetError
from fleet.keys import CONDUCTOR_KEY, FLAGS_KEY, INFLUXDB_SECRET, RECEIPTS_KEY
from tests.components.recording import KEY, record
from tests.repository import ROOT

FLEET = fleet.read(ROOT)
STAGING, INTERNAL = FLEET.regions["staging-aws-eu-west-1"], FLEET.regions["tools-aws-us-west-2"]
ENTERPRISE = "https://git.example.com/platform/regions.git"


def test_the_service_signs_in_as_the_app_by_a_reference_to_its_key() -> None:
    service = json.loads(notifications.settings(STAGING, ENTERPRISE)["service.github"])
    assert service == {
        "appID": "1000001", "installationID": "2000001", "privateKey": "$github-private-key",
        "enterpriseBaseURL": "https://git.example.com/api/v3",
    }  # fmt: skip
    assert "enterpriseBaseURL" not in notifications.settings(STAGING, "https://github.com/a/b.git")["service.github"]


def test_every_trigger_is_subscribed_to_and_sends_a_status_of_the_regions_own_context() -> None:
    data = notifications.settings(STAGING, ENTERPRISE)
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
    (condition,) = json.loads(notifications.settings(STAGING, ENTERPRISE)["trigger.passed"])
    for part in ("history", "syncResult?.revision", "'Succeeded'", "'Synced'", "'Healthy'"):
        assert part in condition["when"]


@pytest.mark.parametrize("install", ["namespace-install.yaml", "ha/namespace-install.yaml"])
def test_our_secret_replaces_upstreams_empty_one_and_changed_parameters_restart_processes(install: str) -> None:
    def rendered(seconds: int) -> dict[tuple[str, str], dict[str, object]]:
        settings = argocd.settings(STAGING, ENTERPRISE)
        settings["argocd-cmd-params-cm"]["controller.sync.timeout.seconds"] = str(seconds)
        objects = argocd.render(manifests.manifests("argo-cd", install), settings)
        return {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in objects}

    one, other = rendered(60), rendered(90)
    assert ("Secret", notifications.SECRET) not in one
    assert ("ConfigMap", notifications.CONFIG_MAP) in one
    changed = {name for name in one if one[name] != other[name]}
    assert {("StatefulSet", "argocd-application-controller"), ("ConfigMap", "argocd-cmd-params-cm")} <= changed
    assert ("ConfigMap", "argocd-cm") not in changed


def test_each_key_is_a_secret_of_its_own_and_the_conductors_is_in_its_region() -> None:
    for region, expected in (
        (STAGING, {"argocd-notifications-secret", "admin"}),
        (INTERNAL, {"argocd-notifications-secret", "admin", "github-app"}),
    ):
        recorded = record(region)
        names = {secret.inputs["metadata"]["name"] for secret in recorded.of("kubernetes:core/v1:Secret")}
        assert names == expected
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
def test_a_missing_key_is_an_error_before_any_creation_and_is_never_printed(
    region: fleet.Region, environment: dict[str, str], missing: str
) -> None:
    with pytest.raises(FleetError, match=f"{missing}: not set, or not ") as raised:
        read_secrets(region, environment)
    assert "hunter2" not in str(raised.value)


def test_a_preview_needs_no_keys_and_ignores_the_contents_of_secrets() -> None:
    secrets = read_secrets(STAGING, {RECEIPTS_KEY: KEY}, preview=True)
    assert not secrets.known
    assert secrets.options().ignore_changes == ["data", "stringData"]
    complete = read_secrets(STAGING, {RECEIPTS_KEY: KEY, INFLUXDB_SECRET: KEY}, preview=True)
    assert complete.known
    assert complete.options().ignore_changes == []


def test_each_region_has_passwords_of_its_own_which_stay_the_same() -> None:
    regions = ("staging-aws-eu-west-1", "staging-gcp-us-central1")
    first, second = (
        [derive_password(KEY, region, purpose) for region in regions for purpose in ("password", "token")] for _ in "ab"
    )
    assert first == second
    assert len({*first, *(derive_password(f"{KEY}x", region, "token") for region in regions)}) == 6
    assert all(len(password) == 64 for password in first)
