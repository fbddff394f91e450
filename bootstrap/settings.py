"""The few settings that the fleet's files do not have: where state is kept, which repository CI runs in, where identities live."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from fleet import FleetError, Problem
from fleet.base import SettingsModel as Base
from fleet.document import parse
from fleet.settings import GUID, LOCATIONS, GitHubId
from fleet.validate import validate

NAMESPACE = "regions-bootstrap:"


class GitHub(Base):
    """The repository, and the apps and people that the fleet's files do not name."""

    owner: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$", description="the organisation on GitHub", examples=["example"]
    )
    repository: str = Field(pattern=r"^[\w.-]{1,100}$", description="the repository's name", examples=["regions"])
    owner_id: int | None = Field(
        default=None,
        gt=0,
        description="its number, where GitHub puts numbers into OIDC subjects: `gh api repos/OWNER/REPO --jq .owner.id`",
        examples=[10000001],
    )
    repository_id: int | None = Field(
        default=None,
        gt=0,
        description="the repository's number, with `ownerId`: `gh api repos/OWNER/REPO --jq .id`",
        examples=[100000001],
    )
    images_app: GitHubId = Field(
        description="the id, quoted, of the GitHub app that opens pull requests with new images", examples=["1000005"]
    )
    images_client: str = Field(
        pattern=r"^[A-Za-z0-9.]+$", description="that app's client id", examples=["Iv23exampleimages"]
    )
    operators: list[int] = Field(
        default=[],
        description="the numbers of the teams that may move regions' branches by hand (`regions promote`, `regions rollback`); "
        "nobody, unless given",
        examples=[[2345678]],
    )

    preview_reviewers: list[int] = Field(
        default=[],
        max_length=6,  # docs.github.com, "Managing environments"
        description="the numbers of the teams that let each pull request's previews run, which open the secrets in the state; "
        "they run at once, unless given",
        examples=[[2345678]],
    )

    @model_validator(mode="after")
    def _both_numbers(self) -> Self:
        if (self.owner_id is None) != (self.repository_id is None):
            raise ValueError("ownerId and repositoryId stand together or not at all")
        return self

    def subject(self, environment: str) -> str:
        """What the token of a job in an environment says of itself: docs.github.com, "OpenID Connect reference".

        Repositories that were made or renamed since 15 July 2026 have numbers in it, which nobody can take over with a name.
        """
        owner, repository = self.owner, self.repository
        if self.owner_id:
            owner, repository = f"{owner}@{self.owner_id}", f"{repository}@{self.repository_id}"
        return f"repo:{owner}/{repository}:environment:{environment}"


class State(Base):
    """Where Pulumi's state and the keys of its secrets are."""

    account: str = Field(
        pattern=r"^[0-9]{12}$", description="the AWS account of the state, 12 digits, quoted", examples=["999900001111"]
    )
    region: str = Field(
        pattern=f"^{LOCATIONS['aws']}$", description="the AWS region of bucket and keys", examples=["eu-west-1"]
    )
    buckets: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{1,40}[a-z0-9]$",
        description="what the buckets' names begin with, unique in all of AWS; they end with an environment's",
        examples=["example-regions-state"],
    )

    def named(self, environment: str) -> str:
        """The name of an environment's bucket. The workflows put it together likewise."""
        return f"{self.buckets}-{environment}"


class Aws(Base):
    """How whoever runs this gets into the accounts."""

    administrator: str = Field(
        default="OrganizationAccountAccessRole",  # as AWS Organizations names it in accounts that it makes
        pattern=r"^[\w+=,.@-]{1,64}$",
        description="the role in each account, the state's too, that whoever runs this may assume",
        examples=["AWSControlTowerExecution"],
    )


class Gcp(Base):
    """The project that the workload identity pool is in: one that no region uses."""

    project: str = Field(
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", description="the project's id", examples=["example-ci"]
    )
    number: str = Field(pattern=r"^[0-9]+$", description="the project's number, quoted", examples=["123456789012"])


class Azure(Base):
    """Where the managed identities live. It is in the Entra directory of all the fleet's subscriptions."""

    subscription: str = Field(
        pattern=GUID, description="the subscription", examples=["00000000-0000-0000-0000-000000000000"]
    )
    location: str = Field(pattern=f"^{LOCATIONS['azure']}$", description="the location", examples=["westeurope"])
    resource_group: str = Field(
        default="regions-ci",
        pattern=r"^[\w().-]{1,90}$",
        description="the resource group, which is made",
        examples=["regions-ci"],
    )


class Runners(Base):
    """The runners of CI's jobs: labels. GitHub's own, unless given; private API servers need others (docs/operate/access.md)."""

    test: str | None = Field(default=None, min_length=1, description="the label of those that test", examples=["big"])
    preview: str | None = Field(
        default=None, min_length=1, description="the label of those that preview", examples=["inside"]
    )
    deploy: str | None = Field(
        default=None, min_length=1, description="the label of those that deploy and look for drift", examples=["inside"]
    )


class Settings(Base):
    """All of it. In the file each key stands under the project's name: `regions-bootstrap:state`."""

    github: GitHub = Field(description="the repository that CI runs in", examples=[{"owner": "example"}])
    state: State = Field(description="where Pulumi's state is", examples=[{"account": "999900001111"}])
    aws: Aws = Field(default=Aws(), description="how whoever runs this gets into the accounts")
    gcp: Gcp | None = Field(
        default=None, description="the project of the workload identity pool", examples=[{"project": "example-ci"}]
    )
    azure: Azure | None = Field(
        default=None, description="where the managed identities live", examples=[{"location": "westeurope"}]
    )
    runners: Runners = Field(default=Runners(), description="the runners of CI's jobs", examples=[{"deploy": "inside"}])


def read(folder: Path, stack: str) -> Settings:
    """The settings of a stack's file. Raises FleetError that says all that is wrong with it."""
    path = folder / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        raise FleetError(
            [Problem(f"bootstrap/{path.name}", "the file", None, "missing", "Write it like Pulumi.org.yaml")]
        )
    return load(f"bootstrap/{path.name}", path.read_text())


def load(file: str, text: str) -> Settings:
    """The settings of a text. Raises FleetError."""
    document, problems = parse(file, text)
    own = {
        key.removeprefix(NAMESPACE): value
        for key, value in (document.get("config") or {}).items()
        if key.startswith(NAMESPACE)
    }
    settings, more = validate(Settings, own, file, NAMESPACE)
    if settings is None or problems:
        raise FleetError(problems or more)
    return settings
