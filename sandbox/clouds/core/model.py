"""The words in which the rules of the SIMULATED clouds are written: a `Rule` says how one resource type
behaves.

A string in a rule is a template: `{region}` stands for an output or input of the resource or a setting of
its cloud, `{hex17}` for seventeen random hexadecimal digits, `{uuid}` for a random one, `{now}` for the
time. A function takes the `Context` and gives the value.
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
from sandbox.provider_sdk.server import UNKNOWN, ProviderError

if TYPE_CHECKING:
    from sandbox.clouds.core.clusters import ClusterHost
    from sandbox.clouds.core.store import Row, Transaction


class CloudError(ProviderError):
    """What the cloud's API would answer; the text carries the cloud's own error code."""


class NotUsableYetError(CloudError):
    """What a resource refers to exists, and this part of the cloud does not know of it yet."""

    def __init__(self, text: str, retried: bool) -> None:
        super().__init__(f"{text} (it exists, and is not known everywhere yet)")
        self.retried = retried


@dataclass(frozen=True)
class Pace:
    """How slowly a cloud creates something, in seconds."""

    takes: float = 0.0
    """Until it is there."""
    settles: float | None = None
    """From then on, until all of the cloud knows of it; None: as usual."""


@dataclass
class Context:
    """All that a rule may look at while it makes, changes or deletes one resource."""

    rule: Rule
    settings: Mapping[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    clusters: ClusterHost
    find: Callable[[Iterable[str], str], Row | None]
    """Looks up another resource of this cloud by (types, id or other handle), in the scope this resource is
    in."""
    id: str = ""
    old_inputs: dict[str, Any] = field(default_factory=dict)
    """The inputs before an update; empty while a resource is created."""

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
        """What a rule's template, function or constant gives for this resource."""
        if callable(rule):
            return rule(self)
        return self.text(rule) if isinstance(rule, str) else rule

    def get(self, path: str, default: Any = None) -> Any:
        """An output (inputs are outputs, too) at a dotted path."""
        return property_paths.get(self.outputs, path, default)


class _Formatter(string.Formatter):
    def __init__(self, context: Context) -> None:
        self._context = context

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return self._context[str(key)]


Template = str | Callable[[Context], Any]
Check = Callable[[Context, "Transaction"], None]


@dataclass(frozen=True)
class Name:
    """Where the real provider makes up a name when the program gives none."""

    property: str = "name"
    pattern: str = "{name}-{hex7}"


@dataclass(frozen=True)
class Reference:
    """An input that names another resource, which has to exist."""

    path: str
    to: tuple[str, ...] | str
    missing: str
    """The cloud's error if it does not; `{value}` is what was asked for, `{handle}` the id that it was taken
    for."""
    held: str | None = None
    """The cloud's error on deleting the other while this one exists; `{target}` is its id. None: it may
    go."""
    cascade: bool = False
    """Deleting the other deletes this one as well."""
    value: str | Callable[[Context, str], str] = "{value}"
    """Turns the input into the other's id, where the input is only a part of it."""
    foreign: tuple[str, ...] = ()
    """Prefixes of values that the cloud itself owns, such as its managed policies."""
    at_once: bool = False
    """This part of the cloud knows of the other as soon as it exists, whatever the rest of the cloud knows."""
    retried: bool = False
    """The real provider asks again for a while, if the cloud does not know of the other yet."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The types that the input may name."""
        return (self.to,) if isinstance(self.to, str) else self.to


def see(address: str) -> Callable[[Check], Check]:
    """Mark a refusal with where the cloud documents it, if that is not the page of the resource's type."""

    def mark(check: Check) -> Check:
        check.source = address  # type: ignore[attr-defined]
        return check

    return mark


@dataclass(frozen=True)
class Quota:
    """How many resources of a type there may be."""

    most: int
    error: str
    """The cloud's error on one more."""
    source: str
    regional: bool = False
    """It counts for each of the cloud's regions, not for the whole account."""


class Effect:
    """What a type does outside the store: clusters and their nodes are real."""

    outputs: tuple[str, ...] = ()
    """The output paths that only the effect can tell, so that a preview shows them as unknown."""

    def create(self, context: Context) -> dict[str, Any]:
        """Make it real; returns the values of `outputs`."""
        raise NotImplementedError

    def update(self, context: Context) -> dict[str, Any]:
        """Bring it to the new inputs; returns outputs that changed."""
        raise NotImplementedError

    def delete(self, context: Context) -> None:
        """Take it away; does nothing when it is gone already."""
        raise NotImplementedError


@dataclass(frozen=True)
class Rule:
    """How one resource type of a cloud behaves. Inputs and outputs themselves come from the SDK's
    metadata."""

    token: str
    id: Template
    source: str
    """Where the cloud documents the type with what it refuses; an address without its scheme."""
    name: Name | None = None
    scope: str | None = None
    """Where ids are unique, as a template; None means the cloud's usual scope."""
    exists: str = "{token} {id} already exists"
    """The cloud's error when the id, or another handle, is taken."""
    shared: bool = False
    """Creating what exists already is fine, as for a grant; whoever deletes it takes it from all who created it."""
    counted: bool = False
    """It goes when the last one to create it deletes it. The clouds keep such things for good; here they go, so that an
    empty cloud is empty."""
    spelling: Mapping[str, str] = field(default_factory=dict)
    """Input path -> the regular expression that it has to match as a whole."""
    quota: Quota | None = None
    settles: float = 0.0
    """Seconds until all of the cloud knows of it. The real ones may take minutes."""
    handles: tuple[str, ...] = ()
    """Outputs besides the id by which others may refer to it, and which must be unique in its scope."""
    replace: tuple[str, ...] = ()
    """Input paths whose change replaces the resource; everything below them does, too."""
    replace_when: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)
    """Input path -> whether its change from one known value to another replaces."""
    irreversible: tuple[str, ...] = ()
    """Input paths whose removal replaces the resource, though a change or addition does not."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What the provider takes for a missing input: setting it explicitly is no change. Only inside blocks
    that are given."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Output path -> template, function or constant; used where the program gave no value."""
    rewrites: Mapping[str, Callable[[Context, Any], Any]] = field(default_factory=dict)
    """Outputs that have another form than the input of the same name: path -> function of the input."""
    volatile: tuple[str, ...] = ()
    """Outputs that each update computes anew."""
    references: tuple[Reference, ...] = ()
    checks: tuple[Check, ...] = ()
    """Refusals at create and update that no reference expresses; they raise `CloudError`."""
    protected: tuple[Check, ...] = ()
    """Refusals at delete."""
    effect: Effect | None = None
    json: tuple[str, ...] = ()
    """Inputs that may be given as a document and are kept as its JSON text."""


def random_hex(digits: int) -> str:
    """Random hexadecimal digits, as in ids and made-up names."""
    return secrets.token_hex((digits + 1) // 2)[:digits]


def random_digits(digits: int) -> str:
    """Random decimal digits, the first not zero, as in numeric ids."""
    return str(secrets.randbelow(9 * 10 ** (digits - 1)) + 10 ** (digits - 1))


def known(value: Any) -> bool:
    """Whether a value is there and known."""
    return value is not None and value is not UNKNOWN
