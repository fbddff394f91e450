"""What a SIMULATED cloud refuses before it creates or changes anything. Each refusal says where the real cloud documents it."""

from __future__ import annotations

import re

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.dialect import Flavour
from sandbox.clouds.core.model import Check, CloudError, Context, known
from sandbox.clouds.core.references import resolve
from sandbox.clouds.core.store import Transaction


def admit(flavour: Flavour, context: Context, tx: Transaction) -> list[tuple[str, int]]:
    """What a resource refers to, as (path, row); raises the cloud's error for what it does not take."""
    _spelling(flavour, context)
    references = resolve(context)
    _quota(flavour, context, tx)
    for check in context.rule.checks:
        hold(check, context, tx)
    return references


def hold(check: Check, context: Context, tx: Transaction) -> None:
    """Apply one rule. What it raises gets the address of the cloud's documentation."""
    try:
        check(context, tx)
    except CloudError as error:
        error.args = (_told(str(error), getattr(check, "source", context.rule.source)),)
        raise


def _told(error: str, source: str) -> str:
    """A refusal, with where the cloud documents it."""
    return f"{error} (simulated after {source})"


def _spelling(flavour: Flavour, context: Context) -> None:
    for path, pattern in context.rule.spelling.items():
        for value in property_paths.get_all(context.inputs, path):
            if known(value) and not re.fullmatch(pattern, str(value)):
                raise CloudError(_told(flavour.misspelt(path, str(value), pattern), context.rule.source))


def _quota(flavour: Flavour, context: Context, tx: Transaction) -> None:
    quota = context.rule.quota
    if quota is None or context.old_inputs:
        return
    place = context.place if quota.regional else None
    if tx.count(context.rule.token, context.text(flavour.account), place) >= quota.most:
        raise CloudError(_told(context.text(quota.error), quota.source))
