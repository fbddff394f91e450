"""A small client of a Kubernetes API server (SIMULATED provider plugin, REAL API server).

One connection pool per provider, discovery cached until a kind is missing, errors as the API server words
them. The official Python package is not used: importing it costs 0.2 s, and its dynamic client asks for each
group by itself.
"""

from __future__ import annotations

import json
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from sandbox.kubernetes import kubeconfig
from sandbox.kubernetes.kubeconfig import Active, Credentials, KubeconfigError
from sandbox.kubernetes.objects import Object

_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 30.0
_POOL_SIZE: Final = 64
_MAX_RETRIES: Final = 5
_REDISCOVER_SECONDS: Final = 0.5
_DISCOVERY: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
)


class Unreachable(Exception):
    """The API server does not answer, or there are no credentials to talk to it."""


class NoMatch(Exception):
    """The API server does not know a kind: its CRD is missing, or the name is wrong."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


class ApiError(Exception):
    """An answer of the API server that is no success; `reason` as in metav1.Status, e.g. AlreadyExists."""

    def __init__(self, code: int, status: dict[str, Any]) -> None:
        super().__init__(status.get("message") or f"the API server answered {code}")
        self.code = code
        self.reason = str(status.get("reason", ""))
        self.details: dict[str, Any] = status.get("details") or {}

    @property
    def namespace_missing(self) -> bool:
        """Whether what was not found is the namespace."""
        return self.code == 404 and self.details.get("kind") == "namespaces"


@dataclass(frozen=True)
class Resource:
    """How the API server serves a kind."""

    prefix: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """The URL path of an object, or of the collection when the name is empty."""
        where = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.prefix}{where}/{self.plural}" + (f"/{name}" if name else "")


class Client:
    """Talks to one API server; safe for use by many threads."""

    def __init__(self, target: Active) -> None:
        self.server = str(target.cluster["server"]).rstrip("/")
        try:
            self._credentials = Credentials(target)
            self._pool = self._make_pool(target.cluster)
        except (KubeconfigError, OSError, ValueError) as error:
            raise Unreachable(str(error)) from error
        self._lock = threading.Lock()
        self._resources: dict[tuple[str, str], Resource] = {}
        self._discovered = float("-inf")

    def _make_pool(self, cluster: dict[str, Any]) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": _POOL_SIZE, "num_pools": 2, "retries": False}
        if self.server.startswith("https"):
            options["ssl_context"] = self._tls(cluster)
            if cluster.get("tls-server-name"):
                options["server_hostname"] = options["assert_hostname"] = cluster["tls-server-name"]
            if cluster.get("insecure-skip-tls-verify"):
                options["cert_reqs"] = "CERT_NONE"
                urllib3.disable_warnings()
        if cluster.get("proxy-url"):
            return urllib3.ProxyManager(cluster["proxy-url"], **options)
        return urllib3.PoolManager(**options)

    def _tls(self, cluster: dict[str, Any]) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=kubeconfig.authority(cluster))
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self._credentials.certificate and self._credentials.key:
            # Python's ssl reads a client certificate from a file only.
            with tempfile.NamedTemporaryFile() as file:
                file.write(self._credentials.certificate + b"\n" + self._credentials.key)
                file.flush()
                context.load_cert_chain(file.name)
        return context

    def request(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[dict[str, Any], list[str]]:
        """Send a request; returns the decoded answer and the server's warnings.

        Raises ApiError for an answer that is no success, Unreachable when there is none. Waits and asks again
        when the server is overloaded, and renews an exec plugin's token once when the server refuses it.
        """
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        renewed = False
        for attempt in range(_MAX_RETRIES + 1):
            try:
                credentials = self._credentials.headers()
                answer = self._pool.request(
                    method,
                    url,
                    body=data,
                    headers={"Accept": "application/json", **credentials, **(headers or {})},
                    timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                )
            except urllib3.exceptions.ProtocolError as error:
                # A kept connection that the server has closed meanwhile.
                if attempt == _MAX_RETRIES or method == "POST":
                    raise Unreachable(f'{method} "{url}": {error}') from error
                continue
            except (urllib3.exceptions.HTTPError, KubeconfigError, OSError) as error:
                raise Unreachable(f'{method} "{url}": {_cause(error)}') from error
            if answer.status == 401 and not renewed and self._credentials.renew(credentials):
                renewed = True
                continue
            if answer.status in (429, 503) and attempt < _MAX_RETRIES:
                time.sleep(min(float(answer.headers.get("Retry-After", 0.2 * 2**attempt)), 5.0))
                continue
            break
        decoded = _decode(answer.data)
        if answer.status >= 300:
            raise ApiError(answer.status, decoded)
        return decoded, [_warning(w) for w in answer.headers.getlist("Warning")]

    def _discover(self) -> None:
        found: dict[tuple[str, str], Resource] = {}
        for root in ("/api", "/apis"):
            groups, _ = self.request("GET", root, headers={"Accept": _DISCOVERY})
            for group in groups.get("items", []):
                name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    for item in version.get("resources", []):
                        kind = item.get("responseKind", {}).get("kind", "")
                        resource = Resource(f"{root}/{api_version}", item["resource"], item["scope"] == "Namespaced")
                        found.setdefault((api_version, kind), resource)
        self._resources, self._discovered = found, time.monotonic()

    def forget_discovery(self) -> None:
        """Discover again at the next missing kind, without the usual pause: a CRD has just changed."""
        self._discovered = float("-inf")

    def connect(self) -> None:
        """Make sure that the API server answers; raises Unreachable, or ApiError when it refuses us."""
        with self._lock:
            if not self._resources:
                self._discover()

    def resource(self, api_version: str, kind: str) -> Resource:
        """How a kind is served, discovered anew when unknown; raises NoMatch when there is no such kind."""
        api_version = api_version.removeprefix("core/")
        found = self._resources.get((api_version, kind))
        if found is None:
            with self._lock:
                if time.monotonic() - self._discovered > _REDISCOVER_SECONDS:
                    self._discover()
            found = self._resources.get((api_version, kind))
        if found is None:
            raise NoMatch(api_version, kind)
        return found

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object:
        """Read an object; raises ApiError (404 when there is none), NoMatch or Unreachable."""
        return self.request("GET", self.resource(api_version, kind).path(namespace, name))[0]

    def find(self, api_version: str, kind: str, namespace: str, **query: str) -> list[Object]:
        """The objects of a namespace that match labelSelector and fieldSelector."""
        answer, _ = self.request("GET", self.resource(api_version, kind).path(namespace), query)
        return list(answer.get("items") or [])

    def apply(self, obj: Object, manager: str, *, force: bool, dry_run: bool = False) -> tuple[Object, list[str]]:
        """Server-side apply an object; returns it as the server has it, and warnings."""
        query = {"fieldManager": manager, "force": "true" if force else "false", "fieldValidation": "Warn"}
        if dry_run:
            query["dryRun"] = "All"
        return self.request("PATCH", self._path_of(obj), query, obj, {"Content-Type": "application/apply-patch+yaml"})

    def create(self, obj: Object, manager: str, *, dry_run: bool = False) -> tuple[Object, list[str]]:
        """Create an object, which must not exist; returns it as the server has it, and warnings."""
        query = {"fieldManager": manager, "fieldValidation": "Warn"}
        if dry_run:
            query["dryRun"] = "All"
        headers = {"Content-Type": "application/json"}
        return self.request("POST", self._path_of(obj, named=False), query, obj, headers)

    def delete(self, obj: Object, propagation: str) -> None:
        """Ask for an object's deletion; its finalizers may keep it a while."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        self.request("DELETE", self._path_of(obj), body=body, headers={"Content-Type": "application/json"})

    def _path_of(self, obj: Object, named: bool = True) -> str:
        meta = obj["metadata"]
        resource = self.resource(obj["apiVersion"], obj["kind"])
        return resource.path(meta.get("namespace", ""), meta["name"] if named else "")


def _decode(data: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()}
    return decoded if isinstance(decoded, dict) else {"message": str(decoded)}


def _warning(header: str) -> str:
    # RFC 9111 section 5.5: `299 - "text"`.
    return header.split('"', 1)[-1].rstrip('"').replace('\\"', '"')


def _cause(error: Exception) -> str:
    # urllib3 wraps the operating system's words in its own.
    return str(error).rsplit("Failed to establish a new connection: ", maxsplit=1)[-1]
