"""What a SIMULATED cloud does with resources, by the rules of their types; the same for all three clouds.

Values are plain Python data without secret marks (`sandbox.provider_sdk.server.UNKNOWN` stands for what only an update
will tell).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

from sandbox.clouds.core.diff import Change, changes
from sandbox.clouds.core.lookups import Lookups, plain
from sandbox.clouds.core.model import CloudError, Context, NotUsableYetError, Pace, Rule
from sandbox.clouds.core.outputs import apply, complete, settle
from sandbox.clouds.core.references import doomed
from sandbox.clouds.core.refusals import admit, hold
from sandbox.clouds.core.schema import Problem
from sandbox.clouds.core.store import Row
from sandbox.provider_sdk.server import ProviderError, has_unknowns

AUTONAMED: Final = "__defaults"
"""Input key under which the bridged providers, too, keep which inputs they made up."""


_USUAL: Final = Pace()
_PATIENCE_SECONDS: Final = 30.0
"""How long a provider goes on asking for what is not known everywhere yet. AWS's: two minutes for roles."""
Begun = TypeVar("Begun")


@dataclass
class Made:
    """A resource as the cloud has it. `id` is empty in a preview."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)


class Cloud(Lookups):
    """One cloud as one provider instance sees it."""

    # Inputs

    def check(
        self,
        token: str,
        name: str,
        old: Mapping[str, Any],
        news: Mapping[str, Any],
        seed: bytes = b"",
        proposed_name: str | None = None,
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Inputs with the provider's additions, and what is wrong with them, each reason in the provider's
        words."""
        rule = self.rule(token)
        inputs = {k: v for k, v in news.items() if not k.startswith("__")}
        for path in rule.json:
            if isinstance(inputs.get(path), dict) and not has_unknowns(inputs[path]):
                inputs[path] = json.dumps(inputs[path])
        made_up: list[str] = []
        if rule.name is not None and inputs.get(rule.name.property) is None:
            prop = rule.name.property
            if prop in old.get(AUTONAMED, ()):
                inputs[prop] = old[prop]
            else:
                random = Random(seed) if seed else Random()
                hexes = {f"hex{n}": f"{random.getrandbits(4 * n):0{n}x}" for n in (7, 8, 12)}
                inputs[prop] = proposed_name or rule.name.pattern.format(name=name, **hexes)
            made_up.append(prop)
        context = self.context(rule, inputs)
        for key, value in self.flavour.complete(context).items():
            if inputs.get(key) is None:
                inputs[key] = value
        problems = [
            Problem(p.path, p.kind, self.flavour.explain(p, token, name))
            for p in self.flavour.sdk.problems(token, inputs)
        ]
        return inputs | {AUTONAMED: made_up}, problems

    def diff(
        self,
        token: str,
        old_inputs: Mapping[str, Any],
        old_outputs: Mapping[str, Any],
        news: Mapping[str, Any],
    ) -> tuple[list[Change], bool]:
        """What changes, and whether a replacement has to delete the old resource before it creates the new
        one."""
        rule = self.rule(token)
        found = changes(
            old_inputs,
            news,
            replace=rule.replace,
            replace_when=rule.replace_when,
            irreversible=rule.irreversible,
            defaults=rule.defaults,
        )
        context = self.context(rule, dict(news))
        context.old_inputs = dict(old_inputs)
        for key, value in self.flavour.inherited(context).items():
            if has_unknowns(value) or value != (old_outputs.get(key) or {}):
                found.append(Change(key, "update"))
        return found, any(change.replaces for change in found) and self._keeps_name(rule, old_inputs, news)

    @staticmethod
    def _keeps_name(rule: Rule, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        # As the bridged providers decide (pulumi-terraform-bridge, nameRequiresDeleteBeforeReplace).
        if rule.name is None:
            return False
        prop = rule.name.property
        return prop not in new.get(AUTONAMED, ()) and old.get(prop) == new.get(prop)

    # Life of a resource

    def create(self, token: str, inputs: Mapping[str, Any], *, preview: bool = False, pace: Pace = _USUAL) -> Made:
        """Create a resource, or tell what it will be."""
        rule = self.rule(token)
        context = self.context(rule, plain(inputs))
        if preview:
            settle(self.flavour, context, {}, preview=True)
            return Made("", complete(self.flavour, context))
        context.id = str(context.value(rule.id))
        settle(self.flavour, context, {}, preview=False)

        def begin() -> int | Made:
            with self.store.transaction() as tx:
                context.find = self.finder(context, tx)
                references = admit(self.flavour, context, tx)
                standing = self.row(context, context.id, tx) if rule.shared else None
                if standing is not None:
                    tx.share(standing.uid, 1)
                    return Made(context.id, standing.outputs)
                uid = self.insert(context, tx)
                tx.refer(uid, references)
                return uid

        begun = _patiently(begin)
        if isinstance(begun, Made):
            return begun
        return Made(context.id, self._make(context, begun, dict(inputs), pace))

    def go_on(self) -> None:
        """Finish what somebody asked for who is gone by now: the clouds do so, too."""
        with self.store.transaction() as tx:
            found = [(row, self.of_row(row, tx)) for row in tx.orphans(self.flavour.name)]
            # What is in other accounts is for their own providers to finish.
            left = [(row, context) for row, context in found if context.text(self.flavour.account) == row.account]
            for row, _ in left:
                tx.adopt(row.uid)
        for row, context in left:
            context.old_inputs = {}
            with suppress(ProviderError):
                self._make(context, row.uid, row.inputs, _USUAL)

    def _make(self, context: Context, uid: int, inputs: dict[str, Any], pace: Pace) -> dict[str, Any]:
        """What was begun becomes real. Returns its outputs."""
        rule = context.rule
        try:
            time.sleep(pace.takes)
            if rule.effect is not None:
                context.find = self.finder(context)
                apply(context, rule.effect.create(context))
            outputs = complete(self.flavour, context)
            settles = rule.settles if pace.settles is None else pace.settles
            with self.store.transaction() as tx:
                tx.save(uid, inputs, outputs, time.time() + settles if settles else 0.0)
                tx.mark_cluster(uid, context.outputs.get("sandboxCluster"), context.outputs.get("sandboxEndpoint"))
        except BaseException:
            # As in the clouds, a failed creation leaves nothing behind; deleting what is not there is fine.
            with self.store.transaction() as tx:
                tx.delete(uid)
            if rule.effect is not None:
                with suppress(ProviderError):
                    rule.effect.delete(context)
            raise
        return outputs

    def read(self, token: str, id_: str, inputs: Mapping[str, Any]) -> Made | None:
        """A resource as it is now, or None if it is gone."""
        rule = self.rule(token)
        with self.store.reading() as tx:
            row = self.row(self.context(rule, plain(inputs)), id_, tx)
        return None if row is None else Made(row.id, row.outputs, row.inputs)

    def update(
        self,
        token: str,
        id_: str,
        old_inputs: Mapping[str, Any],
        old_outputs: Mapping[str, Any],
        inputs: Mapping[str, Any],
        *,
        preview: bool = False,
    ) -> Made:
        """Bring a resource to new inputs, or tell what it will be."""
        rule = self.rule(token)
        context = self.context(rule, plain(inputs))
        context.id, context.old_inputs = id_, plain(old_inputs)
        if preview:
            settle(self.flavour, context, old_outputs, preview=True)
            return Made(id_, complete(self.flavour, context))

        def begin() -> Row:
            with self.store.transaction() as tx:
                context.find = self.finder(context, tx)
                row = self.row(context, id_, tx)
                if row is None:
                    raise CloudError(
                        f"ResourceNotFound: {token} {id_} does not exist (pulumi refresh drops it from the state)"
                    )
                tx.refer(row.uid, admit(self.flavour, context, tx))
                return row

        row = _patiently(begin)
        context.find = self.finder(context)
        settle(self.flavour, context, row.outputs, preview=False)
        if rule.effect is not None:
            apply(context, rule.effect.update(context))
        outputs = complete(self.flavour, context)
        with self.store.transaction() as tx:
            tx.save(row.uid, dict(inputs), outputs, row.usable_from)
        return Made(id_, outputs)

    def delete(self, token: str, id_: str, inputs: Mapping[str, Any]) -> None:
        """Delete a resource with what goes with it; one that is gone already is fine."""
        with self.store.transaction() as tx:
            row = self.row(self.context(self.rule(token), plain(inputs)), id_, tx)
            if row is None:
                return
            context = self.of_row(row, tx)
            if context.rule.counted and row.shares > 1:
                tx.share(row.uid, -1)
                return
            going = doomed(self.flavour.rules, row, tx)
            for check in context.rule.protected:
                hold(check, context, tx)
        for each in going:
            with self.store.reading() as tx:
                context = self.of_row(each, tx)
            if context.rule.effect is not None:
                context.find = self.finder(context)
                context.rule.effect.delete(context)
            with self.store.transaction() as tx:
                tx.delete(each.uid)

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer a data source; raises `CloudError` for one that is not simulated."""
        function = self.flavour.invokes.get(token)
        if function is None:
            folder = self.flavour.name.removesuffix("-native")
            raise CloudError(
                f"sandbox: {self.flavour.name} does not simulate {token} yet; add it in sandbox/clouds/{folder}/"
            )
        return function(self, arguments)

    def lookup(self, token: str, handle: str, inputs: Mapping[str, Any] | None = None) -> Row | None:
        """A resource by its id or another handle, for data sources."""
        return self.finder(self.context(self.rule(token), dict(inputs or {})))((token,), handle)


def _patiently(begin: Callable[[], Begun]) -> Begun:
    """Ask again while something is not known everywhere yet, where the real provider does so, too."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return begin()
        except NotUsableYetError as error:
            if not error.retried or time.monotonic() > end:
                raise
            time.sleep(0.1)
