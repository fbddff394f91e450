"""The part of a SIMULATED cloud that differs from cloud to cloud. `crud.py` has the common part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.clouds.core.model import Context, ResourceRule
from sandbox.clouds.core.schema import SchemaError, Sdk

if TYPE_CHECKING:
    from sandbox.clouds.core.crud import Cloud

Invoke = Callable[["Cloud", dict[str, Any]], dict[str, Any]]


class Dialect(Protocol):
    """One cloud's resource types, settings and error messages."""

    name: str
    sdk: Sdk
    rules: Mapping[str, ResourceRule]
    invokes: Mapping[str, Invoke]
    scope: str
    """Template of the scope in which ids are unique, unless a rule has its own."""
    account: str
    """Template of the account, project or subscription that a resource is in."""

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The part of the provider's configuration for the rules. Raises `CloudError` if the cloud refuses it."""

    def normalise(self, handle: str) -> str:
        """The form in which ids are compared."""

    def inherited_outputs(self, context: Context) -> dict[str, Any]:
        """Outputs that follow from the inputs and the configuration, such as default tags."""

    def default_inputs(self, context: Context) -> dict[str, Any]:
        """Inputs that the provider adds from its configuration, such as the location."""

    def invalid_name(self, path: str, value: str, pattern: str) -> str:
        """The cloud's error for an invalid name."""

    def explain(self, error: SchemaError, token: str, name: str) -> str:
        """A refused input in the real provider's words."""
