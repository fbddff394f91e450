"""The ledger as a text, and back: JSON with sorted keys. Each field has its own line, so that git shows changes by field."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fleet import UserError
from waves.rollout.model import Ledger, Note, RegionRecord, WaveRecord

FORMAT = 1
"""Raised when an older reader could no longer understand a ledger."""

_PARTS: dict[str, TypeAdapter[Any]] = {
    "waves": TypeAdapter(dict[str, WaveRecord]),
    "regions": TypeAdapter(dict[str, RegionRecord]),
    "pauses": TypeAdapter(dict[str, Note]),
    "waivers": TypeAdapter(dict[str, dict[str, Note]]),
}


class LedgerError(UserError):
    """The ledger cannot be read. No branch moves until a person has repaired it."""


def dump(ledger: Ledger) -> str:
    """The ledger as text."""
    waivers: dict[str, dict[str, Note]] = {}
    for (region, commit), note in ledger.waivers.items():
        waivers.setdefault(region, {})[commit] = note
    parts = {"waves": ledger.waves, "regions": ledger.regions, "pauses": ledger.pauses, "waivers": waivers}
    data = {name: _PARTS[name].dump_python(dict(part), mode="json", exclude_none=True) for name, part in parts.items()}
    return json.dumps({"format": FORMAT, **data}, indent=1, sort_keys=True) + "\n"


def parse(text: str) -> Ledger:
    """The ledger from its text. Raises LedgerError, also for any other format."""
    try:
        data = json.loads(text)
        if data.get("format") != FORMAT:
            raise LedgerError(
                f"the ledger has format {data.get('format')}, and this version reads {FORMAT}: update this tool"
            )
        parts = {name: adapter.validate_python(data.get(name, {})) for name, adapter in _PARTS.items()}
    except (ValueError, AttributeError, ValidationError) as error:
        raise LedgerError(f"refs/waves/ledger cannot be read: {error}") from error
    waivers = {
        (region, commit): note for region, notes in parts.pop("waivers").items() for commit, note in notes.items()
    }
    return Ledger(**parts, waivers=waivers)


def iso(time: datetime) -> str:
    """A time as git and people read it."""
    return time.isoformat(timespec="seconds")
