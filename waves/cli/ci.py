"""`regions ci-matrix` and `update`: the commands of CI's workflows."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

import fleet
from fleet.console import examples, output
from waves.cli.arguments import RegionName, sound_regions
from waves.cli.preview import affected_names
from waves.regions import update as updates
from waves.regions.ci_matrix import Purpose, group_into_jobs
from waves.rollout.model import StatusState
from waves.scm import tree
from waves.scm.connect import job_url, open_receipts
from waves.scm.options import Json, options

app = typer.Typer()


@app.command("ci-matrix", epilog=examples("regions ci-matrix deploy", "regions ci-matrix preview --base origin/main"))
def ci_matrix(
    context: typer.Context,
    purpose: Annotated[Purpose, typer.Argument(help="The purpose of the jobs.")],
    regions: Annotated[list[str] | None, typer.Argument(help="Regions. Default: all.")] = None,
    base: Annotated[str, typer.Option(help="Instead: the regions that the change since this commit affects.")] = "",
) -> None:
    """Print a matrix for GitHub Actions, as JSON: jobs, their regions, and the identity that each job signs in as."""
    checkout = options(context).checkout
    known = fleet.read(checkout)
    if base:
        # A region that does not load has no account. `regions comment` reports the missing preview.
        names = affected_names(checkout, base, tree.checkout_tree(checkout))
        selection = [known.regions[name] for name in names if name in known.regions]
    else:
        selection = sound_regions(known, regions)
    print(json.dumps({"include": [asdict(job) for job in group_into_jobs(selection, purpose)]}))


@app.command(epilog=examples("regions update staging-aws-eu-west-1"))
def update(context: typer.Context, region: RegionName, as_json: Json = False) -> None:
    """Run `pulumi up` for a region and post the receipt. The checkout is at the commit of the region's branch. For CI."""
    here = options(context)
    receipts = open_receipts(here.checkout, here.remote, here.repository, region)
    result = updates.apply(
        here.checkout, here.remote, region, receipts, job_url(), lambda text: print(text, flush=True)
    )
    if as_json:
        print(json.dumps(vars(result)))
    else:
        output.text(f"{region} at {result.commit[:10]}: {result.state or 'no receipt'}: {result.description}")
    if result.state not in (None, StatusState.SUCCESS):
        raise typer.Exit(1)
