"""Figures as text. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One promise, and what was measured."""

    name: str
    goal: float
    unit: str
    samples: list[float]
    """One value for each repetition; the median is what counts."""
    parts: dict[str, list[float]] = field(default_factory=dict)
    """What it is made of, or its floor: name to samples in seconds."""
    note: str = ""
    """How it was measured, where that is not plain."""

    @property
    def median(self) -> float:
        """The middle of the samples."""
        return median(self.samples)

    @property
    def verdict(self) -> str:
        """`met`, or by how much it is missed."""
        if self.median <= self.goal:
            return "met"
        return f"**missed** by {self.median - self.goal:.2f} {self.unit}"


def spread(samples: list[float]) -> str:
    """The median, with the least and the greatest value."""
    return f"{median(samples):.2f} ({min(samples):.2f} to {max(samples):.2f})"


def markdown(figures: list[Figure], facts: dict[str, str]) -> str:
    """The results as a document: a table of the figures, then what each is made of."""
    lines = [
        "# Results",
        "",
        "Written by `make bench`; medians, with the least and the greatest value in brackets.",
        "",
    ]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "| figure | goal | measured | runs | |", "| --- | --- | --- | --- | --- |"]
    for figure in figures:
        measured = f"{spread(figure.samples)} {figure.unit}"
        lines.append(
            f"| {figure.name} | at most {figure.goal:g} {figure.unit} | {measured} | {len(figure.samples)} | {figure.verdict} |"
        )
    for figure in figures:
        parts = [f"- {part}: {spread(samples)} s" for part, samples in figure.parts.items()]
        about = [*([figure.note] if figure.note else []), *([""] if figure.note and parts else []), *parts]
        lines += ["", f"## {figure.name}", "", *about] if about else []
    return "\n".join(lines).rstrip() + "\n"
