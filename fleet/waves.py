"""The waves in which a commit reaches the regions: the model of waves.yaml."""

from __future__ import annotations

from pydantic import Field

from fleet.settings import Label, Settings


class Wave(Settings):
    """One wave: a set of regions that get new commits together."""

    name: Label = Field(description="the name that stack files use", examples=["staging"])
    production: bool = Field(
        description="whether the wave's regions hold real data: Argo CD is then highly available, "
        "each zone has its own way out to the internet, and clusters refuse deletion",
        examples=[True],
    )
    secrets_provider: str | None = Field(
        default=None,
        pattern=r"^(awskms|azurekeyvault|gcpkms|hashivault)://",
        description="the key that the secrets of the wave's stacks are encrypted with, as Pulumi writes it",
        examples=["awskms://alias/regions-staging?region=eu-west-1"],
    )


class Waves(Settings):
    """The whole of waves.yaml: the waves, first to last."""

    waves: list[Wave] = Field(
        min_length=1, description="the waves, in the order in which they get a commit", examples=[[{"name": "staging"}]]
    )
