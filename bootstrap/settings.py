"""The settings that the fleet's files do not have: the state's place, CI's repository, and the place of identities."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from fleet import FleetError, Problem
from fleet.base import SettingsModel
from fleet.document import parse
from fleet.ranges import Network
from fleet.settings import GUID, LOCATIONS, GitHubId
from fleet.validate import validate

NAMESPACE = "regions-bootstrap:"


class RepositorySettings(SettingsModel):
    """The repository, and the apps and teams that the fleet's files do not name."""

    owner: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$", description="the organisation on GitHub", examples=["example"]
    )
    repository: str = Field(pattern=r"^[\w.-]{1,100}$", description="the repository's name", examples=["regions"])
    owner_id: int | None = Field(
        default=None,
        gt=0,
        description="the organisation's number, if OIDC subjects have numbers: `gh api repos/OWNER/REPO --jq .owner.id`",
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
        description="the numbers of the teams that may move regions' branches by hand (`regions promote`, `regions rollback`). "
        "By default no team",
        examples=[[2345678]],
    )

    preview_reviewers: list[int] = Field(
        default=[],
        max_length=6,  # docs.github.com, "Managing environments"
        description="the numbers of the teams that approve each pull request's previews, which decrypt the secrets in the state. "
        "By default previews run without approval",
        examples=[[2345678]],
    )

    @model_validator(mode="after")
    def _both_numbers(self) -> Self:
        if (self.owner_id is None) != (self.repository_id is None):
            raise ValueError("ownerId and repositoryId stand together or not at all")
        return self

    def subject(self, environment: str) -> str:
        """The subject of a job's token, in an environment: docs.github.com, "OpenID Connect reference".

        Repositories created or renamed since 15 July 2026 have numbers in it, so that a repository with a reused name differs.
        """
        owner, repository = self.owner, self.repository
        if self.owner_id:
            owner, repository = f"{owner}@{self.owner_id}", f"{repository}@{self.repository_id}"
        return f"repo:{owner}/{repository}:environment:{environment}"


class StateSettings(SettingsModel):
    """The place of Pulumi's state, and of the keys of its secrets."""

    account: str = Field(
        pattern=r"^[0-9]{12}$", description="the AWS account of the state, 12 digits, quoted", examples=["999900001111"]
    )
    region: str = Field(
        pattern=f"^{LOCATIONS['aws']}$", description="the AWS region of bucket and keys", examples=["eu-west-1"]
    )
    buckets: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{1,40}[a-z0-9]$",
        description="the beginning of the buckets' names, unique in all of AWS. The end is an environment's name",
        examples=["example-regions-state"],
    )

    def bucket(self, environment: str) -> str:
        """The name of an environment's bucket. The workflows build the same name."""
        return f"{self.buckets}-{environment}"


class AwsAccess(SettingsModel):
    """The administrator's way into the accounts."""

    administrator: str = Field(
        default="OrganizationAccountAccessRole",  # the name in accounts that AWS Organizations creates
        pattern=r"^[\w+=,.@-]{1,64}$",
        description="the role that the administrator assumes in each account, the state's too",
        examples=["AWSControlTowerExecution"],
    )


class ManagementSettings(SettingsModel):
    """The place of the networks from which runners and people reach private API servers. docs/operate/access.md."""

    account: str = Field(
        pattern=r"^[0-9]{12}$",
        description="the AWS account of the networks, 12 digits, quoted. No region uses it",
        examples=["999900002222"],
    )
    locations: dict[str, list[str]] = Field(
        default={},
        description="environment to the AWS locations that get a network before a region is there, so that a stack file alone "
        "makes a region in one of them",
        examples=[{"staging": ["eu-west-1", "eu-north-1"]}],
    )
    ranges: Network = Field(
        default=IPv4Network("10.255.0.0/16"),
        description="the addresses of all networks, of no region. Each network takes a /24",
        examples=["10.255.0.0/16"],
    )


class GcpPoolSettings(SettingsModel):
    """The project of the workload identity pool. No region uses it."""

    project: str = Field(
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", description="the project's id", examples=["example-ci"]
    )
    number: str = Field(pattern=r"^[0-9]+$", description="the project's number, quoted", examples=["123456789012"])


class AzureIdentitySettings(SettingsModel):
    """The place of the managed identities, in the Entra directory of all the fleet's subscriptions."""

    subscription: str = Field(
        pattern=GUID, description="the subscription", examples=["00000000-0000-0000-0000-000000000000"]
    )
    location: str = Field(pattern=f"^{LOCATIONS['azure']}$", description="the location", examples=["westeurope"])
    resource_group: str = Field(
        default="regions-ci",
        pattern=r"^[\w().-]{1,90}$",
        description="the resource group, which this program creates",
        examples=["regions-ci"],
    )


class RunnerLabels(SettingsModel):
    """The labels of CI's runners. The default is GitHub's own runners. Private API servers need others: docs/operate/access.md."""

    test: str | None = Field(
        default=None, min_length=1, description="the label of the runners that test", examples=["big"]
    )
    preview: str | None = Field(
        default=None, min_length=1, description="the label of the runners that preview", examples=["inside"]
    )
    deploy: str | None = Field(
        default=None,
        min_length=1,
        description="the label of the runners that deploy and check for drift",
        examples=["inside"],
    )


class OrganisationSettings(SettingsModel):
    """All settings. In the file each key has the project's name as prefix: `regions-bootstrap:state`."""

    github: RepositorySettings = Field(description="the repository that CI runs in", examples=[{"owner": "example"}])
    state: StateSettings = Field(description="the place of Pulumi's state", examples=[{"account": "999900001111"}])
    aws: AwsAccess = Field(default=AwsAccess(), description="the administrator's way into the accounts")
    management: ManagementSettings | None = Field(
        default=None,
        description="the place of the management networks. Without it this program makes none",
        examples=[{"account": "999900002222"}],
    )
    gcp: GcpPoolSettings | None = Field(
        default=None, description="the project of the workload identity pool", examples=[{"project": "example-ci"}]
    )
    azure: AzureIdentitySettings | None = Field(
        default=None, description="the place of the managed identities", examples=[{"location": "westeurope"}]
    )
    runners: RunnerLabels = Field(
        default=RunnerLabels(), description="the runners of CI's jobs", examples=[{"deploy": "inside"}]
    )


def read(folder: Path, stack: str) -> OrganisationSettings:
    """The settings of a stack's file. Raises FleetError with all problems of the file."""
    path = folder / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        raise FleetError(
            [
                Problem(
                    f"bootstrap/{path.name}",
                    "the file",
                    None,
                    "missing",
                    "Create it, after the model of Pulumi.org.yaml",
                )
            ]
        )
    return load(f"bootstrap/{path.name}", path.read_text())


def load(file: str, text: str) -> OrganisationSettings:
    """The settings of a file's text. Raises FleetError with all problems of the text."""
    document, problems = parse(file, text)
    values = {
        key.removeprefix(NAMESPACE): value
        for key, value in (document.get("config") or {}).items()
        if key.startswith(NAMESPACE)
    }
    settings, value_problems = validate(OrganisationSettings, values, file, NAMESPACE)
    if settings is None or problems:
        raise FleetError(problems or value_problems)
    return settings
