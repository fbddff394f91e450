"""Finds resources of a SIMULATED cloud in the store, and makes the contexts that its rules look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

from sandbox.clouds.core.clusters import ClusterHost
from sandbox.clouds.core.dialect import Flavour
from sandbox.clouds.core.model import CloudError, Context, Rule
from sandbox.clouds.core.store import Row, Store, TakenError, Transaction


class Lookups:
    """What a cloud knows, and how it is found."""

    def __init__(self, flavour: Flavour, store: Store, clusters: ClusterHost, config: Mapping[str, Any]) -> None:
        self.flavour, self.store, self.clusters = flavour, store, clusters
        self.settings = flavour.settings(config)

    def rule(self, token: str) -> Rule:
        """The rules of a type; raises `CloudError` for a type that is not simulated."""
        rule = self.flavour.rules.get(token)
        if rule is not None:
            return rule
        name = self.flavour.name
        if not self.flavour.sdk.has(token):
            raise CloudError(f"sandbox: {name} {self.flavour.sdk.version} has no resource type {token}")
        folder = name.removesuffix("-native")
        raise CloudError(f"sandbox: {name} does not simulate {token} yet; add it in sandbox/clouds/{folder}/")

    def context(self, rule: Rule, inputs: dict[str, Any]) -> Context:
        """All that a rule may look at, for a resource with these inputs."""
        context = Context(
            rule=rule,
            settings=self.settings | {"token": rule.token},
            inputs=inputs,
            outputs=deepcopy(inputs),
            clusters=self.clusters,
            find=lambda types, value: None,
        )
        context.find = self.finder(context)
        return context

    def of_row(self, row: Row, tx: Transaction) -> Context:
        """The same, for a resource that exists."""
        context = self.context(self.rule(row.type), plain(row.inputs))
        context.id, context.outputs, context.old_inputs = row.id, dict(row.outputs), context.inputs
        context.find = self.finder(context, tx)
        return context

    def _scope(self, rule: Rule, context: Context) -> str:
        return context.text(self.flavour.scope if rule.scope is None else rule.scope)

    def finder(self, context: Context, tx: Transaction | None = None) -> Callable[[Iterable[str], str], Row | None]:
        """How a rule looks up other resources, in the scope of its own."""

        def find(types: Iterable[str], value: str) -> Row | None:
            if tx is None:
                with self.store.reading() as reading:
                    return self._find(context, types, value, reading)
            return self._find(context, types, value, tx)

        return find

    def _find(self, context: Context, types: Iterable[str], value: str, tx: Transaction) -> Row | None:
        for token in types:
            rule = self.flavour.rules[token]
            row = tx.by_handle(token, self._scope(rule, context), self.flavour.normalise(value))
            if row is not None:
                return row
        return None

    def row(self, context: Context, id_: str, tx: Transaction) -> Row | None:
        """A resource by its id or another handle, in the scope of the context."""
        scope = self._scope(context.rule, context)
        return tx.by_handle(context.rule.token, scope, self.flavour.normalise(id_))

    def insert(self, context: Context, tx: Transaction) -> int:
        """Write a new resource down; its uid. Raises `CloudError` in the cloud's words if a handle is taken."""
        rule, normalise = context.rule, self.flavour.normalise
        handles = [context.id, *(str(context.get(path)) for path in rule.handles if context.get(path))]
        try:
            return tx.insert(
                self.flavour.name,
                context.text(self.flavour.account),
                context.place,
                rule.token,
                self._scope(rule, context),
                context.id,
                context.inputs,
                context.outputs,
                map(normalise, handles),
            )
        except TakenError as taken:
            raise CloudError(context.text(rule.exists.replace("{id}", context.id))) from taken


def plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs without the provider's own marks, to be changed freely."""
    return deepcopy({k: v for k, v in inputs.items() if not k.startswith("__")})
