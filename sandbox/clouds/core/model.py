"""The vocabulary of the SIMULATED clouds' rules. A `ResourceRule` describes how one resource type behaves.

A string in a rule is a template:

    {region}   an output or input of the resource, or a setting of its cloud
    {hex17}    seventeen random hexadecimal digits
    {digits8}  eight random decimal digits
    {uuid}     a random UUID
    {now}      the time

A function in a rule takes the `Context` and returns the value.
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.clouds.core import property_paths
from sandbox.provider_sdk.server import ProviderError
from sandbox.provider_sdk.values import UNKNOWN

if TYPE_CHECKING:
    from sandbox.clouds.core.clusters import ClusterHost
    from sandbox.clouds.core.store import Row, Transaction


class CloudError(ProviderError):
    """An error of the cloud's API. The text starts with the cloud's own error code."""


class NotUsableYetError(CloudError):
    """The target of a reference exists, but this part of the cloud does not know of it yet."""

    def __init__(self, text: str, retried: bool) -> None:
        super().__init__(f"{text} (it exists, and is not known everywhere yet)")
        self.retried = retried


@dataclass(frozen=True)
class Pace:
    """How slowly a cloud creates something, in seconds."""

    delay_seconds: float = 0.0
    """Until the resource exists."""
    propagation_seconds: float | None = None
    """From then on, until all of the cloud knows of the resource. None: the value of its rule."""


@dataclass
class Context:
    """Everything that a rule may read while it creates, changes or deletes one resource."""

    rule: ResourceRule
    settings: Mapping[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    clusters: ClusterHost
    find: Callable[[Iterable[str], str], Row | None]
    """Looks up another resource of this cloud in this resource's scope, by (types, id or other handle)."""
    id: str = ""
    old_inputs: dict[str, Any] = field(default_factory=dict)
    """The inputs before an update. Empty while a resource is created."""

    def __getitem__(self, key: str) -> Any:
        if key == "id":  # never an input: azure-native has types with an `id` input of another meaning
            return self.id
        for source in (self.outputs, self.inputs, self.settings):
            if source.get(key) is not None:
                return source[key]
        if key == "uuid":
            return str(uuid.uuid4())
        if key == "now":
            return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if key.startswith("hex"):
            return random_hex(int(key.removeprefix("hex")))
        if key.startswith("digits"):
            return random_digits(int(key.removeprefix("digits")))
        return ""

    @property
    def place(self) -> str:
        """The region or location that a resource is in."""
        return str(self.get("location") or self.get("region") or self["region"])

    def text(self, template: str) -> str:
        """Fill in a template."""
        return str(_Formatter(self).format(template))

    def value(self, rule: Any) -> Any:
        """The value of a rule's template, function or constant for this resource."""
        if callable(rule):
            return rule(self)
        return self.text(rule) if isinstance(rule, str) else rule

    def get(self, path: str, default: Any = None) -> Any:
        """An output at a dotted path. Inputs are outputs, too."""
        return property_paths.get(self.outputs, path, default)


class _Formatter(string.Formatter):
    def __init__(self, context: Context) -> None:
        self._context = context

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return self._context[str(key)]


Template = str | Callable[[Context], Any]
Refusal = Callable[[Context, "Transaction"], None]


@dataclass(frozen=True)
class Name:
    """The property for which the real provider generates a name when the program has none."""

    property: str = "name"
    pattern: str = "{name}-{hex7}"


@dataclass(frozen=True)
class Reference:
    """An input that names another resource, which has to exist."""

    path: str
    to: tuple[str, ...] | str
    missing: str
    """The cloud's error if it does not exist. `{value}` is the input, `{handle}` the id that it became."""
    delete_error: str | None = None
    """The cloud's error on deleting the target while this resource exists. `{target}` is the target's id. None: the
    target may be deleted."""
    cascade: bool = False
    """Deleting the target deletes this resource as well."""
    value: str | Callable[[Context, str], str] = "{value}"
    """Turns the input into the target's id, where the input is only a part of the id."""
    foreign: tuple[str, ...] = ()
    """Prefixes of values that the cloud itself owns, such as its managed policies."""
    immediate: bool = False
    """This part of the cloud knows of the target as soon as it exists."""
    retried: bool = False
    """The real provider retries for a while, if the cloud does not know of the target yet."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The types that the input may name."""
        return (self.to,) if isinstance(self.to, str) else self.to


def documented_at(address: str) -> Callable[[Refusal], Refusal]:
    """Mark a check with the address of the cloud's documentation, if that is not the page of the resource type."""

    def mark(check: Refusal) -> Refusal:
        check.source = address  # type: ignore[attr-defined]
        return check

    return mark


