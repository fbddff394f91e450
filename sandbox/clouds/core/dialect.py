"""What differs between the SIMULATED clouds; `cloud.py` does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.clouds.core.model import Context, Rule
from sandbox.clouds.core.schema import Problem, Sdk

if TYPE_CHECKING:
    from sandbox.clouds.core.crud import Cloud

Invoke = Callable[["Cloud", dict[str, Any]], dict[str, Any]]


class Flavour(Protocol):
    """What differs between the clouds."""

    name: str
    sdk: Sdk
    rules: Mapping[str, Rule]
    invokes: Mapping[str, Invoke]
    scope: str
    """Where ids are unique unless a rule says otherwise; a template."""
    account: str
    """Template of the account, project or subscription that a resource is in."""

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What rules may use of the provider's configuration; raises `CloudError` if the cloud would not
        accept it."""

    def normalise(self, handle: str) -> str:
        """The form in which ids are compared."""

    def inherited(self, context: Context) -> dict[str, Any]:
        """Outputs that follow from the inputs and the configuration, such as default tags."""

    def complete(self, context: Context) -> dict[str, Any]:
        """Inputs that the provider adds from its configuration, such as the location."""

    def misspelt(self, path: str, value: str, pattern: str) -> str:
        """The cloud's error for a name that it does not take."""

    def explain(self, problem: Problem, token: str, name: str) -> str:
        """A refused input in the real provider's words."""
