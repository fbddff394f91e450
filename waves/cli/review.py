"""`regions affected`, `render`, `diff`, `validate`, `preflight`: a change, before it is merged, without a cluster."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
import yaml

import fleet
from fleet.console import errors, examples, output
from fleet.errors import first_names
from waves.cli.arguments import At, Base, RegionName, count_of_regions, regions_of
from waves.review.affected import common, since
from waves.review.comment import MAX_NAMES
from waves.review.comparison import Comparison, compare, region_objects, repository_files, violations
from waves.review.object_diff import Group, group_by_changes
from waves.review.render import render
from waves.review.schemas import DEFINITIONS, definitions, schema_errors
from waves.scm import tree
from waves.scm.connect import followed_repository
from waves.scm.git import GitError, GitRefs
from waves.scm.options import Json, options

app = typer.Typer()
COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}
Commits = Annotated[str, typer.Argument(help="A..B. A.. compares with the files as they are here.")]


@app.command(epilog=examples("regions affected --base origin/main", "regions affected --base v1.2 HEAD --json"))
def affected(
    context: typer.Context,
    base: Base,
    head: Annotated[str, typer.Argument(help="A commit. Default: the files as they are here.")] = "",
    as_json: Json = False,
) -> None:
    """Name the regions whose `pulumi preview` a change can alter, with the reasons: perhaps too many, never too few."""
    checkout = options(context).checkout
    refs = GitRefs(checkout)
    result = since(checkout, common(refs, base, head), refs.resolve(head) if head else tree.checkout_tree(checkout))
    if as_json:
        print(json.dumps(asdict(result), indent=2))
        return
    for region in result.regions:
        output.text(f"{region.region}: {', '.join(region.reasons)}")
    for name in result.removed:
        output.text(f"{name}: removed, no preview")
    if not result.regions and not result.removed:
        output.text("no region")


@app.command(
    "render", epilog=examples("regions render staging-aws-eu-west-1", "regions render prod-aws-us-east-1 --at v1.2")
)
def render_(context: typer.Context, region: RegionName, at: At = "", as_json: Json = False) -> None:
    """Print a region's objects, as Argo CD renders them."""
    checkout, remote = options(context).checkout, options(context).remote
    files = repository_files(checkout, at)
    settings = fleet.load(files).region(region)
    commit = GitRefs(checkout).resolve(at or "HEAD")
    objects = render(files, settings, followed_repository(settings, checkout, remote), commit)
    print(
        json.dumps(objects, indent=2) if as_json else yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False)
    )


@app.command(epilog=examples("regions diff origin/main..", "regions diff v1.2..v1.3 --region prod-aws-us-east-1"))
def diff(
    context: typer.Context,
    commits: Commits,
    region: Annotated[str, typer.Option(help="Only this region.")] = "",
    as_json: Json = False,
) -> None:
    """Show the changed objects of each region. Regions with the same changes are shown as one."""
    before, after = _files_of(context, commits)
    comparison = compare(before, after, region)
    groups = group_by_changes(comparison.changes)
    if as_json:
        print(json.dumps({"groups": [asdict(group) for group in groups], "broken": comparison.broken}, indent=2))
    else:
        for group in groups:
            _print_group(group)
        if not groups and not comparison.broken:
            output.text("no object changes in any region")
    _fail_if_broken(comparison)


@app.command(epilog=examples("regions validate", "regions validate staging-gcp-us-central1 --at HEAD~1"))
def validate(
    context: typer.Context,
    region: Annotated[str, typer.Argument(help="Only this region. Default: all.")] = "",
    at: At = "",
    as_json: Json = False,
) -> None:
    """Check regions' objects against Kubernetes' schemas and pinned definitions. Exit code 1 if one is invalid."""
    files = repository_files(options(context).checkout, at, DEFINITIONS)
    regions = regions_of(fleet.load(files), [region] if region else None)
    custom = definitions(files)
    regions_by_problem: dict[tuple[str, str], list[str]] = {}
    for target in regions:
        for problem in schema_errors(region_objects(files, target), target.settings.kubernetes_version, custom):
            regions_by_problem.setdefault(problem, []).append(target.name)
    rows = [{"object": item, "problem": text, "regions": names} for (item, text), names in regions_by_problem.items()]
    if as_json:
        print(json.dumps(rows, indent=2))
    for row in [] if as_json else rows:
        output.text(f"{row['object']}: {row['problem']} ({', '.join(row['regions'])})")
    if rows:
        raise typer.Exit(1)
    if not as_json:
        output.text(f"all objects of {count_of_regions(len(regions))} are valid")


@app.command(epilog=examples("regions preflight origin/main..", "regions preflight v1.2..v1.3 --json"))
def preflight(context: typer.Context, commits: Commits, as_json: Json = False) -> None:
    """List the preflight rules that a change breaks. Exit code 1 if one has no reason in gitops/exceptions/."""
    before, after = _files_of(context, commits, DEFINITIONS)
    comparison = compare(before, after)
    _fail_if_broken(comparison)
    broken_rules = violations(comparison, before, after)
    if as_json:
        print(json.dumps([asdict(violation) for violation in broken_rules], indent=2))
    for violation in [] if as_json else broken_rules:
        reason = (f"excused: {violation.exemption}", "yellow") if violation.exemption else ("blocked", "red")
        output.text(reason, f" {violation.rule} {violation.item} ({', '.join(violation.regions)})")
        output.text(f"    {violation.fault}")
    if any(not violation.exemption for violation in broken_rules):
        raise typer.Exit(1)
    if not as_json and not broken_rules:
        output.text("no violations")


def _files_of(context: typer.Context, commits: str, *places: str) -> tuple[dict[str, str], dict[str, str]]:
    """The files of both sides of A..B. Raises GitError."""
    old, dots, new = commits.partition("..")
    if not dots or not old:
        raise GitError(f"{commits} does not name two commits. Write A..B, or A.. for the files as they are here")
    checkout = options(context).checkout
    return repository_files(checkout, old, *places), repository_files(checkout, new, *places)


def _fail_if_broken(comparison: Comparison) -> None:
    """Print to stderr why a file does not load, or a region does not render, and end with exit code 1."""
    for reason in comparison.broken.values():
        errors.text(f"error: {reason}", style="red")
    if comparison.broken:
        raise typer.Exit(1)


def _print_group(group: Group) -> None:
    output.text((count_of_regions(len(group.regions)), "bold"), f": {first_names(group.regions, MAX_NAMES)}")
    for change in group.changes:
        output.text("  ", (change.kind, COLOURS[change.kind]), f" {change.item}")
        for path, before, after in change.fields:
            output.text(f"    {path}: {before or '(none)'} -> {after or '(none)'}")