@dataclass(frozen=True)
class Quota:
    """The number of resources of a type that may exist."""

    limit: int
    error: str
    """The cloud's error on the next one."""
    source: str
    regional: bool = False
    """The limit is for one region of the cloud, not for the whole account."""


@dataclass(frozen=True)
class KeptName:
    """A name that stays taken after the deletion of its resource."""

    name: Template
    error: str
    """The cloud's error for a new resource of that name."""


@dataclass(frozen=True)
class Exclusive:
    """A target that runs one operation at a time, such as a managed cluster. A concurrent one is refused."""

    target: Template
    error: str
    """The cloud's error for an operation while `{operation}` runs."""
    source: str


class Effect:
    """The effects of a type outside the store: clusters and their nodes are real."""

    outputs: tuple[str, ...] = ()
    """The output paths that only the effect sets. A preview shows them as unknown."""

    def create(self, context: Context) -> dict[str, Any]:
        """Create the real part. Returns the values of `outputs`."""
        raise NotImplementedError

    def update(self, context: Context) -> dict[str, Any]:
        """Bring the real part to the new inputs. Returns the outputs that changed."""
        raise NotImplementedError

    def delete(self, context: Context) -> None:
        """Delete the real part. A part that is gone already is no error."""
        raise NotImplementedError


@dataclass(frozen=True)
class ResourceRule:
    """How one resource type of a cloud behaves. The SDK's metadata declares its inputs and outputs."""

    token: str
    id: Template
    source: str
    """Address of the type's documentation with its refusals, without the scheme."""
    name: Name | None = None
    scope: str | None = None
    """Template of the scope in which ids are unique. None means the cloud's usual scope."""
    exists: str = "{token} {id} already exists"
    """The cloud's error when the id, or another handle, is taken."""
    shared: bool = False
    """A second creation succeeds, as for a grant. One deletion then removes the resource for all its creators."""
    counted: bool = False
    """The resource goes with the deletion by its last creator. The clouds keep such resources for good. Here they go,
    so that an empty cloud is empty."""
    name_patterns: Mapping[str, str] = field(default_factory=dict)
    """Input path -> the regular expression that the whole value has to match."""
    quota: Quota | None = None
    seconds: float = 0.0
    """The duration of a creation, and of every other operation on an `exclusive` target. A real cloud may take minutes."""
    exclusive: Exclusive | None = None
    """The target that no other operation may run on while this resource is created, changed or deleted."""
    keeps_name: KeptName | None = None
    """The cloud keeps the name of a deleted resource."""
    propagation_seconds: float = 0.0
    """Seconds until all of the cloud knows of the resource. A real cloud may take minutes."""
    handles: tuple[str, ...] = ()
    """Outputs other than the id by which references may name the resource, each unique in its scope."""
    replace: tuple[str, ...] = ()
    """Input paths whose change replaces the resource. A change below such a path does, too."""
    deletes_first: bool = False
    """The provider deletes the old resource before it creates the new one, unless it generated the name."""
    replace_when: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)
    """Input path -> whether a change from one known value to another replaces the resource."""
    irreversible: tuple[str, ...] = ()
    """Input paths whose removal replaces the resource, though a change or addition does not."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Input path -> the provider's value for a missing input. Setting that value explicitly is no change. A path inside
    a block counts only when the program sets the block."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Output path -> template, function or constant, for outputs without a value from the program."""
    rewrites: Mapping[str, Callable[[Context, Any], Any]] = field(default_factory=dict)
    """Outputs that have another form than the input of the same name: path -> function of the input."""
    volatile: tuple[str, ...] = ()
    """Outputs that every update computes again."""
    references: tuple[Reference, ...] = ()
    checks: tuple[Refusal, ...] = ()
    """Checks at create and update that no reference expresses. A check raises `CloudError`."""
    protected: tuple[Refusal, ...] = ()
    """Refusals at delete."""
    effect: Effect | None = None
    reads: Callable[[Context, Transaction], tuple[dict[str, Any], dict[str, Any]]] | None = None
    """Inputs and outputs that a read shows in place of the recorded ones: the cloud changes them by itself."""
    json: tuple[str, ...] = ()
    """Inputs that the program may write as a document. The cloud stores its JSON text."""


def random_hex(digits: int) -> str:
    """Random hexadecimal digits, as in ids and generated names."""
    return secrets.token_hex((digits + 1) // 2)[:digits]


def random_digits(digits: int) -> str:
    """Random decimal digits, the first not zero, as in numeric ids."""
    return str(secrets.randbelow(9 * 10 ** (digits - 1)) + 10 ** (digits - 1))


def is_known(value: Any) -> bool:
    """Whether a value is set and known."""
    return value is not None and value is not UNKNOWN
