"""The waves in which a commit reaches the regions: the model of waves.yaml."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator

from fleet.base import SECRETS_PROVIDER, Label, SettingsModel
from fleet.duration import Duration
from fleet.windows import Day, Window

Check = Literal["apps", "infra"]
"""The receipts of a region on a commit: `apps` by Argo CD with its gate tests, `infra` by `pulumi up`."""

_COHORT = re.compile(r"^(100|[1-9][0-9]?)%$")


class Wave(SettingsModel):
    """One wave: a set of regions that get new commits together."""

    name: Label = Field(description="the name that stack files use", examples=["staging"])
    production: bool = Field(
        description="whether the wave's regions hold real data. Then Argo CD is highly available, "
        "each zone has its own way out to the internet, and clusters refuse deletion",
        examples=[True],
    )
    secrets_provider: str | None = Field(
        default=None,
        pattern=SECRETS_PROVIDER,
        description="the key that the secrets of the wave's stacks are encrypted with, as Pulumi writes it",
        examples=["awskms://alias/regions-staging?region=eu-west-1"],
    )
    gate: Literal["required", "none"] = Field(
        default="required",
        description="`required`: the next wave gets a commit when every region of this one has proven it. "
        "`none`: the wave's tests run afterwards and gate no wave",
        examples=["required"],
    )
    checks: list[Check] = Field(
        default=["apps", "infra"],
        min_length=1,
        description="the receipts that a region owes on a commit",
        examples=[["apps", "infra"]],
    )
    trusted_status_creators: list[str] = Field(
        default=[],
        description="the logins whose receipts count (all others are reported and ignored)",
        examples=[["regions-receipts[bot]"]],
    )
    soak: Duration = Field(
        default=timedelta(0),
        description="how long a region must have passed a commit, counted from its last receipt",
        examples=["10m"],
    )
    deadline: Duration = Field(
        default=timedelta(hours=1),
        description="how long a region may take over a commit. Then the wave may go on to a newer one without the region, "
        "and the commit itself stays unproven",
        examples=["1h"],
    )
    retirement_hold: Duration = Field(
        default=timedelta(days=3),
        description="how long a region must have been suspended before `regions retire` takes it out of the gates",
        examples=["3d"],
    )
    cohorts: list[int | str] = Field(
        default=["100%"],
        min_length=1,
        description="how many regions have the commit after each step: numbers or percentages, the last one 100%. "
        "The first step has one of the largest regions, and each step must be proven before the next",
        examples=[[1, "25%", "100%"]],
    )
    windows: list[Window] = Field(
        default=[],
        description="when the wave may get commits (default: at any time)",
        examples=[[{"days": ["mon"], "start": "08:00", "end": "16:00"}]],
    )
    maintenance_day: Day | None = Field(
        default=None,
        description="the day of the week on which Google Cloud and Azure may change the wave's clusters, 03:00 to 15:00 UTC. "
        "Each wave has a later day than the wave before it. A wave with regions on those clouds needs a day",
        examples=["mon"],
    )
    may_be_empty: bool = Field(
        default=False,
        description="whether the wave may have no region, and then passes every commit on to the next",
        examples=[True],
    )

    @field_validator("cohorts")
    @classmethod
    def _growing(cls, value: list[int | str]) -> list[int | str]:
        for step in value:
            if isinstance(step, bool) or (isinstance(step, int) and step < 1):
                raise ValueError(f"{step} is not a number of regions")
            if isinstance(step, str) and not _COHORT.match(step):
                raise ValueError(f"{step} is not a percentage from 1% to 100%")
        if value[-1] != "100%":
            raise ValueError("the last step must be 100%, or regions would never get the commit")
        return value

    def trusted(self, login: str | None) -> list[str]:
        """The logins whose receipts count for a region of the wave: its own app's, or else the wave's trusted creators."""
        return [login] if login else self.trusted_status_creators

    def steps(self, regions: int) -> list[int]:
        """How many of so many regions have the commit after each step, without steps that add none."""
        sizes: list[int] = []
        for step in self.cohorts:
            # Rounded up: 25% of three regions is one.
            size = step if isinstance(step, int) else -(-regions * int(step[:-1]) // 100)
            if not sizes or size > sizes[-1]:
                sizes.append(min(size, regions))
        return sizes


class Waves(SettingsModel):
    """The whole of waves.yaml: the waves, first to last."""

    waves: list[Wave] = Field(
        min_length=1, description="the waves, in the order in which they get a commit", examples=[[{"name": "staging"}]]
    )
