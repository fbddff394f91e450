"""A stack file whose settings are well-formed by themselves: the subject of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleet.errors import Problem
from fleet.settings import RegionSettings


@dataclass(frozen=True)
class Stack:
    """A stack file whose settings are well-formed by themselves."""

    name: str
    file: str
    document: Mapping[str, Any]
    settings: RegionSettings

    def problem(self, key: str, value: Any, fault: str, remedy: str) -> Problem:
        """A problem at a setting of this file."""
        return Problem(self.file, f"regions:{key}", value, fault, remedy)
