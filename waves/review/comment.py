"""What a pull request's comment says of a change: which regions it touches and how, the worst first. Pure.

Regions that a change does the same to are told of together, so that it fits under GitHub's limit however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from waves.review.comparison import Violation
from waves.review.object_diff import OWN_NAME, Group
from waves.review.pulumi_preview import Field, PolicyViolation, Preview, Step

MARK = "<!-- regions: preview -->"
"""By what the comment is found again."""
LIMIT = 65_536
"""Characters that GitHub takes for a comment."""
NAMED = 5
"""Regions of a group that are named."""
SIGNS = {"create": "+", "delete": "-", "replace": "±", "update": "~"}
NO_PREVIEW = (
    "there is no preview of it. A pull request of a fork gets no credentials, on purpose: who may push here looks at its "
    "commits, and pushes them to a branch of this repository. Otherwise the log of its job says what went wrong"
)


@dataclass(frozen=True)
class Report:
    """All that is known of a change."""

    previews: tuple[Preview, ...]
    """Of the regions that it touches, in the order of the waves; those without a preview have an error that says so."""
    removed: tuple[str, ...] = ()
    """Regions whose stack file it removes."""
    costs: Mapping[str, float | None] | None = None
    """USD a month more or less, by region; None where the price list does not have something."""
    groups: tuple[Group, ...] = ()
    """What it changes of what regions run."""
    broken: tuple[str, ...] = ()
    """Why something does not load or render."""
    preflight: tuple[Violation, ...] = ()
    """What preflight says."""

    @property
    def blocked(self) -> bool:
        """Whether the change must not be merged as it is."""
        return bool(
            self.broken
            or [each for each in self.previews if each.blocked]
            or [each for each in self.preflight if not each.exemption]
        )

    @property
    def silent(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.previews or self.removed or self.groups or self.broken or self.preflight)


def comment(report: Report, limit: int = LIMIT, whole: str = "") -> str:
    """The comment, in GitHub's Markdown. What does not fit is left out from the end; `whole` is where all of it is to be found."""
    parts: list[str] = []
    rest = f"\n\n_There is more than a comment can have: {whole or '`regions comment` prints all of it'}._\n"
    room = limit - len(rest)
    for part in _parts(report):
        if len(part) + 2 > room:
            return "\n\n".join(parts) + rest
        parts.append(part)
        room -= len(part) + 2
    return "\n\n".join(parts) + "\n"


def _parts(report: Report) -> Iterable[str]:
    count = len(report.previews)
    title = f"Preview: {count} region{'s' * (count != 1)}" if count else "Preview: no region's infrastructure"
    yield f"{MARK}\n## {title}{', **blocked**' if report.blocked else ''}"
    if report.silent:
        yield "This change touches no region."
        return
    groups = _grouped(report.previews)
    yield from _loud(report, groups)
    if groups:
        yield _table(report, groups)
    if report.removed:
        yield (
            f"**Stack files removed**: {_names(report.removed)}. Nothing is destroyed by that: docs/operate/remove-a-region.md."
        )
    yield from _preflight(report.preflight)
    for regions, shown in groups:
        if shown.steps or shown.violations:
            yield _folded(f"{_names(regions)}: {shown.counted or 'what policies say'}", lines(shown))
    if report.groups:
        yield "### What regions run"
    for group in report.groups:
        changed = [line for change in group.changes for line in _change(change.what, change.item, change.fields)]
        yield _folded(f"{_names(group.regions)}: {len(group.changes)} object{'s' * (len(group.changes) != 1)}", changed)


def _grouped(previews: Sequence[Preview]) -> list[tuple[tuple[str, ...], Preview]]:
    """Regions of a wave to which the very same is done, and what that is; in their order."""
    found: dict[Preview, list[str]] = {}
    for preview in previews:
        found.setdefault(_nameless(preview), []).append(preview.region)
    return [(tuple(regions), shown) for shown, regions in found.items()]


def _nameless(preview: Preview) -> Preview:
    def hidden(text: str | None) -> str | None:
        return text and text.replace(preview.region, OWN_NAME)

    def step(each: Step) -> Step:
        fields = tuple(Field(f.path, hidden(f.before), hidden(f.after), f.forces) for f in each.fields)
        return replace(each, name=hidden(each.name) or "", fields=fields)

    def violation(each: PolicyViolation) -> PolicyViolation:
        return replace(each, message=hidden(each.message) or "", resource=hidden(each.resource) or "")

    return replace(
        preview,
        region="",
        error=hidden(preview.error) or "",
        steps=tuple(map(step, preview.steps)),
        violations=tuple(map(violation, preview.violations)),
        seconds=0.0,
    )


