"""The settings of one region, out of its stack file and the project's common values.

Every field has a description with meaning and unit, and an example. Error messages and the JSON Schema quote both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from fleet import places
from fleet.base import SECRETS_PROVIDER, Cloud, Label, SettingsModel
from fleet.duration import Duration
from fleet.management import AwsManagement, AzureManagement, Management
from fleet.ranges import Network
from fleet.sizes import MAIN_POOL, MAIN_POOLS, NodePool, PoolName, Size
from fleet.tags import MAX_TAGS, Tag, TagValue
from fleet.windows import Window

SHARED = "shared"
"""The tenant of a region of several customers."""

ROLE_PATH = "/regions/"
"""The path of every role of a region in an AWS account. No other role of the account has it."""
BOUNDARY = "regions-boundary"
"""The IAM policy in each AWS account that bounds every role of a region."""

GitHubId = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*$")]
"""The number of a GitHub app, or of its installation. Quoted in files."""

GUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
"""The form of Azure's and Entra's ids."""

LOCATIONS: dict[Cloud, str] = {
    "aws": r"[a-z]{2,4}(-[a-z]+)+-[0-9]",
    "gcp": r"[a-z]+-[a-z]+[0-9]+",
    "azure": r"[a-z]{4,20}[0-9]?",
}
"""The form of a location's name in each cloud, which another cloud's location lacks: `us-east1` is not in AWS."""


class AwsSettings(SettingsModel):
    """The settings that only a region on AWS needs."""

    account_id: str = Field(
        pattern=r"^[0-9]{12}$",
        description="the AWS account of the region, 12 digits, quoted",
        examples=["111122223333"],
    )
    deploy_role: str = Field(
        default="regions-deploy",
        pattern=r"^[\w+=,.@-]{1,64}$",
        description="the IAM role in that account that people and CI sign in as to build the region",
        examples=["regions-deploy"],
    )
    preview_role: str = Field(
        default="regions-preview",
        pattern=r"^[\w+=,.@-]{1,64}$",
        description="the IAM role in that account that a pull request's preview signs in as, which can only read",
        examples=["regions-preview"],
    )

    @property
    def boundary(self) -> str:
        """The ARN of the policy that bounds every role of a region. bootstrap/ makes it, and lets no role be made without."""
        return f"arn:aws:iam::{self.account_id}:policy/{BOUNDARY}"


class GcpSettings(SettingsModel):
    """The settings that only a region on Google Cloud needs."""

    project: str = Field(
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
        description="the id of the region's Google Cloud project",
        examples=["example-staging"],
    )


class AzureSettings(SettingsModel):
    """The settings that only a region on Azure needs."""

    subscription_id: str = Field(
        pattern=GUID,
        description="the Azure subscription of the region",
        examples=["00000000-0000-0000-0000-000000000000"],
    )
    directory_id: str = Field(
        pattern=GUID,
        description="the Microsoft Entra directory (tenant) that the subscription trusts",
        examples=["00000000-0000-0000-0000-000000000000"],
    )
    deploy_group_id: str = Field(
        pattern=GUID,
        description="the Entra group (object id) whose members may build the region by hand (CI has an identity of its own)",
        examples=["00000000-0000-0000-0000-000000000000"],
    )


class ClusterAccess(SettingsModel):
    """The principals with access to the cluster, in addition to the identity that builds it. None by default."""

    admins: list[str] = Field(
        default=[],
        description="whose members may do everything in the cluster: IAM role ARNs on AWS, group e-mails on Google Cloud, "
        "Entra group object ids on Azure",
        examples=[["arn:aws:iam::111122223333:role/sre"]],
    )
    viewers: list[str] = Field(
        default=[],
        description="whose members may read everything but secrets, named like admins",
        examples=[["arn:aws:iam::111122223333:role/developers"]],
    )

    @property
    def principals(self) -> list[str]:
        """All principals, admins first."""
        return [*self.admins, *self.viewers]


class GitHubApp(SettingsModel):
    """A GitHub app and its installation in the organisation."""

    app_id: GitHubId = Field(description="the id, quoted, of the GitHub app", examples=["1000001"])
    installation_id: GitHubId = Field(
        description="the id, quoted, of the app's installation in the organisation", examples=["2000001"]
    )


class StatusApp(GitHubApp):
    """The GitHub app that posts a region's receipts."""

    login: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*\[bot\]$",
        max_length=64,
        description="the login, quoted, under which a private region's own app posts: only its receipts count for the region. "
        "For all others waves.yaml names the trusted logins",
        examples=["acme-receipts[bot]"],
    )


