"""References between resources of the SIMULATED clouds: what has to exist, what holds, what goes together."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.model import CloudError, Context, NotUsableYetError, Reference, Rule
from sandbox.clouds.core.store import Row, Transaction


def resolve(context: Context) -> list[tuple[str, int]]:
    """What a resource refers to, as (path, row); raises the cloud's error for what does not exist."""
    found: list[tuple[str, int]] = []
    for reference in context.rule.references:
        for value in property_paths.get_all(context.inputs, reference.path):
            row = _referred(reference, str(value), context)
            if row is not None:
                found.append((reference.path, row.uid))
    return found


def _referred(reference: Reference, value: str, context: Context) -> Row | None:
    if not value or value.startswith(reference.foreign):
        return None
    if callable(reference.value):
        handle = reference.value(context, value)
    else:
        handle = context.text(reference.value.replace("{value}", value))
    row = context.find(reference.targets, handle)
    if row is None or not (row.usable or reference.at_once):
        missing = context.text(reference.missing.replace("{value}", value).replace("{handle}", handle))
        raise CloudError(missing) if row is None else NotUsableYetError(missing, reference.retried)
    return row


def doomed(rules: Mapping[str, Rule], row: Row, tx: Transaction) -> list[Row]:
    """The rows that go when this one does, each before what it stands on; raises if one has to stay."""
    going, queue = {row.uid: row}, [row]
    held: list[tuple[Row, Row, str]] = []
    while queue:
        target = queue.pop()
        for holder, path in tx.holders(target.uid):
            reference = next(r for r in rules[holder.type].references if r.path == path)
            if reference.cascade and holder.uid not in going:
                going[holder.uid] = holder
                queue.append(holder)
            elif reference.held is not None:
                held.append((target, holder, reference.held))
    for target, holder, error in held:
        if holder.uid not in going:
            raise CloudError(error.format(target=target.id, holder=holder.id))
    return sorted(going.values(), key=lambda each: -each.uid)  # what stands on another was created after it
