"""The networks from which CI and people reach the private API servers of regions on AWS and Azure.

bootstrap/ makes them, and its output `management` is the setting's value. Google Cloud needs none: its DNS endpoint serves.
"""

from __future__ import annotations

from pydantic import Field

from fleet.base import SettingsModel
from fleet.ranges import Network


class ManagementNetwork(SettingsModel):
    """A management network."""

    range: Network = Field(
        description="the network's addresses, of no region's network",
        examples=["10.255.0.0/24"],
    )
    runner: str | None = Field(
        default=None,
        min_length=1,
        description="the label of the runners in the network, for the jobs of their regions (default: the variable DEPLOY_RUNNER "
        "of the repository). The workflows add their run to a label that begins with `codebuild-`",
        examples=["codebuild-regions-external"],
    )


class AwsManagement(ManagementNetwork):
    """A management network on AWS, in one location. Regions of that location attach to its transit gateway."""

    transit_gateway: str = Field(
        pattern=r"^tgw-[0-9a-f]{17}$",
        description="the transit gateway, which the regions' accounts share",
        examples=["tgw-0123456789abcdef0"],
    )


class AzureManagement(ManagementNetwork):
    """A management network on Azure. Virtual networks of all locations peer with it."""

    network: str = Field(
        pattern=r"^/subscriptions/[0-9a-f-]{36}/resourceGroups/[\w().-]+/providers/Microsoft.Network/virtualNetworks/[\w.-]+$",
        description="the virtual network's resource id",
        examples=[
            "/subscriptions/…/resourceGroups/regions-management/providers/Microsoft.Network/virtualNetworks/external"
        ],
    )

    @property
    def subscription(self) -> str:
        """The network's subscription."""
        return self.network.split("/")[2]

    @property
    def resource_group(self) -> str:
        """The network's resource group."""
        return self.network.split("/")[4]

    @property
    def name(self) -> str:
        """The network's name."""
        return self.network.rpartition("/")[2]


class Management(SettingsModel):
    """All management networks of a fleet. A region finds its own by its environment, on AWS also by its location."""

    aws: dict[str, AwsManagement] = Field(
        default={},
        description="`environment/location` to network, for regions on AWS",
        examples=[{"external/us-east-1": {"range": "10.255.0.0/24", "transitGateway": "tgw-0123456789abcdef0"}}],
    )
    azure: dict[str, AzureManagement] = Field(
        default={},
        description="environment to network, for regions on Azure",
        examples=[{"external": {"range": "10.255.1.0/24", "network": "/subscriptions/…"}}],
    )