class GitHubApps(SettingsModel):
    """The GitHub apps that act for a region. A stack file replaces those of Pulumi.yaml app by app."""

    status: StatusApp = Field(
        description="the app that posts the region's receipts, with the permission `statuses: write` alone",
        examples=[{"appId": "1000001", "installationId": "2000001"}],
    )
    conductor: GitHubApp | None = Field(
        default=None,
        description="the app that moves the regions' branches, for the region that runs the application `conductor`, with the "
        "permissions `contents: write` and `statuses: read`",
        examples=[{"appId": "1000002", "installationId": "2000002"}],
    )
    flags: GitHubApp | None = Field(
        default=None,
        description="the app with which the region's page of feature flags writes to the branch `flags`, with the permission "
        "`contents: write`. Without the app the page is read-only",
        examples=[{"appId": "1000004", "installationId": "2000004"}],
    )


class RegionSettings(SettingsModel):
    """All settings of one region. In files each key stands under the project's name: `regions:wave`."""

    wave: str = Field(description="the wave of waves.yaml in which the region gets new commits", examples=["staging"])
    cloud: Cloud = Field(description="the cloud that the region is built in", examples=["aws"])
    location: str = Field(description="the cloud's own name of the place", examples=["eu-west-1"])
    zones: list[str] | None = Field(
        default=None,
        min_length=3,
        max_length=3,
        description="three zones of the location, where the first three are not the ones to use. AWS has ids (`euw1-az1`), "
        "Google Cloud names (`us-east1-b`), Azure numbers, quoted",
        examples=[["use1-az1", "use1-az2", "use1-az6"]],
    )
    network: Network = Field(
        description="the region's own private network: a /16 of 10.0.0.0/8 that no other region uses",
        examples=["10.16.0.0/16"],
    )
    kubernetes_version: str = Field(
        pattern=r"^1\.[0-9]{2}$",
        description="the minor version of Kubernetes, quoted (YAML reads 1.30 as the number 1.3)",
        examples=["1.35"],
    )
    size: Size = Field(
        description="the region's capacity: the machines of its main pool, and the maximum of nodes",
        examples=["small"],
    )
    node_pools: dict[PoolName, NodePool] = Field(
        default={},
        description=f"further pools of nodes by name, or `{MAIN_POOL}`, the main one, where the size's is not the one to use",
        examples=[{"compute": {"machineType": "c7i.2xlarge", "minNodes": 1, "maxNodes": 3}}],
    )
    tenant: Label = Field(
        default=SHARED,
        description="the customer whose private region this is, or `shared`",
        examples=["shared"],
    )
    change_windows: list[Window] = Field(
        default=[],
        min_length=1,
        description="when a private region, once it has joined, may be changed (default: at any time)",
        examples=[[{"days": ["tue"], "start": "22:00", "end": "02:00", "timezone": "Europe/Berlin"}]],
    )
    applications: list[Label] = Field(
        min_length=1,
        description="the applications of gitops/apps that run in the region",
        examples=[["influxdb", "front", "flipt"]],
    )
    api_allowed_cidrs: list[Network] = Field(
        default=[],
        description="public address ranges that may reach the Kubernetes API (default: none, a private API)",
        examples=[["203.0.113.0/24"]],
    )
    management: Management = Field(
        default=Management(),
        description="the networks from which CI and people reach private API servers, by environment: an output of bootstrap/. "
        "A region on AWS or Azure needs one, or `apiAllowedCidrs`",
        examples=[{"azure": {"external": {"range": "10.255.1.0/24", "network": "/subscriptions/…"}}}],
    )
    cluster_access: ClusterAccess = Field(
        default=ClusterAccess(),
        description="the principals with access to the cluster, in addition to the identity that builds it",
        examples=[{"viewers": ["arn:aws:iam::111122223333:role/developers"]}],
    )
    cost_centre: Label = Field(
        description="who pays, as the tag `cost-centre` of every resource", examples=["platform"]
    )
    tags: dict[Tag, TagValue] = Field(
        default={},
        max_length=MAX_TAGS,
        description="further tags (labels on Google Cloud) on every resource of the region",
        examples=[{"data-class": "internal"}],
    )
    protect: bool | None = Field(
        default=None,
        description="whether the region's cluster and data refuse deletion (default: as in the wave)",
        examples=[True],
    )
    repository: str | None = Field(
        default=None,
        pattern=r"^(https?|ssh|file)://",
        description="the git repository that Argo CD follows (default: the remote `origin` of the checkout)",
        examples=["https://git.example.com/platform/regions.git"],
    )
    sync_timeout: Duration = Field(
        default=timedelta(minutes=15),
        description="how long Argo CD may take over one commit, tests included, before it posts a failure, "
        "shorter than the wave's deadline",
        examples=["15m"],
    )
    suspended: bool = Field(
        default=False,
        description="whether the region keeps its objects and runs no pod, for the retirement hold",
        examples=[True],
    )
    poll_interval: Duration = Field(
        default=timedelta(seconds=3),
        ge=timedelta(seconds=1),
        description="how often Argo CD asks git for a new commit of the region's branch, 1s at least. More regions need a "
        "longer interval: all together may ask 15 times a second",
        examples=["3s"],
    )
    github_apps: GitHubApps = Field(
        description="the GitHub apps that act for the region",
        examples=[{"status": {"appId": "1000001", "installationId": "2000001"}}],
    )
    secrets_provider: str | None = Field(
        default=None,
        pattern=SECRETS_PROVIDER,
        description="the key that the secrets of a private region's stack are encrypted with, where its wave has one",
        examples=["awskms://alias/regions-acme?region=eu-west-1"],
    )
    aws: AwsSettings | None = Field(
        default=None,
        description="the settings that only a region on AWS needs",
        examples=[{"accountId": "111122223333"}],
    )
    gcp: GcpSettings | None = Field(
        default=None,
        description="the settings that only a region on Google Cloud needs", examples=[{"project": "example-staging"}],
    )  # fmt: skip
    azure: AzureSettings | None = Field(
        default=None, description="the settings that only a region on Azure needs",
        examples=[{"subscriptionId": "0000...", "directoryId": "0000..."}],
    )  # fmt: skip

    @property
    def private(self) -> bool:
        """Whether the region is one customer's own."""
        return self.tenant != SHARED

    @property
    def environment(self) -> str:
        """The git host's environment whose jobs build the region: the wave's, or the customer's own. Clouds trust its name."""
        return self.tenant if self.private else self.wave

    @property
    def management_key(self) -> str:
        """The key of the region's management network."""
        return f"{self.environment}/{self.location}" if self.cloud == "aws" else self.environment

    @property
    def management_network(self) -> AwsManagement | AzureManagement | None:
        """The network from which CI and people reach the private API server. None if there is none."""
        networks: Mapping[str, Mapping[str, AwsManagement | AzureManagement]] = {
            "aws": self.management.aws,
            "azure": self.management.azure,
        }
        return networks.get(self.cloud, {}).get(self.management_key)

    @property
    def zone_names(self) -> list[str]:
        """The region's three zones, by the cloud's own ids, names or numbers: the settings' own, else the location's first."""
        return self.zones or list(places.zones(self.cloud, self.location))

    @property
    def pools(self) -> Mapping[str, NodePool]:
        """All pools of the region: its size's main pool, and the stack file's own."""
        return {MAIN_POOL: MAIN_POOLS[self.size][self.cloud], **self.node_pools}
