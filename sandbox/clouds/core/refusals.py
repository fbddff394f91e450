"""Refusals of a SIMULATED cloud before it creates or changes a resource, with the address of the real cloud's page."""

from __future__ import annotations

import re

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.dialect import Dialect
from sandbox.clouds.core.model import CloudError, Context, Refusal, is_known
from sandbox.clouds.core.references import resolve
from sandbox.clouds.core.store import Transaction


def validate_write(dialect: Dialect, context: Context, tx: Transaction) -> list[tuple[str, int]]:
    """Check a create or update. Returns the targets of its references. Raises the cloud's error for a refusal."""
    _check_names(dialect, context)
    references = resolve(context)
    _check_quota(dialect, context, tx)
    for check in context.rule.checks:
        run_check(check, context, tx)
    return references


def run_check(check: Refusal, context: Context, tx: Transaction) -> None:
    """Run one check of a rule, and add the address of the cloud's documentation to its error."""
    try:
        check(context, tx)
    except CloudError as error:
        error.args = (_with_source(str(error), getattr(check, "source", context.rule.source)),)
        raise


def _with_source(error: str, source: str) -> str:
    """A refusal with the address of its documentation."""
    return f"{error} (simulated after {source})"


def _check_names(dialect: Dialect, context: Context) -> None:
    for path, pattern in context.rule.name_patterns.items():
        for value in property_paths.get_all(context.inputs, path):
            if is_known(value) and not re.fullmatch(pattern, str(value)):
                raise CloudError(_with_source(dialect.invalid_name(path, str(value), pattern), context.rule.source))


def _check_quota(dialect: Dialect, context: Context, tx: Transaction) -> None:
    quota = context.rule.quota
    if quota is None or context.old_inputs:
        return
    place = context.place if quota.regional else None
    if tx.count(context.rule.token, context.text(dialect.account), place) >= quota.limit:
        raise CloudError(_with_source(context.text(quota.error), quota.source))
