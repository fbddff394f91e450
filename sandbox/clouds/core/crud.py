"""Create, read, update and delete in a SIMULATED cloud, by the rules of the resource types.

Values are plain Python data without secret marks. `sandbox.provider_sdk.values.UNKNOWN` is a value that exists only
after an update.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from sandbox.clouds.core.diff import PropertyChange, Replacement, changes
from sandbox.clouds.core.lookups import Lookups, plain
from sandbox.clouds.core.model import CloudError, Context, Pace, ResourceRule
from sandbox.clouds.core.outputs import add_computed, declared_outputs, set_outputs
from sandbox.clouds.core.references import deletion_order
from sandbox.clouds.core.refusals import run_check, validate_write
from sandbox.clouds.core.retries import retry_until_usable
from sandbox.clouds.core.schema import SchemaError
from sandbox.clouds.core.store import Row
from sandbox.provider_sdk.server import ProviderError
from sandbox.provider_sdk.values import has_unknowns

AUTONAMED: Final = "__defaults"
"""Input key for the names of the inputs that the provider generated. The bridged providers use the same key."""

_NORMAL_PACE: Final = Pace()


@dataclass
class ResourceState:
    """A resource as the cloud has it. `id` is empty in a preview."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Naming:
    """The parts of a generated name."""

    name: str
    """The resource's name in the program."""
    seed: bytes = b""
    """The engine's random seed. Empty: no seed."""
    proposal: str | None = None
    """The complete name that the engine proposes, if any."""

    def generate(self, pattern: str) -> str:
        """The name for a resource that has none, by the pattern of its type."""
        random = Random(self.seed) if self.seed else Random()
        hexes = {f"hex{n}": f"{random.getrandbits(4 * n):0{n}x}" for n in (7, 8, 12)}
        return self.proposal or pattern.format(name=self.name, **hexes)


