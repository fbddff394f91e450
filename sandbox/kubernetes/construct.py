"""yaml/v2 ConfigGroup and ConfigFile: a component with a child per object (SIMULATED provider plugin).

Speaks to the engine's resource monitor directly, so that several components can be constructed at once in
one plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import grpc
from pulumi.runtime import proto, rpc
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc

from sandbox.kubernetes import manifests, objects
from sandbox.kubernetes.manifests import ManifestError
from sandbox.kubernetes.objects import Object
from sandbox.provider_sdk.server import (
    GRPC_OPTIONS,
    UNKNOWN,
    EngineLog,
    ProviderError,
    Secret,
    from_struct,
    has_unknowns,
    mark_secrets,
    to_struct,
    unwrap,
)

CONFIG_GROUP: Final = "kubernetes:yaml/v2:ConfigGroup"
CONFIG_FILE: Final = "kubernetes:yaml/v2:ConfigFile"
_MAX_PARALLEL: Final = 64


def construct(
    request: proto.ConstructRequest,
    version: str,
    default_namespace: str,
    namespaced: Callable[[str, str], bool],
    log: EngineLog,
) -> proto.ConstructResponse:
    """Register the component and its children; `version` selects the children's default provider."""
    with grpc.insecure_channel(request.monitorEndpoint, options=GRPC_OPTIONS) as channel:
        monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
        urn = monitor.RegisterResource(_component(request)).urn
        inputs = from_struct(request.inputs)
        if has_unknowns(inputs):
            what = f"{request.type}:{request.name}"
            log.warning(urn, f"{what} -- Required input properties have unknown values. Preview is incomplete.\n")
            return proto.ConstructResponse(urn=urn, state=to_struct({"resources": UNKNOWN}))
        try:
            children = _children(request, inputs, default_namespace, namespaced)
            responses = _register(monitor, request, urn, version, children)
        except ManifestError as error:
            raise ProviderError(f"{request.name}: {error}") from error
        return _response(urn, version, responses)


def _component(request: proto.ConstructRequest) -> resource_pb2.RegisterResourceRequest:
    timeouts = request.customTimeouts
    return resource_pb2.RegisterResourceRequest(
        type=request.type,
        name=request.name,
        parent=request.parent,
        protect=request.protect if request.HasField("protect") else None,
        providers=request.providers,
        dependencies=request.dependencies,
        aliasURNs=request.aliases and [a.urn for a in request.aliases if a.urn],
        ignoreChanges=request.ignoreChanges,
        replaceOnChanges=request.replaceOnChanges,
        retainOnDelete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deletedWith=request.deletedWith,
        customTimeouts=resource_pb2.RegisterResourceRequest.CustomTimeouts(
            create=timeouts.create, update=timeouts.update, delete=timeouts.delete
        ),
        acceptSecrets=True,
        acceptResources=True,
        aliasSpecs=True,
    )


def _children(
    request: proto.ConstructRequest,
    inputs: dict[str, Any],
    default_namespace: str,
    namespaced: Callable[[str, str], bool],
) -> list[tuple[str, Object]]:
    plain = unwrap(inputs)
    if request.type == CONFIG_FILE:
        given = manifests.read_files([plain["file"]], globbing=False)
    else:
        given = manifests.read_files(plain.get("files") or [])
        given += manifests.decode(plain.get("yaml") or "", f"{request.name}'s yaml")
        given += _objects(inputs.get("objs"))
    prefix = plain.get("resourcePrefix", request.name)
    result = []
    for obj in manifests.normalize(given, default_namespace, namespaced):
        one = manifests.skipping_await(obj) if plain.get("skipAwait") else obj
        if one["kind"] == "Secret" and one["apiVersion"] == "v1":
            one = {k: Secret(unwrap(v)) if k in ("data", "stringData") else v for k, v in one.items()}
        result.append((manifests.resource_name(obj, prefix), one))
    return result


def _objects(given: Any) -> list[Object]:
    if isinstance(given, Secret):
        return list(unwrap(given))
    # Metadata has to be plain to name and order objects; secrets elsewhere stay secret.
    return [mark_secrets(unwrap(o), {k: v for k, v in o.items() if k != "metadata"}) for o in map(_bare, given or [])]


def _bare(given: Any) -> Object:
    if isinstance(given, Secret):
        given = unwrap(given)
    if not isinstance(given, dict):
        raise ManifestError(f"objs: a {type(given).__name__} is not a Kubernetes object")
    return given


def _register(
    monitor: resource_pb2_grpc.ResourceMonitorStub,
    request: proto.ConstructRequest,
    parent: str,
    version: str,
    children: list[tuple[str, Object]],
) -> list[Any]:
    needs = manifests.dependencies([obj for _, obj in children])
    futures: dict[int, Future[Any]] = {}

    def register(index: int) -> Any:
        name, obj = children[index]
        urns = [futures[n].result().urn for n in needs[index]]
        return monitor.RegisterResource(
            resource_pb2.RegisterResourceRequest(
                type=objects.type_of_kind(obj["apiVersion"], obj["kind"]),
                name=name,
                parent=parent,
                custom=True,
                object=to_struct(obj),
                provider=request.providers.get("kubernetes", ""),
                version=version,
                dependencies=urns,
                acceptSecrets=True,
                acceptResources=True,
                supportsPartialValues=True,
                aliasSpecs=True,
                additionalSecretOutputs=["data", "stringData"] if obj["kind"] == "Secret" else [],
            )
        )

    if not children:
        return []
    # Submitted in dependency order, so a thread only ever waits for one that has started.
    with ThreadPoolExecutor(min(_MAX_PARALLEL, len(children))) as pool:
        for index in manifests.order(needs):
            futures[index] = pool.submit(register, index)
        return [futures[i].result() for i in range(len(children))]


def _response(urn: str, version: str, responses: list[Any]) -> proto.ConstructResponse:
    references = [
        {rpc._special_sig_key: rpc._special_resource_sig, "urn": r.urn, "id": r.id, "packageVersion": version}
        for r in responses
    ]
    depends = proto.ConstructResponse.PropertyDependencies(urns=[r.urn for r in responses])
    return proto.ConstructResponse(
        urn=urn, state=to_struct({"resources": references}), stateDependencies={"resources": depends}
    )
