"""A pull request's comment on a change: the affected regions and their changes, the worst first. Pure.

Regions with equal changes form one group, so that the comment keeps GitHub's limit for any number of regions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fleet.errors import first_names
from waves.review.comparison import PreflightViolation
from waves.review.engine_events import Field, PolicyViolation, Step
from waves.review.object_diff import Group, ObjectDiff, hide_name
from waves.review.pulumi_preview import Preview

MARK = "<!-- regions: preview -->"
"""The beginning of the comment, by which the next run finds it."""
LIMIT = 65_536
"""Characters of a comment that GitHub accepts."""
MAX_NAMES = 5
"""Region names listed per group."""
SIGNS = {"create": "+", "delete": "-", "replace": "±", "update": "~"}
"""Operation to its sign in a diff."""
NO_PREVIEW = (
    "it has no preview. A pull request of a fork gets no credentials, on purpose: a maintainer reviews its commits, and pushes "
    "them to a branch of this repository. Otherwise the log of its job has the reason"
)


@dataclass(frozen=True)
class Report:
    """The findings on a change."""

    previews: tuple[Preview, ...]
    """Of the affected regions, in the order of the waves. A region without a preview has an error instead."""
    removed: tuple[str, ...] = ()
    """Regions whose stack file the change removes."""
    costs: Mapping[str, float | None] | None = None
    """USD a month more or less, by region. None where the price list lacks a machine or a place."""
    groups: tuple[Group, ...] = ()
    """Changed objects, by groups of regions."""
    broken: tuple[str, ...] = ()
    """Why a file does not load, or a region does not render."""
    preflight: tuple[PreflightViolation, ...] = ()
    """Broken preflight rules."""

    @property
    def blocked(self) -> bool:
        """Whether the change must not be merged as it is."""
        return bool(
            self.broken
            or [preview for preview in self.previews if preview.blocked]
            or [violation for violation in self.preflight if not violation.exemption]
        )

    @property
    def silent(self) -> bool:
        """Whether the report is empty."""
        return not (self.previews or self.removed or self.groups or self.broken or self.preflight)


def comment(report: Report, limit: int = LIMIT, whole: str = "") -> str:
    """The comment, in GitHub's Markdown. A too long one is truncated. `whole` is the place of the whole text."""
    parts: list[str] = []
    rest = f"\n\n_The comment is truncated. The whole text: {whole or '`regions comment` prints it'}._\n"
    room = limit - len(rest)
    for part in _parts(report):
        if len(part) + 2 > room:
            return "\n\n".join(parts) + rest
        parts.append(part)
        room -= len(part) + 2
    return "\n\n".join(parts) + "\n"


def _parts(report: Report) -> Iterator[str]:
    count = len(report.previews)
    title = f"Preview: {count} region{'s' * (count != 1)}" if count else "Preview: no region's infrastructure"
    yield f"{MARK}\n## {title}{', **blocked**' if report.blocked else ''}"
    if report.silent:
        yield "This change touches no region."
        return
    groups = _group_previews(report.previews)
    yield from _alerts(report, groups)
    if groups:
        yield _table(report, groups)
    if report.removed:
        yield (
            f"**Stack files removed**: {_names(report.removed)}. No region is destroyed by that: docs/operate/remove-a-region.md."
        )
    yield from _preflight(report.preflight)
    yield from _diffs(report, groups)


def _diffs(report: Report, groups: list[tuple[tuple[str, ...], Preview]]) -> Iterator[str]:
    """The folded parts: each group's steps and policy violations, then the changed objects."""
    for regions, preview in groups:
        if preview.steps or preview.violations:
            yield _details(f"{_names(regions)}: {preview.summary or 'policy violations'}", lines(preview))
    if report.groups:
        yield "### Changed objects"
    for group in report.groups:
        changes = [line for change in group.changes for line in _change(change)]
        yield _details(
            f"{_names(group.regions)}: {len(group.changes)} object{'s' * (len(group.changes) != 1)}", changes
        )


def _group_previews(previews: Sequence[Preview]) -> list[tuple[tuple[str, ...], Preview]]:
    """Regions of a wave with equal previews, each with the preview, in their order."""
    groups: dict[Preview, list[str]] = {}
    for preview in previews:
        groups.setdefault(_without_name(preview), []).append(preview.region)
    return [(tuple(regions), preview) for preview, regions in groups.items()]


def _without_name(preview: Preview) -> Preview:
    """A preview without its region's name, so that it equals another region's."""

    def hide(text: str) -> str:
        return hide_name(text, preview.region)

    def step(old: Step) -> Step:
        fields = (Field(f.path, f.before and hide(f.before), f.after and hide(f.after), f.forces) for f in old.fields)
        return replace(old, name=hide(old.name), fields=tuple(fields))

    def violation(old: PolicyViolation) -> PolicyViolation:
        return replace(old, message=hide(old.message), resource=hide(old.resource))

    return replace(
        preview,
        region="",
        error=hide(preview.error),
        steps=tuple(map(step, preview.steps)),
        violations=tuple(map(violation, preview.violations)),
        seconds=0.0,
    )


