"""Figures as text. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import correlation, linear_regression, median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One promise, and its measurement."""

    name: str
    goal: float | None
    """The greatest acceptable value. None if the figure has no goal."""
    unit: str
    samples: list[float]
    """One value for each repetition. The median counts."""
    parts: dict[str, list[float]] = field(default_factory=dict)
    """The parts of the figure, or its baseline: name to samples in seconds."""
    note: str = ""
    """The method, if the name does not tell it."""

    @property
    def median(self) -> float:
        """The middle of the samples."""
        return median(self.samples)

    @property
    def verdict(self) -> str:
        """`met`, or the difference to the goal. Empty without a goal."""
        if self.goal is None:
            return ""
        if self.median <= self.goal:
            return "met"
        return f"**missed** by {self.median - self.goal:.2f} {self.unit}"


def spread(samples: list[float]) -> str:
    """The median, with the least and the greatest value."""
    return f"{median(samples):.2f} ({min(samples):.2f} to {max(samples):.2f})"


def line(samples: Mapping[int, list[float]]) -> str:
    """The straight line through seconds by number of regions, and its fit."""
    sizes, middle = list(samples), [median(values) for values in samples.values()]
    fit, straight = linear_regression(sizes, middle), correlation(sizes, middle) ** 2
    return f"Linear: {fit.slope * 1e6:.1f} µs for each region and {fit.intercept * 1000:.1f} ms in all, r² = {straight:.4f}."


@dataclass(frozen=True)
class Part:
    """Figures that were measured together."""

    facts: dict[str, str]
    """The conditions: date, commit, machine."""
    figures: list[Figure]


def dump(parts: Mapping[str, Part]) -> str:
    """The results as JSON."""
    return json.dumps({name: asdict(part) for name, part in parts.items()}, indent=1) + "\n"


def parse(text: str) -> dict[str, Part]:
    """The results from JSON."""
    data: dict[str, dict[str, Any]] = json.loads(text)
    return {name: Part(part["facts"], [Figure(**figure) for figure in part["figures"]]) for name, part in data.items()}


def markdown(parts: Mapping[str, Part]) -> str:
    """The results as a document: a table of each part's figures, then the parts of each figure."""
    lines = [
        "# Results",
        "",
        "`make bench` writes this file. Values are medians, with the least and the greatest in brackets.",
    ]
    for name, part in parts.items():
        facts_line = ", ".join(f"{fact} {value}" for fact, value in part.facts.items())
        lines += [
            "",
            f"## {name}",
            "",
            facts_line,
            "",
            "| figure | goal | measured | runs | |",
            "| --- | --- | --- | --- | --- |",
        ]
        for figure in part.figures:
            values = f"{spread(figure.samples)} {figure.unit}"
            goal = "" if figure.goal is None else f"at most {figure.goal:g} {figure.unit}"
            lines.append(f"| {figure.name} | {goal} | {values} | {len(figure.samples)} | {figure.verdict} |")
        for figure in part.figures:
            parts_text = [f"- {part_name}: {spread(samples)} s" for part_name, samples in figure.parts.items()]
            about = [
                *([figure.note] if figure.note else []),
                *([""] if figure.note and parts_text else []),
                *parts_text,
            ]
            lines += ["", f"### {figure.name}", "", *about] if about else []
    return "\n".join(lines).rstrip() + "\n"
