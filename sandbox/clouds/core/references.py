"""References between resources of the SIMULATED clouds: targets that must exist, and the order of a deletion."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.model import CloudError, Context, NotUsableYetError, Reference, ResourceRule
from sandbox.clouds.core.store import Row, Transaction


def resolve(context: Context) -> list[tuple[str, int]]:
    """The targets of a resource's references, as (path, uid). Raises the cloud's error for a missing target."""
    targets: list[tuple[str, int]] = []
    for reference in context.rule.references:
        for value in property_paths.get_all(context.inputs, reference.path):
            row = _target(reference, str(value), context)
            if row is not None:
                targets.append((reference.path, row.uid))
    return targets


def _target(reference: Reference, value: str, context: Context) -> Row | None:
    if not value or value.startswith(reference.foreign):
        return None
    if callable(reference.value):
        handle = reference.value(context, value)
    else:
        handle = context.text(reference.value.replace("{value}", value))
    row = context.find(reference.targets, handle)
    if row is None or not (row.usable or reference.immediate):
        missing = context.text(reference.missing.replace("{value}", value).replace("{handle}", handle))
        raise CloudError(missing) if row is None else NotUsableYetError(missing, reference.retried)
    return row


def deletion_order(rules: Mapping[str, ResourceRule], row: Row, tx: Transaction) -> list[Row]:
    """The rows that a deletion removes, dependents first. Raises the cloud's error if a dependent blocks the deletion."""
    rows, queue = {row.uid: row}, [row]
    blockers: list[tuple[Row, Row, str]] = []
    while queue:
        target = queue.pop()
        for holder, path in tx.holders(target.uid):
            reference = next(r for r in rules[holder.type].references if r.path == path)
            if reference.cascade and holder.uid not in rows:
                rows[holder.uid] = holder
                queue.append(holder)
            elif reference.delete_error is not None:
                blockers.append((target, holder, reference.delete_error))
    for target, holder, error in blockers:
        if holder.uid not in rows:
            raise CloudError(error.format(target=target.id, holder=holder.id))
    return sorted(rows.values(), key=lambda row: -row.uid)  # a dependent was created after its target
