"""Finds resources of a SIMULATED cloud in the store, and builds the contexts that its rules read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

from sandbox.clouds.core.clusters import ClusterHost
from sandbox.clouds.core.dialect import Dialect
from sandbox.clouds.core.model import CloudError, Context, ResourceRule
from sandbox.clouds.core.store import HandleTakenError, NewResource, Row, Store, Transaction


class Lookups:
    """One cloud's resources in the store."""

    def __init__(self, dialect: Dialect, store: Store, clusters: ClusterHost, config: Mapping[str, Any]) -> None:
        self.dialect, self.store, self.clusters = dialect, store, clusters
        self.settings = dialect.settings(config)

    def rule(self, token: str) -> ResourceRule:
        """The rule of a type. Raises `CloudError` for a type that is not simulated."""
        rule = self.dialect.rules.get(token)
        if rule is not None:
            return rule
        name = self.dialect.name
        if not self.dialect.sdk.has(token):
            raise CloudError(f"sandbox: {name} {self.dialect.sdk.version} has no resource type {token}")
        folder = name.removesuffix("-native")
        raise CloudError(f"sandbox: {name} does not simulate {token} yet. Add it in sandbox/clouds/{folder}/")

    def context(self, rule: ResourceRule, inputs: dict[str, Any]) -> Context:
        """The context of a resource with these inputs."""
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

    def row_context(self, row: Row, tx: Transaction) -> Context:
        """The context of a resource that exists."""
        context = self.context(self.rule(row.type), plain(row.inputs))
        context.id, context.outputs, context.old_inputs = row.id, dict(row.outputs), context.inputs
        context.find = self.finder(context, tx)
        return context

    def _scope(self, rule: ResourceRule, context: Context) -> str:
        return context.text(self.dialect.scope if rule.scope is None else rule.scope)

    def finder(self, context: Context, tx: Transaction | None = None) -> Callable[[Iterable[str], str], Row | None]:
        """A function that looks up other resources in the scope of the context."""

        def find(types: Iterable[str], value: str) -> Row | None:
            if tx is None:
                with self.store.reading() as reading:
                    return self._find(context, types, value, reading)
            return self._find(context, types, value, tx)

        return find

    def _find(self, context: Context, types: Iterable[str], value: str, tx: Transaction) -> Row | None:
        for token in types:
            rule = self.dialect.rules[token]
            row = tx.by_handle(token, self._scope(rule, context), self.dialect.normalise(value))
            if row is not None:
                return row
        return None

    def row(self, context: Context, id_: str, tx: Transaction) -> Row | None:
        """A resource by its id or another handle, in the scope of the context."""
        scope = self._scope(context.rule, context)
        return tx.by_handle(context.rule.token, scope, self.dialect.normalise(id_))

    def insert(self, context: Context, tx: Transaction) -> int:
        """Store a new resource. Returns its uid. Raises `CloudError` in the cloud's words if a handle is taken."""
        rule = context.rule
        kept = rule.keeps_name
        if kept is not None and tx.keeps_name(rule.token, self.dialect.normalise(str(context.value(kept.name)))):
            raise CloudError(context.text(kept.error))
        handles = [context.id, *(str(context.get(path)) for path in rule.handles if context.get(path))]
        resource = NewResource(
            cloud=self.dialect.name,
            account=context.text(self.dialect.account),
            location=context.place,
            type=rule.token,
            scope=self._scope(rule, context),
            id=context.id,
            inputs=context.inputs,
            outputs=context.outputs,
            handles=frozenset(map(self.dialect.normalise, handles)),
        )
        try:
            return tx.insert(resource)
        except HandleTakenError as error:
            raise CloudError(context.text(rule.exists.replace("{id}", context.id))) from error


def plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of inputs without the provider's own marks."""
    return deepcopy({k: v for k, v in inputs.items() if not k.startswith("__")})
