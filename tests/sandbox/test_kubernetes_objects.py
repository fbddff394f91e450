"""Naming objects, refusing what cannot be, credentials, and applying beside other managers."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes import checks, kubeconfig, lifecycle, objects
from sandbox.kubernetes.kubeconfig import Active, Credentials, KubeconfigError
from sandbox.provider_sdk.server import UNKNOWN

Object = dict[str, Any]


def _named(given: Object, old: Object | None = None, seed: bytes = b"seed") -> Object:
    objects.autoname(given, old or {}, "web", seed)
    return given


def test_an_unnamed_object_gets_its_resources_name_and_eight_digits_and_is_marked() -> None:
    meta = _named({"metadata": {}})["metadata"]
    assert meta["name"].startswith("web-")
    assert len(meta["name"]) == len("web-") + 8
    assert meta["annotations"] == {"pulumi.com/autonamed": "true"}


def test_the_same_seed_gives_the_same_name_and_another_seed_another() -> None:
    first = _named({})["metadata"]["name"]
    assert _named({})["metadata"]["name"] == first
    assert _named({}, seed=b"other")["metadata"]["name"] != first


def test_an_autonamed_object_keeps_its_name() -> None:
    old = _named({})
    assert _named({}, old, b"other")["metadata"]["name"] == old["metadata"]["name"]


@pytest.mark.parametrize("meta", [{"name": "own"}, {"name": UNKNOWN}, {"generateName": "own-"}])
def test_a_name_of_the_program_is_left_alone(meta: Object) -> None:
    assert _named({"metadata": dict(meta)})["metadata"] == meta


def test_a_type_and_its_apiversion_and_kind_belong_together() -> None:
    for type_, api_version, kind in [
        ("kubernetes:core/v1:ConfigMap", "v1", "ConfigMap"),
        ("kubernetes:apps/v1:Deployment", "apps/v1", "Deployment"),
        ("kubernetes:argoproj.io/v1alpha1:Application", "argoproj.io/v1alpha1", "Application"),
    ]:
        assert objects.kind_of_type(type_) == (api_version, kind)
        assert objects.type_of_kind(api_version, kind) == type_


def test_keys_that_python_cannot_hold_get_their_dashes_back() -> None:
    assert objects.with_dashes({"a": [{"x_kubernetes_list_type": "map", "x_other": 1}]}) == {
        "a": [{"x-kubernetes-list-type": "map", "x_other": 1}]
    }


def test_inputs_lose_what_only_the_server_writes_and_gain_their_kind() -> None:
    given = {"metadata": {"name": "a", "uid": "1", "resourceVersion": "2"}}
    expected = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    assert checks.identified("kubernetes:apps/v1:Deployment", given) == expected


def test_patches_charts_and_lists_are_refused_and_a_custom_kind_named_so_is_not() -> None:
    assert "not simulated" in checks.refused_type("kubernetes:core/v1:ConfigMapPatch", {"kind": "ConfigMap"})
    assert "not simulated" in checks.refused_type("kubernetes:helm.sh/v3:Release", {})
    assert "cannot be created directly" in checks.refused_type("kubernetes:core/v1:ConfigMapList", {"items": []})
    assert checks.refused_type("kubernetes:acme.io/v1:GamePatch", {"kind": "GamePatch"}) == ""
    assert checks.refused_type("kubernetes:core/v1:ConfigMap", {"kind": "ConfigMap"}) == ""


def test_client_side_apply_and_rendering_are_refused_settings() -> None:
    assert list(checks.refused_settings({"enableServerSideApply": "false"})) == ["enableServerSideApply"]
    assert list(checks.refused_settings({"renderYamlToDirectory": "x"})) == ["renderYamlToDirectory"]
    assert checks.refused_settings({"enableServerSideApply": True}) == {}


def test_an_unknown_kind_of_a_built_in_group_fails_and_one_that_may_get_a_crd_does_not() -> None:
    wrong = checks.failure({"apiVersion": "apps/v1", "kind": "Deploymentt"}, None)
    assert wrong is not None
    assert "Deploymentt" in wrong[1]
    assert checks.failure({"apiVersion": "acme.io/v1", "kind": "Widget"}, None) is None
    assert checks.failure({"apiVersion": "apps/v1", "kind": "Deployment"}, True) is None


def test_an_apiversion_of_another_form_fails() -> None:
    wrong = checks.failure({"apiVersion": "apps/v1/x", "kind": "Deployment"}, None)
    assert wrong is not None
    assert wrong[0] == "apiVersion"


def test_the_type_of_a_child_is_the_last_of_its_urn() -> None:
    urn = "urn:pulumi:s::p::kubernetes:yaml/v2:ConfigGroup$kubernetes:core/v1:ConfigMap::g:n/c"
    assert checks.type_of_urn(urn) == "kubernetes:core/v1:ConfigMap"


def test_ignored_properties_are_applied_as_they_are_so_that_no_conflict_arises() -> None:
    body = {"spec": {"replicas": 1, "image": "new"}, "metadata": {"annotations": {"a.b/c": "mine"}}}
    live = {"spec": {"replicas": 5, "image": "old"}, "metadata": {"annotations": {"a.b/c": "theirs"}}}
    paths = ["spec.replicas", 'metadata.annotations["a.b/c"]', "spec.absent"]
    assert lifecycle.with_live_values(body, live, paths) == {
        "spec": {"replicas": 5, "image": "new"},
        "metadata": {"annotations": {"a.b/c": "theirs"}},
    }


def _target(spec: Object) -> Active:
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    cluster = {"server": "https://127.0.0.1:1", "extensions": [extension]}
    return Active(cluster, {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **spec}}, "")


def test_a_missing_credential_plugin_is_named_with_what_to_do() -> None:
    with pytest.raises(KubeconfigError, match=r"executable no-such-login not found.*put it on PATH"):
        Credentials(_target({"command": "no-such-login"}))


def _plugin(folder: Path, body: str) -> str:
    script = folder / "login"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def test_a_token_is_fetched_once_until_it_expires_or_is_refused(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    answer = json.dumps({"status": {"token": "t", "expirationTimestamp": "2999-01-01T00:00:00Z"}})
    command = _plugin(tmp_path, f"echo x >> {calls}; echo '{answer}'")
    credentials = Credentials(_target({"command": command}))
    headers = [credentials.headers() for _ in range(3)]
    assert headers == [{"Authorization": "Bearer t"}] * 3
    assert calls.read_text().count("x") == 1
    assert credentials.renew(headers[0])
    assert calls.read_text().count("x") == 2


def test_an_expired_token_is_fetched_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    answer = json.dumps({"status": {"token": "t", "expirationTimestamp": "2000-01-01T00:00:00Z"}})
    credentials = Credentials(_target({"command": _plugin(tmp_path, f"echo x >> {calls}; echo '{answer}'")}))
    credentials.headers()
    assert calls.read_text().count("x") == 2


def test_a_failing_credential_plugin_tells_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="exit code 3: please log in"):
        Credentials(_target({"command": _plugin(tmp_path, "echo please log in >&2; exit 3")}))


def test_a_credential_plugin_is_told_about_the_cluster_only_if_it_asks() -> None:
    target = _target({"command": "x", "provideClusterInfo": True})
    told = kubeconfig.exec_info(target.user["exec"], target.cluster)["spec"]
    assert told["cluster"] == {"server": "https://127.0.0.1:1", "config": {"audience": "x"}}
    assert "cluster" not in kubeconfig.exec_info({"apiVersion": "v1"}, target.cluster)["spec"]


CONFIG = {
    "current-context": "one",
    "contexts": [
        {"name": "one", "context": {"cluster": "a", "namespace": "n"}},
        {"name": "two", "context": {"cluster": "b"}},
    ],
    "clusters": [{"name": c, "cluster": {"server": f"https://{c}"}} for c in ("a", "b")],
}


def test_a_kubeconfig_is_read_from_its_contents_or_its_path(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(json.dumps(CONFIG))
    assert kubeconfig.parse(json.dumps(CONFIG)) == kubeconfig.parse(str(path)) == kubeconfig.parse(CONFIG) == CONFIG


def test_the_context_can_be_chosen_and_must_exist() -> None:
    assert kubeconfig.active(CONFIG).cluster["server"] == "https://a"
    assert kubeconfig.active(CONFIG).namespace == "n"
    assert kubeconfig.active(CONFIG, context="two").cluster["server"] == "https://b"
    with pytest.raises(KubeconfigError, match='context "three" does not exist'):
        kubeconfig.active(CONFIG, context="three")


def test_no_kubeconfig_at_all_says_where_one_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(KubeconfigError, match="no configuration has been provided"):
        kubeconfig.parse(None)
