"""The gRPC face of the kubernetes provider (SIMULATED provider plugin, real API server).

Takes the engine's property bags apart and hands plain data to lifecycle, diff and construct. What the
published provider does is in pulumi/pulumi-kubernetes provider/pkg/provider/provider.go.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto

from sandbox.kubernetes import checks, construct, diff, manifests, objects
from sandbox.kubernetes.client import NoMatch, Unreachable
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.lifecycle import Operation
from sandbox.kubernetes.manifests import ManifestError
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.waiting import NotReady
from sandbox.provider_sdk.server import (
    UNKNOWN,
    InitFailed,
    ProviderError,
    Secret,
    Servicer,
    from_struct,
    has_unknowns,
    mark_secrets,
    to_struct,
    unwrap,
)

_UNREACHABLE: Final = "configured Kubernetes cluster is unreachable"
_SECRET_KEYS: Final = ("data", "stringData")
_ADVICE: Final = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation "
    'with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)


class KubernetesProvider(Servicer):
    """Serves every Kubernetes kind that the configured API server knows."""

    version = metadata.version("pulumi-kubernetes")  # the engine asks for the SDK's version

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster({})

    def configure(self, config: dict[str, Any]) -> None:
        """Take the provider's settings; the cluster is contacted when it is first needed."""
        self.cluster = Cluster(config)

    def CheckConfig(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        """Refuse the modes that the sandbox has not: client-side apply and rendering to a directory."""
        refused = checks.refused_settings(unwrap(from_struct(request.news)))
        failures = [proto.CheckFailure(property=key, reason=reason) for key, reason in refused.items()]
        return proto.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        """Another cluster replaces the provider, and with it everything in the cluster."""
        olds, news = unwrap(from_struct(request.olds)), unwrap(from_struct(request.news))
        changed, replaces = diff.provider_replaces(olds, news)
        changes = proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE
        return proto.DiffResponse(changes=changes, diffs=changed, replaces=replaces)

    def Check(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        """Name the object, fill in its namespace, and find kinds and versions that cannot be."""
        olds, news = from_struct(request.olds), from_struct(request.news)
        if self.cluster.settings.skip_update_unreachable and olds and self.cluster.unreachable():
            self.log.warning(
                request.urn,
                "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...",
            )
            return proto.CheckResponse(inputs=request.olds)
        given = objects.with_dashes(news)
        inputs = _identified(request.urn, unwrap(given))
        refused = checks.refused_type(checks.type_of_urn(request.urn), inputs)
        if refused:
            return proto.CheckResponse(failures=[proto.CheckFailure(reason=refused)])
        objects.autoname(inputs, unwrap(olds), request.urn.split("::", 3)[3], request.randomSeed)
        namespaced = self.cluster.namespaced(inputs["apiVersion"], inputs["kind"])
        failure = checks.failure(inputs, namespaced)
        if namespaced is not False and isinstance(inputs["metadata"], dict):
            inputs["metadata"].setdefault("namespace", self.cluster.default_namespace)
        return proto.CheckResponse(
            inputs=to_struct(_secret(inputs, given)),
            failures=[proto.CheckFailure(property=failure[0], reason=failure[1])] if failure else [],
        )

    def Diff(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        """Compare old inputs with new ones."""
        old, new = unwrap(from_struct(request.old_inputs)), unwrap(from_struct(request.news))
        if new.get("apiVersion") is not UNKNOWN and self.cluster.namespaced(new["apiVersion"], new["kind"]) is False:
            for side in (old, new):
                objects.metadata(side).pop("namespace", None)
        found = diff.changes(old, new, self.cluster.settings.mutability)
        replaces = [change.text for change in found if change.replaces]
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if found else proto.DiffResponse.DIFF_NONE,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and diff.delete_before_replace(old, new),
            detailedDiff={change.text: _property_diff(change) for change in found},
            hasDetailedDiff=True,
        )

    def Create(self, request: proto.CreateRequest, context: grpc.ServicerContext) -> proto.CreateResponse:
        """Create an object, or ask the server in a dry run what it would become."""
        given = from_struct(request.properties)
        inputs = unwrap(given)
        operation = self._operation(request.urn, inputs, {}, request.timeout)
        if request.preview:
            reason = self.cluster.first_warning()
            if reason:
                self.log.warning(request.urn, f"{_UNREACHABLE}: {reason}\nThe preview does not ask it.")
            planned = None if has_unknowns(inputs) else _reached(lambda: operation.preview_create(inputs))
            properties = self._outputs(planned, given, operation) if planned else request.properties
            return proto.CreateResponse(properties=properties)
        try:
            live = _reached(lambda: operation.create(inputs))
        except NotReady as error:
            name = objects.full_name(error.live)
            head = (
                f"resource {name} was successfully created, but the Kubernetes API server reported that it "
                "failed to fully initialize or become live"
            )
            raise self._init_failed(error, head, given, operation) from error
        return proto.CreateResponse(id=objects.full_name(live), properties=self._outputs(live, given, operation))

    def Update(self, request: proto.UpdateRequest, context: grpc.ServicerContext) -> proto.UpdateResponse:
        """Apply changed inputs, or ask the server in a dry run what would come of it."""
        given = from_struct(request.news)
        inputs = unwrap(given)
        operation = self._operation(request.urn, inputs, from_struct(request.olds), request.timeout)
        if request.preview and has_unknowns(inputs):
            return proto.UpdateResponse(properties=request.news)
        ignored = list(request.ignoreChanges)
        try:
            live = _reached(lambda: operation.update(inputs, ignored, preview=request.preview))
        except NotReady as error:
            head = (
                f'the Kubernetes API server reported that "{objects.full_name(inputs)}" failed to fully '
                "initialize or become live"
            )
            raise self._init_failed(error, head, given, operation) from error
        return proto.UpdateResponse(properties=self._outputs(live, given, operation) if live else request.news)

    def Read(self, request: proto.ReadRequest, context: grpc.ServicerContext) -> proto.ReadResponse:
        """Read an object for a refresh or an import; an empty answer means that it is gone."""
        reason = self.cluster.unreachable()
        if reason:
            self.log.warning(request.urn, f"{_UNREACHABLE}: {reason}")
            if self.cluster.settings.delete_unreachable:
                return proto.ReadResponse()
            if self.cluster.settings.skip_update_unreachable:
                return proto.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
            raise ProviderError(f"failed to read resource state due to unreachable cluster. {_ADVICE}")
        given, state = from_struct(request.inputs), from_struct(request.properties)
        imported = not given
        inputs = _identified(
            request.urn, unwrap(given or {k: v for k, v in state.items() if k in ("apiVersion", "kind")})
        )
        operation = self._operation(request.urn, inputs, state, request.timeout)
        namespace, name = objects.parse_id(request.id)
        namespace = namespace or str(objects.metadata(inputs).get("namespace") or self.cluster.default_namespace)
        live = _reached(lambda: operation.read(inputs, namespace, name))
        if live is None:
            return proto.ReadResponse()
        plain = {k: v for k, v in objects.without_read_only(live).items() if k != "status"}
        marked = _secret(plain if imported else diff.live_inputs(live, inputs), given)
        reasons = [] if imported else _reached(lambda: operation.not_ready(live))
        if reasons:
            raise InitFailed(request.id, from_struct(self._outputs(live, marked, operation)), marked, reasons)
        return proto.ReadResponse(
            id=request.id, properties=self._outputs(live, marked, operation), inputs=to_struct(marked)
        )

    def Delete(self, request: proto.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete an object and wait until it is gone."""
        state = unwrap(from_struct(request.properties))
        inputs = unwrap(from_struct(request.old_inputs)) or state
        reason = self.cluster.unreachable()
        if reason:
            self.log.warning(request.urn, f"{_UNREACHABLE}: {reason}")
            if self.cluster.settings.delete_unreachable:
                return empty_pb2.Empty()
            raise ProviderError(f"{_UNREACHABLE}. {_ADVICE}")
        namespace, name = objects.parse_id(request.id)
        where = {"name": name, **({"namespace": namespace} if namespace else {})}
        target = {**inputs, "metadata": {**objects.metadata(inputs), **where}}
        operation = self._operation(request.urn, inputs, state, request.timeout)
        try:
            _reached(lambda: operation.delete(target))
        except NotReady as error:
            outputs = from_struct(self._outputs(error.live, inputs, operation))
            raise InitFailed(request.id, outputs, inputs, error.reasons) from error
        return empty_pb2.Empty()

    def Construct(self, request: proto.ConstructRequest, context: grpc.ServicerContext) -> proto.ConstructResponse:
        """Build a component of yaml/v2."""
        if request.type not in (construct.CONFIG_GROUP, construct.CONFIG_FILE):
            raise ProviderError(checks.NOT_SIMULATED.format(request.type))
        self.cluster.client()

        def namespaced(api_version: str, kind: str) -> bool:
            known = self.cluster.namespaced(api_version, kind)
            if known is None:
                raise ManifestError(
                    f"failed to determine if the following GVK is namespaced: {api_version}, Kind={kind}. "
                    "Its CRD is neither installed in the cluster nor among these manifests: install it "
                    "first, or add it to them"
                )
            return known

        return construct.construct(request, self.version, self.cluster.default_namespace, namespaced, self.log)

    def Invoke(self, request: proto.InvokeRequest, context: grpc.ServicerContext) -> proto.InvokeResponse:
        """Decode YAML; the other functions are not simulated."""
        if request.tok != "kubernetes:yaml:decode":
            raise ProviderError(checks.NOT_SIMULATED.format(request.tok))
        arguments = unwrap(from_struct(request.args))
        try:
            result = manifests.decode(arguments.get("text") or "", "text")
        except ManifestError as error:
            raise ProviderError(str(error)) from error
        return proto.InvokeResponse(**{"return": to_struct({"result": result})})

    def _operation(self, urn: str, inputs: Object, state: Object, timeout: float) -> Operation:
        manager = objects.field_manager(inputs, unwrap(state), urn)
        return Operation(self.cluster, urn, manager, self.log, self.cancelled, timeout)

    @staticmethod
    def _outputs(live: Object, given: Object, operation: Operation) -> Any:
        meta = {k: v for k, v in live["metadata"].items() if k != "managedFields"}
        outputs = _secret({**live, "metadata": meta}, given)
        return to_struct({**outputs, "__fieldManager": operation.manager})

    def _init_failed(self, error: NotReady, head: str, given: Object, operation: Operation) -> InitFailed:
        outputs = from_struct(self._outputs(error.live, given, operation))
        return InitFailed(
            objects.full_name(error.live), outputs, given, [f"{head}: {error.reasons[0]}", *error.reasons[1:]]
        )


def _identified(urn: str, given: Object) -> Object:
    try:
        return checks.identified(checks.type_of_urn(urn), given)
    except ValueError as error:
        raise ProviderError(str(error)) from error


def _reached(call: Any) -> Any:
    try:
        return call()
    except Unreachable as error:
        raise ProviderError(f"{_UNREACHABLE}: {error}") from error
    except NoMatch as error:
        raise ProviderError(str(error)) from error


def _secret(obj: Object, given: Object) -> Object:
    marked: Object = mark_secrets(obj, given)
    if marked.get("kind") == "Secret" and marked.get("apiVersion") == "v1":
        marked = {k: Secret(unwrap(v)) if k in _SECRET_KEYS else v for k, v in marked.items()}
    return marked


def _property_diff(change: diff.Change) -> proto.PropertyDiff:
    name = change.kind.upper() + ("_REPLACE" if change.replaces else "")
    return proto.PropertyDiff(kind=proto.PropertyDiff.Kind.Value(name), inputDiff=True)