def _alerts(report: Report, groups: list[tuple[tuple[str, ...], Preview]]) -> Iterator[str]:
    """The alerts above the table: a CAUTION for the reasons that block the change, a WARNING for other deletions."""
    cautions: dict[str, list[str]] = {}
    warnings: dict[str, list[str]] = {}
    for regions, preview in groups:
        for text in _blockers(preview):
            cautions.setdefault(text, []).extend(regions)
        for text in _deletions(preview, protected=False):
            warnings.setdefault(text, []).extend(regions)
    reasons = [f"does not load or render\n{code(reason)}" for reason in report.broken]
    reasons += [f"**{_names(regions)}** {text}" for text, regions in cautions.items()]
    yield from _alert("CAUTION", reasons)
    yield from _alert("WARNING", [f"{_names(regions)} {text}" for text, regions in warnings.items()])


def _alert(kind: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield f"> [!{kind}]\n" + "\n>\n".join("> " + text.replace("\n", "\n> ") for text in texts)


def _blockers(preview: Preview) -> Iterator[str]:
    yield from _deletions(preview, protected=True)
    if preview.error:
        yield f"cannot be previewed\n{code(preview.error)}"
    for violation in preview.violations:
        if violation.level == "mandatory":
            place = f"`{violation.policy}` at `{_inline(violation.resource)}`"
            yield f"would break the policy {place}\n{code(violation.message)}"


def _deletions(preview: Preview, *, protected: bool) -> Iterator[str]:
    for step in preview.steps:
        if step.op in ("delete", "replace") and step.protected is protected:
            forcing = ", ".join(f"`{field.path}`" for field in step.fields if field.forces)
            resource = f"`{step.type}` `{_inline(step.name)}`" + (f", for {forcing}" if forcing else "")
            yield f"would {step.op} {'a **protected** ' if protected else ''}{resource}"


def _table(report: Report, groups: list[tuple[tuple[str, ...], Preview]]) -> str:
    rows = [
        "| wave | regions | create | update | replace | delete | USD a month | |",
        "| --- | --- | --: | --: | --: | --: | --: | --- |",
    ]
    for regions, preview in groups:
        counts = [str(preview.counts.get(op, "")) for op in ("create", "update", "replace", "delete")]
        state = "**blocked**" if preview.blocked else "new" if preview.new else "" if preview.steps else "no change"
        rows.append(" | ".join([f"| {preview.wave}", _names(regions), *counts, _cost(report, regions), f"{state} |"]))
    return "\n".join(rows)


def _cost(report: Report, regions: tuple[str, ...]) -> str:
    changes = [(report.costs or {}).get(region, 0.0) for region in regions]
    if None in changes:
        return "?"
    total = sum(change or 0.0 for change in changes)
    return f"{total:+,.2f}" if abs(total) >= 0.005 else ""


def _preflight(violations: Sequence[PreflightViolation]) -> Iterator[str]:
    if violations:
        yield "### Preflight\n" + "\n".join(map(_violation, violations))


def _violation(violation: PreflightViolation) -> str:
    state = "excused" if violation.exemption else "blocked"
    text = violation.fault + (f" — {violation.exemption}" if violation.exemption else "")
    title = f"- **{state}** `{violation.rule}` `{_inline(violation.item)}` ({_names(violation.regions)})"
    return f"{title}\n{_indent(code(text))}"


def lines(preview: Preview) -> list[str]:
    """A preview's steps and violations, as lines of a diff."""
    diff: list[str] = []
    for step in sorted(preview.steps, key=lambda step: (-"update replace delete".find(step.op), step.type)):
        diff.append(f"{SIGNS.get(step.op, '?')} {step.type} {step.name}{' (protected)' if step.protected else ''}")
        for field in step.fields:
            forcing = "  # replaces it" if field.forces else ""
            diff.append(f"    {field.path}: {_or_none(field.before)} -> {_or_none(field.after)}{forcing}")
    diff += [f"! {v.level}: {v.policy}: {v.resource}: {v.message}" for v in preview.violations]
    return diff


def _change(change: ObjectDiff) -> list[str]:
    sign = {"added": "+", "removed": "-"}.get(change.kind, "~")
    return [
        f"{sign} {change.item}",
        *(f"    {path}: {_or_none(before)} -> {_or_none(after)}" for path, before, after in change.fields),
    ]


def _names(regions: Sequence[str]) -> str:
    return first_names([f"`{name}`" for name in regions], MAX_NAMES)


def _details(title: str, lines: list[str]) -> str:
    return (
        f"<details><summary>{_tags(title)}</summary>\n\n{code(chr(10).join(map(_line, lines)), 'diff')}\n\n</details>"
    )


def _tags(text: str) -> str:
    """Code as HTML: GitHub reads no Markdown inside of a summary."""
    parts = text.split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def code(text: str, kind: str = "") -> str:
    """A code block, whose fence is longer than any fence in the text, so that all of the text stays text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{kind}\n{text}\n{fence}"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _line(text: str) -> str:
    return text.replace("\n", "⏎")


def _inline(text: str) -> str:
    """Text that may stand between two backticks, also in a table."""
    return text.replace("`", "'").replace("|", "¦").replace("\n", " ")


def _or_none(text: str | None) -> str:
    return text if text else "(none)"
