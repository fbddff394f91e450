"""Errors for people, and the problems of the fleet's files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


class UserError(Exception):
    """An error for the person at the command line. The text names the problem, the place and the remedy."""


@dataclass(frozen=True)
class Problem:
    """One problem in one file: its place, its description and its remedy."""

    file: str
    key: str
    value: Any
    fault: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}{_shown(self.value)}: {self.fault}. {self.remedy}."

    def as_dict(self) -> dict[str, Any]:
        """The problem as JSON-ready data, with the value in its form for people."""
        return {
            "file": self.file,
            "key": self.key,
            "value": _shown(self.value).removeprefix(" = ") or None,
            "fault": self.fault,
            "remedy": self.remedy,
        }


def first_names(names: Sequence[str], limit: int) -> str:
    """The first names of a list, and the number of the others.

    >>> first_names(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


class FleetError(UserError):
    """The fleet, or the requested region, cannot be used. The text has one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _shown(value: Any) -> str:
    """` = <value>` for a message: short, and never the ciphertext of a secret."""
    if value is None:
        return ""
    if isinstance(value, dict) and "secure" in value:
        return " = [secret]"
    text = repr(value) if isinstance(value, (dict, list)) else str(value)
    return f" = {text}" if len(text) <= 80 else f" = {text[:77]}..."