def _loud(report: Report, groups: list[tuple[tuple[str, ...], Preview]]) -> Iterable[str]:
    """What must be read: protected things that would go, what does not preview, what policies forbid; then what else would go."""
    worst: dict[str, list[str]] = {}
    gone: dict[str, list[str]] = {}
    for regions, shown in groups:
        for step in shown.steps:
            if step.op in ("delete", "replace"):
                forced = ", ".join(f"`{each.path}`" for each in step.fields if each.forces)
                what = f"`{step.type}` `{_inline(step.name)}`" + (f", for {forced}" if forced else "")
                text = f"would {step.op} {'a **protected** ' if step.protected else ''}{what}"
                (worst if step.protected else gone).setdefault(text, []).extend(regions)
        if shown.error:
            worst.setdefault(f"cannot be previewed\n{code(shown.error)}", []).extend(regions)
        for each in shown.violations:
            if each.level == "mandatory":
                text = f"would break the policy `{each.policy}` at `{_inline(each.resource)}`\n{code(each.message)}"
                worst.setdefault(text, []).extend(regions)
    said = [f"does not load or render\n{code(reason)}" for reason in report.broken]
    said += [f"**{_names(regions)}** {text}" for text, regions in worst.items()]
    for kind, told in (("CAUTION", said), ("WARNING", [f"{_names(names)} {text}" for text, names in gone.items()])):
        if told:
            yield f"> [!{kind}]\n" + "\n>\n".join("> " + line.replace("\n", "\n> ") for line in told)


def _table(report: Report, groups: list[tuple[tuple[str, ...], Preview]]) -> str:
    rows = [
        "| wave | regions | create | update | replace | delete | USD a month | |",
        "| --- | --- | --: | --: | --: | --: | --: | --- |",
    ]
    for regions, shown in groups:
        counts = [str(shown.counts.get(op, "")) for op in ("create", "update", "replace", "delete")]
        word = "**blocked**" if shown.blocked else "new" if shown.new else "" if shown.steps else "no change"
        rows.append(" | ".join([f"| {shown.wave}", _names(regions), *counts, _cost(report, regions), f"{word} |"]))
    return "\n".join(rows)


def _cost(report: Report, regions: tuple[str, ...]) -> str:
    more = [(report.costs or {}).get(region, 0.0) for region in regions]
    if None in more:
        return "?"
    total = sum(each or 0.0 for each in more)
    return f"{total:+,.2f}" if abs(total) >= 0.005 else ""


def _preflight(violations: Sequence[Violation]) -> Iterable[str]:
    if violations:
        rows = [
            f"- **{'excused' if each.exemption else 'blocked'}** `{each.rule}` `{_inline(each.item)}` ({_names(each.regions)})\n"
            f"{_indented(code(each.what + (f' — {each.exemption}' if each.exemption else '')))}"
            for each in violations
        ]
        yield "### Preflight\n" + "\n".join(rows)


def lines(shown: Preview) -> list[str]:
    """What a preview found, as lines of a diff."""
    found: list[str] = []
    for step in sorted(shown.steps, key=lambda step: (-"update replace delete".find(step.op), step.type)):
        found.append(f"{SIGNS.get(step.op, '?')} {step.type} {step.name}{' (protected)' if step.protected else ''}")
        for each in step.fields:
            forced = "  # replaces it" if each.forces else ""
            found.append(f"    {each.path}: {_or_none(each.before)} -> {_or_none(each.after)}{forced}")
    found += [f"! {each.level}: {each.policy}: {each.resource}: {each.message}" for each in shown.violations]
    return found


def _change(what: str, item: str, fields: Iterable[tuple[str, str, str]]) -> list[str]:
    sign = {"added": "+", "removed": "-"}.get(what, "~")
    return [
        f"{sign} {item}",
        *(f"    {path}: {_or_none(before)} -> {_or_none(after)}" for path, before, after in fields),
    ]


def _names(regions: Sequence[str]) -> str:
    more = f" and {len(regions) - NAMED} more" if len(regions) > NAMED else ""
    return ", ".join(f"`{name}`" for name in regions[:NAMED]) + more


def _folded(title: str, lines: list[str]) -> str:
    return (
        f"<details><summary>{_tags(title)}</summary>\n\n{code(chr(10).join(map(_line, lines)), 'diff')}\n\n</details>"
    )


def _tags(text: str) -> str:
    """Inside of a summary there is no Markdown."""
    parts = text.split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def code(text: str, kind: str = "") -> str:
    """Whatever it says, it stays text: longer marks around it than any that are in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{kind}\n{text}\n{fence}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _line(text: str) -> str:
    return text.replace("\n", "⏎")


def _inline(text: str) -> str:
    """Text that may stand between two backticks, also in a table."""
    return text.replace("`", "'").replace("|", "¦").replace("\n", " ")


def _or_none(text: str | None) -> str:
    return text if text else "(none)"
