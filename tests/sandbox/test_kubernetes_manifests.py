"""How manifests become objects: decoding, lists, namespaces, names and order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes import manifests
from sandbox.kubernetes.manifests import ManifestError

Object = dict[str, Any]


def _object(kind: str, name: str, namespace: str = "", api_version: str = "v1", **meta: Any) -> Object:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **where, **meta}}


def _crd(group: str, kind: str, scope: str = "Namespaced") -> Object:
    crd = _object("CustomResourceDefinition", f"{kind}.{group}", api_version="apiextensions.k8s.io/v1")
    return {**crd, "spec": {"group": group, "scope": scope, "names": {"kind": kind}}}


def _yes(_: str, __: str) -> bool:
    return True


def _unknown(api_version: str, kind: str) -> bool:
    raise ManifestError(f"asked for {api_version} {kind}")


def test_empty_documents_are_skipped() -> None:
    assert manifests.decode("---\n# nothing\n---\na: 1\n---\n", "x") == [{"a": 1}]


def test_json_is_a_manifest_too() -> None:
    assert manifests.decode('{"a": [1]}', "x") == [{"a": [1]}]


def test_dates_stay_text_as_in_kubernetes() -> None:
    assert manifests.decode("a: 2026-01-01\n", "x") == [{"a": "2026-01-01"}]


def test_invalid_yaml_names_the_file_and_the_document(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: 1\n---\nb: [\n")
    with pytest.raises(ManifestError, match=r"bad\.yaml, document 2"):
        manifests.read_files([str(bad)])


def test_a_document_that_is_no_object_names_itself() -> None:
    with pytest.raises(ManifestError, match="document 1: a str, not an object"):
        manifests.decode("hello\n", "x")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ManifestError, match=r"nowhere\.yaml: No such file"):
        manifests.read_files(["nowhere.yaml"])


def test_patterns_are_expanded_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"n: {name}\n")
    assert manifests.read_files([str(tmp_path / "*.yaml")]) == [{"n": "a"}, {"n": "b"}]


def test_a_web_address_is_refused_because_the_sandbox_has_no_network() -> None:
    with pytest.raises(ManifestError, match="over the network"):
        manifests.read_files(["https://example.com/x.yaml"])


def test_lists_are_expanded_at_every_depth() -> None:
    inner = {"apiVersion": "v1", "kind": "ConfigMapList", "items": [_object("ConfigMap", "a")]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, _object("ConfigMap", "b")]}
    assert [o["metadata"]["name"] for o in manifests.expand([outer])] == ["a", "b"]


def test_a_namespaced_object_gets_the_default_namespace_and_a_cluster_scoped_one_does_not() -> None:
    given = [_object("ConfigMap", "a"), _object("ConfigMap", "b", "own"), _object("Namespace", "c")]
    found = manifests.normalize(given, "default", lambda _, kind: kind == "ConfigMap")
    assert [o["metadata"].get("namespace") for o in found] == ["default", "own", None]


def test_the_scope_of_a_custom_resource_is_read_from_its_crd_among_the_manifests() -> None:
    widget, gadget = (
        _object("Widget", "w", api_version="acme.io/v1"),
        _object("Gadget", "g", api_version="acme.io/v1"),
    )
    given = [widget, gadget, _crd("acme.io", "Widget"), _crd("acme.io", "Gadget", "Cluster")]
    namespaced = {"CustomResourceDefinition": False}
    found = manifests.normalize(given, "default", lambda _, kind: namespaced[kind])
    assert [o["metadata"].get("namespace") for o in found[:2]] == ["default", None]


def test_a_custom_resource_without_any_crd_is_an_error() -> None:
    with pytest.raises(ManifestError, match=r"acme\.io/v1 Widget"):
        manifests.normalize([_object("Widget", "w", api_version="acme.io/v1")], "default", _unknown)


def test_the_core_group_has_one_spelling() -> None:
    assert manifests.normalize([_object("ConfigMap", "a", api_version="core/v1")], "d", _yes)[0]["apiVersion"] == "v1"


@pytest.mark.parametrize("missing", ["apiVersion", "kind", "metadata"])
def test_what_every_object_must_have_is_checked(missing: str) -> None:
    obj = _object("ConfigMap", "a")
    del obj[missing]
    with pytest.raises(ManifestError, match="Kubernetes resources require"):
        manifests.normalize([obj], "default", _yes)


def test_crds_and_namespaces_come_before_what_needs_them_and_the_rest_stays_in_place() -> None:
    given = [
        _object("Widget", "w", "grp", "acme.io/v1"),
        _object("ConfigMap", "c", "grp"),
        _object("ConfigMap", "elsewhere", "other"),
        _object("Namespace", "grp"),
        _crd("acme.io", "Widget"),
    ]
    needs = manifests.dependencies(given)
    assert needs == [[3, 4], [3], [], [], []]
    assert manifests.order(needs) == [2, 3, 4, 0, 1]


def test_an_annotation_orders_objects_explicitly() -> None:
    after = {manifests.DEPENDS_ON: "/namespaces/n/ConfigMap/b, apps/namespaces/n/Deployment/d"}
    given = [
        _object("ConfigMap", "a", "n", annotations=after),
        _object("ConfigMap", "b", "n"),
        _object("Deployment", "d", "n", "apps/v1"),
    ]
    assert manifests.dependencies(given)[0] == [1, 2]


def test_a_dependency_outside_the_manifests_is_an_error() -> None:
    given = [_object("ConfigMap", "a", "n", annotations={manifests.DEPENDS_ON: "/namespaces/n/ConfigMap/z"})]
    with pytest.raises(ManifestError, match="external dependency: ConfigMap a"):
        manifests.dependencies(given)


def test_a_malformed_dependency_is_an_error() -> None:
    with pytest.raises(ManifestError, match="'z' is neither"):
        manifests.dependencies([_object("ConfigMap", "a", annotations={manifests.DEPENDS_ON: "z"})])


def test_a_cycle_is_an_error() -> None:
    with pytest.raises(ManifestError, match="cyclic"):
        manifests.order([[1], [0], []])


def test_resources_are_named_by_prefix_namespace_and_name() -> None:
    assert manifests.resource_name(_object("ConfigMap", "c", "n"), "pre") == "pre:n/c"
    assert manifests.resource_name(_object("Namespace", "n"), "pre") == "pre:n"
    assert manifests.resource_name(_object("ConfigMap", "c", "n"), "") == "n/c"


def test_skipping_await_keeps_the_other_annotations_and_the_given_object() -> None:
    given = _object("ConfigMap", "c", annotations={"a": "b"})
    skipped = manifests.skipping_await(given)
    assert skipped["metadata"]["annotations"] == {"a": "b", "pulumi.com/skipAwait": "true"}
    assert given["metadata"]["annotations"] == {"a": "b"}
