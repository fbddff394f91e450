"""Which changes of a Kubernetes object update it, which replace it, and what counts as drift."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from sandbox.kubernetes import diff, objects
from sandbox.kubernetes.diff import Mutability
from sandbox.provider_sdk.server import UNKNOWN

Object = dict[str, Any]


def _object(api_version: str, kind: str, **rest: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "namespace": "n"}, **rest}


def _edited(obj: Object, value: Any, *path: str) -> Object:
    changed = copy.deepcopy(obj)
    target = changed
    for key in path[:-1]:
        target = target.setdefault(key, {})
    target[path[-1]] = value
    return changed


DEPLOYMENT = _object(
    "apps/v1",
    "Deployment",
    spec={"replicas": 1, "selector": {"matchLabels": {"app": "x"}}, "template": {"spec": {"containers": []}}},
)


def _replaces(old: Object, new: Object, mutability: Mutability | None = None) -> list[str]:
    return [c.text for c in diff.changes(old, new, mutability or Mutability()) if c.replaces]


def test_equal_inputs_have_no_changes() -> None:
    assert diff.changes(DEPLOYMENT, copy.deepcopy(DEPLOYMENT)) == []


def test_a_number_that_the_engine_sent_as_a_float_is_no_change() -> None:
    assert diff.changes(DEPLOYMENT, _edited(DEPLOYMENT, 1.0, "spec", "replicas")) == []


def test_scaling_a_deployment_updates_it() -> None:
    found = diff.changes(DEPLOYMENT, _edited(DEPLOYMENT, 2, "spec", "replicas"))
    assert [(c.text, c.kind, c.replaces) for c in found] == [("spec.replicas", "update", False)]


def test_another_selector_replaces_a_deployment() -> None:
    new = _edited(DEPLOYMENT, "y", "spec", "selector", "matchLabels", "app")
    assert _replaces(DEPLOYMENT, new) == ["spec.selector.matchLabels.app"]


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (_object("apps/v1", "StatefulSet", spec={"serviceName": "s"}), ("spec", "serviceName")),
        (_object("apps/v1", "StatefulSet", spec={}), ("spec", "volumeClaimTemplates")),
        (_object("apps/v1", "DaemonSet", spec={}), ("spec", "selector")),
        (_object("batch/v1", "Job", spec={}), ("spec", "template")),
        (_object("v1", "Service", spec={"clusterIP": "1"}), ("spec", "clusterIP")),
        (_object("v1", "PersistentVolumeClaim", spec={}), ("spec", "resources")),
        (_object("v1", "Pod", spec={}), ("spec", "nodeName")),
        (_object("v1", "PersistentVolume", spec={}), ("spec", "hostPath")),
        (_object("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={}), ("roleRef", "name")),
        (_object("storage.k8s.io/v1", "StorageClass"), ("provisioner",)),
        (DEPLOYMENT, ("metadata", "name")),
        (DEPLOYMENT, ("metadata", "namespace")),
    ],
)
def test_an_immutable_field_replaces_the_object(obj: Object, path: tuple[str, ...]) -> None:
    assert _replaces(obj, _edited(obj, "new", *path))


def test_a_mutable_field_of_a_volume_or_pod_does_not_replace_it() -> None:
    volume = _object("v1", "PersistentVolume", spec={"persistentVolumeReclaimPolicy": "Delete"})
    assert not _replaces(volume, _edited(volume, "Retain", "spec", "persistentVolumeReclaimPolicy"))
    pod = _object("v1", "Pod", spec={})
    assert not _replaces(pod, _edited(pod, 5, "spec", "activeDeadlineSeconds"))


def test_adding_the_branch_that_holds_an_immutable_field_replaces() -> None:
    bare = _object("v1", "Service")
    assert _replaces(bare, {**bare, "spec": {"clusterIP": "None"}}) == ["spec"]
    assert not _replaces(bare, {**bare, "spec": {"type": "ClusterIP"}})


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_data_replaces_its_object_unless_the_provider_says_that_it_may_change(kind: str) -> None:
    old = _object("v1", kind, data={"a": "1"})
    new = _edited(old, "2", "data", "a")
    assert _replaces(old, new) == ["data.a"]
    assert not _replaces(old, new, Mutability(config_maps=True, secrets=True))


def test_immutable_data_replaces_its_object_even_where_data_may_change() -> None:
    old = _object("v1", "ConfigMap", immutable=True, data={"a": "1"})
    assert _replaces(old, _edited(old, "2", "data", "a"), Mutability(config_maps=True)) == ["data.a"]


def test_another_version_of_the_same_group_updates_and_another_group_replaces() -> None:
    old = _object("autoscaling/v1", "HorizontalPodAutoscaler")
    assert not _replaces(old, {**old, "apiVersion": "autoscaling/v2"})
    assert _replaces(old, {**old, "apiVersion": "acme.io/v2"}) == ["apiVersion"]


def test_a_value_that_only_an_update_tells_is_a_change() -> None:
    assert diff.changes(DEPLOYMENT, _edited(DEPLOYMENT, UNKNOWN, "spec", "replicas"))


def test_paths_are_written_as_pulumi_writes_them() -> None:
    old = _object("v1", "ConfigMap", data={"a.b": "1"}, list=[{"x": 1}])
    new = {**_edited(old, "2", "data", "a.b"), "list": [{"x": 2}, {}]}
    assert [c.text for c in diff.changes(old, new)] == ['data["a.b"]', "list[0].x", "list[1]"]


def test_a_named_object_is_deleted_before_its_replacement_is_created() -> None:
    new = _edited(DEPLOYMENT, "y", "spec", "selector", "matchLabels", "app")
    assert diff.delete_before_replace(DEPLOYMENT, new)
    assert not diff.delete_before_replace(DEPLOYMENT, _edited(new, "b", "metadata", "name"))
    assert not diff.delete_before_replace(DEPLOYMENT, _edited(new, "b", "metadata", "namespace"))


def test_an_autonamed_object_is_created_before_the_old_one_is_deleted() -> None:
    new = _edited(DEPLOYMENT, {objects.AUTONAMED: "true"}, "metadata", "annotations")
    assert not diff.delete_before_replace(DEPLOYMENT, new)


def test_what_the_server_defaults_is_no_drift() -> None:
    live = {
        **DEPLOYMENT,
        "spec": {**DEPLOYMENT["spec"], "paused": False, "strategy": {}},
        "status": {"replicas": 1},
    }
    assert diff.live_inputs(live, DEPLOYMENT) == DEPLOYMENT


def test_what_somebody_changed_is_drift() -> None:
    live = _edited(DEPLOYMENT, 7, "spec", "replicas")
    assert diff.live_inputs(live, DEPLOYMENT)["spec"]["replicas"] == 7


def test_what_somebody_removed_is_drift_but_what_the_api_leaves_out_is_not() -> None:
    old = _object("v1", "ConfigMap", data={"a": "1", "b": "2"}, immutable=False, binaryData={})
    live = _object("v1", "ConfigMap", data={"a": "1"})
    assert diff.live_inputs(live, old) == {**old, "data": {"a": "1"}}


@pytest.mark.parametrize(
    ("live", "old"), [("1", "1000m"), ("1", 1), ("1Gi", "1024Mi"), ("2k", 2000), (80, "80"), ("1e3", "1k")]
)
def test_two_spellings_of_a_quantity_are_no_drift(live: Any, old: Any) -> None:
    assert diff.live_inputs({"a": live}, {"a": old}) == {"a": old}


@pytest.mark.parametrize(
    ("live", "old"), [("1", "2"), ("1Gi", "1G"), (True, "true"), ("nginx:1", "nginx:2"), (1, True)]
)
def test_different_scalars_are_drift(live: Any, old: Any) -> None:
    assert diff.live_inputs({"a": live}, {"a": old}) == {"a": live}


def test_an_injected_container_is_no_drift_but_an_added_argument_is() -> None:
    old = {"containers": [{"name": "c"}], "args": ["a"]}
    live = {"containers": [{"name": "c", "tty": False}, {"name": "sidecar"}], "args": ["a", "b"]}
    assert diff.live_inputs(live, old) == {"containers": [{"name": "c"}], "args": ["a", "b"]}


def test_string_data_of_a_secret_drifts_with_the_data_that_it_became() -> None:
    old = _object("v1", "Secret", stringData={"k": "v"})
    live = _object("v1", "Secret", data={"k": base64.b64encode(b"v").decode()})
    assert diff.live_inputs(live, old) == old
    live["data"]["k"] = base64.b64encode(b"changed").decode()
    assert "stringData" not in diff.live_inputs(live, old)


def _kubeconfig(server: str, token: str = "t") -> Object:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }


def test_a_new_token_updates_the_provider_and_a_new_server_replaces_it() -> None:
    old = {"kubeconfig": _kubeconfig("https://a")}
    assert diff.provider_replaces(old, {"kubeconfig": _kubeconfig("https://a", "t2")}) == (["kubeconfig"], [])
    assert diff.provider_replaces(old, {"kubeconfig": _kubeconfig("https://b")}) == (
        ["kubeconfig"],
        ["kubeconfig"],
    )


def test_an_unchanged_cluster_identifier_keeps_the_provider_whatever_else_changes() -> None:
    old = {"kubeconfig": _kubeconfig("https://a"), "clusterIdentifier": "x"}
    for kubeconfig in (_kubeconfig("https://b"), UNKNOWN):
        assert diff.provider_replaces(old, {**old, "kubeconfig": kubeconfig})[1] == []


def test_a_changed_cluster_identifier_replaces_the_provider_and_an_added_one_does_not() -> None:
    old = {"kubeconfig": _kubeconfig("https://a"), "clusterIdentifier": "x"}
    assert diff.provider_replaces(old, {**old, "clusterIdentifier": "y"})[1] == ["clusterIdentifier"]
    assert diff.provider_replaces({"kubeconfig": old["kubeconfig"]}, old)[1] == []


def test_an_unknown_kubeconfig_replaces_the_provider_where_no_identifier_says_otherwise() -> None:
    assert diff.provider_replaces({"kubeconfig": _kubeconfig("https://a")}, {"kubeconfig": UNKNOWN})[1] == [
        "kubeconfig"
    ]