class Cloud(Lookups):
    """One cloud as one provider instance sees it."""

    def check(
        self, token: str, naming: Naming, old: Mapping[str, Any], news: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[SchemaError]]:
        """Inputs with the provider's additions, and the errors in them, in the provider's words."""
        rule = self.rule(token)
        inputs = {k: v for k, v in news.items() if not k.startswith("__")}
        for path in rule.json:
            if isinstance(inputs.get(path), dict) and not has_unknowns(inputs[path]):
                inputs[path] = json.dumps(inputs[path])
        generated: list[str] = []
        if rule.name is not None and inputs.get(rule.name.property) is None:
            prop = rule.name.property
            if prop in old.get(AUTONAMED, ()):
                inputs[prop] = old[prop]
            else:
                inputs[prop] = naming.generate(rule.name.pattern)
            generated.append(prop)
        context = self.context(rule, inputs)
        for key, value in self.dialect.default_inputs(context).items():
            if inputs.get(key) is None:
                inputs[key] = value
        errors = [
            SchemaError(error.path, error.kind, self.dialect.explain(error, token, naming.name))
            for error in self.dialect.sdk.input_errors(token, inputs)
        ]
        return inputs | {AUTONAMED: generated}, errors

    def diff(
        self,
        token: str,
        old_inputs: Mapping[str, Any],
        old_outputs: Mapping[str, Any],
        news: Mapping[str, Any],
    ) -> tuple[list[PropertyChange], bool]:
        """The changed properties, and whether the old resource is deleted before its replacement is created."""
        rule = self.rule(token)
        replacement = Replacement(rule.replace, rule.replace_when, rule.irreversible)
        differences = changes(old_inputs, news, replacement, rule.defaults)
        context = self.context(rule, dict(news))
        context.old_inputs = dict(old_inputs)
        for key, value in self.dialect.inherited_outputs(context).items():
            if has_unknowns(value) or value != (old_outputs.get(key) or {}):
                differences.append(PropertyChange(key, "update"))
        replaces = any(change.replaces for change in differences)
        return differences, replaces and self._keeps_name(rule, old_inputs, news)

    @staticmethod
    def _keeps_name(rule: ResourceRule, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        # As the bridged providers decide (pulumi-terraform-bridge, nameRequiresDeleteBeforeReplace).
        if rule.name is None:
            return rule.deletes_first
        prop = rule.name.property
        return prop not in new.get(AUTONAMED, ()) and (rule.deletes_first or old.get(prop) == new.get(prop))

    def create(
        self, token: str, inputs: Mapping[str, Any], *, preview: bool = False, pace: Pace = _NORMAL_PACE
    ) -> ResourceState:
        """Create a resource, or predict it in a preview."""
        rule = self.rule(token)
        context = self.context(rule, plain(inputs))
        if preview:
            add_computed(self.dialect, context, {}, preview=True)
            return ResourceState("", declared_outputs(self.dialect, context))
        context.id = str(context.value(rule.id))
        add_computed(self.dialect, context, {}, preview=False)

        def begin() -> int | ResourceState:
            with self.store.transaction() as tx:
                context.find = self.finder(context, tx)
                references = validate_write(self.dialect, context, tx)
                existing = self.row(context, context.id, tx) if rule.shared else None
                if existing is not None:
                    tx.share(existing.uid, 1)
                    return ResourceState(context.id, existing.outputs)
                uid = self.insert(context, tx)
                tx.refer(uid, references)
                return uid

        with self._exclusively(context, "create"):
            result = retry_until_usable(begin)
            if isinstance(result, ResourceState):
                return result
            return ResourceState(context.id, self._finish_create(context, result, dict(inputs), pace))

    def resume_pending(self) -> None:
        """Finish the creations whose process is gone. The real clouds finish them, too."""
        with self.store.transaction() as tx:
            orphans = [(row, self.row_context(row, tx)) for row in tx.orphans(self.dialect.name)]
            # The providers of other accounts finish the orphans there.
            pending = [(row, context) for row, context in orphans if context.text(self.dialect.account) == row.account]
            for row, _ in pending:
                tx.adopt(row.uid)
        for row, context in pending:
            context.old_inputs = {}
            with suppress(ProviderError):
                self._finish_create(context, row.uid, row.inputs, _NORMAL_PACE)

    def _finish_create(self, context: Context, uid: int, inputs: dict[str, Any], pace: Pace) -> dict[str, Any]:
        """Finish a creation whose row is in the store. Returns the outputs."""
        rule = context.rule
        try:
            time.sleep(pace.delay_seconds + (0.0 if rule.exclusive else rule.seconds))
            if rule.effect is not None:
                context.find = self.finder(context)
                set_outputs(context, rule.effect.create(context))
            outputs = declared_outputs(self.dialect, context)
            seconds = rule.propagation_seconds if pace.propagation_seconds is None else pace.propagation_seconds
            with self.store.transaction() as tx:
                tx.save(uid, inputs, outputs, time.time() + seconds if seconds else 0.0)
                tx.mark_cluster(uid, context.outputs.get("sandboxCluster"), context.outputs.get("sandboxEndpoint"))
        except BaseException:
            # As in the clouds, a failed creation leaves nothing behind. A second delete does no harm.
            with self.store.transaction() as tx:
                tx.delete(uid)
            if rule.effect is not None:
                with suppress(ProviderError):
                    rule.effect.delete(context)
            raise
        return outputs

    def read(self, token: str, id_: str, inputs: Mapping[str, Any]) -> ResourceState | None:
        """A resource as it is now, or None if it is gone."""
        rule = self.rule(token)
        with self.store.reading() as tx:
            row = self.row(self.context(rule, plain(inputs)), id_, tx)
            if row is None:
                return None
            shown = rule.reads(self.row_context(row, tx), tx) if rule.reads else ({}, {})
        return ResourceState(row.id, row.outputs | shown[1], row.inputs | shown[0])

    def update(
        self, token: str, prior: ResourceState, inputs: Mapping[str, Any], *, preview: bool = False
    ) -> ResourceState:
        """Bring a resource to new inputs, or predict the outcome in a preview."""
        rule = self.rule(token)
        context = self.context(rule, plain(inputs))
        context.id, context.old_inputs = prior.id, plain(prior.inputs)
        if preview:
            add_computed(self.dialect, context, prior.outputs, preview=True)
            return ResourceState(prior.id, declared_outputs(self.dialect, context))

        def begin() -> Row:
            with self.store.transaction() as tx:
                context.find = self.finder(context, tx)
                row = self.row(context, prior.id, tx)
                if row is None:
                    raise CloudError(
                        f"ResourceNotFound: {token} {prior.id} does not exist (pulumi refresh drops it from the state)"
                    )
                tx.refer(row.uid, validate_write(self.dialect, context, tx))
                return row

        with self._exclusively(context, "update"):
            row = retry_until_usable(begin)
            context.find = self.finder(context)
            add_computed(self.dialect, context, row.outputs, preview=False)
            if rule.effect is not None:
                set_outputs(context, rule.effect.update(context))
            outputs = declared_outputs(self.dialect, context)
            with self.store.transaction() as tx:
                tx.save(row.uid, dict(inputs), outputs, row.usable_from)
            return ResourceState(prior.id, outputs)

    def delete(self, token: str, id_: str, inputs: Mapping[str, Any]) -> None:
        """Delete a resource with its dependents. A resource that is gone already is no error."""
        with self.store.reading() as tx:
            row = self.row(self.context(self.rule(token), plain(inputs)), id_, tx)
            if row is None:
                return
            context = self.row_context(row, tx)
        with self._exclusively(context, "delete"):
            self._delete(row)

    def _delete(self, row: Row) -> None:
        with self.store.transaction() as tx:
            context = self.row_context(row, tx)
            if context.rule.counted and row.shares > 1:
                tx.share(row.uid, -1)
                return
            rows = deletion_order(self.dialect.rules, row, tx)
            for check in context.rule.protected:
                run_check(check, context, tx)
        for row in rows:
            with self.store.reading() as tx:
                context = self.row_context(row, tx)
            if context.rule.effect is not None:
                context.find = self.finder(context)
                context.rule.effect.delete(context)
            with self.store.transaction() as tx:
                tx.delete(row.uid)
                if context.rule.keeps_name is not None:
                    tx.keep_name(row.type, self.dialect.normalise(str(context.value(context.rule.keeps_name.name))))

    @contextmanager
    def _exclusively(self, context: Context, verb: str) -> Iterator[None]:
        """Hold the target on which the cloud runs one operation at a time. Raises the cloud's error if another one runs."""
        exclusive = context.rule.exclusive
        if exclusive is None:
            yield
            return
        target = self.dialect.normalise(str(context.value(exclusive.target)))
        with self.store.transaction() as tx:
            running = tx.begin_operation(target, f"{verb} {context.rule.token.rpartition(':')[2]}")
        if running is not None:
            raise CloudError(f"{exclusive.error.format(operation=running)} (simulated after {exclusive.source})")
        try:
            yield
            time.sleep(context.rule.seconds)
        finally:
            with self.store.transaction() as tx:
                tx.end_operation(target)

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer a data source. Raises `CloudError` for one that is not simulated."""
        function = self.dialect.invokes.get(token)
        if function is None:
            folder = self.dialect.name.removesuffix("-native")
            raise CloudError(
                f"sandbox: {self.dialect.name} does not simulate {token} yet. Add it in sandbox/clouds/{folder}/"
            )
        return function(self, arguments)

    def lookup(self, token: str, handle: str, inputs: Mapping[str, Any] | None = None) -> Row | None:
        """A resource by its id or another handle, for data sources."""
        return self.finder(self.context(self.rule(token), dict(inputs or {})))((token,), handle)
