"""Errors for people, and the problems of the fleet's files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class UserError(Exception):
    """An error for the person at the command line: its text says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in one file: where it is, what it is, and what to do about it."""

    file: str
    key: str
    value: Any
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}{_shown(self.value)}: {self.what}. {self.remedy}."

    def as_dict(self) -> dict[str, Any]:
        """The problem as JSON-ready data, with the value as it is shown to people."""
        return {
            "file": self.file,
            "key": self.key,
            "value": _shown(self.value).removeprefix(" = ") or None,
            "what": self.what,
            "remedy": self.remedy,
        }


class FleetError(UserError):
    """The fleet, or the one region that was asked for, cannot be used. Its text is one line for each problem."""

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
