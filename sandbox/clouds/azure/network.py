"""Rules of the SIMULATED Azure for networks: virtual networks, subnets, NAT gateways, addresses, private DNS
zones."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from sandbox.clouds.azure.common import arm, path, to
from sandbox.clouds.core import property_paths
from sandbox.clouds.core.model import CloudError, Context, documented_at, is_known, random_hex
from sandbox.clouds.core.store import Transaction

VIRTUAL_NETWORK: Final = "azure-native:network:VirtualNetwork"
SUBNET: Final = "azure-native:network:Subnet"
NAT_GATEWAY: Final = "azure-native:network:NatGateway"
PUBLIC_ADDRESS: Final = "azure-native:network:PublicIPAddress"
SECURITY_GROUP: Final = "azure-native:network:NetworkSecurityGroup"
PEERING: Final = "azure-native:network:VirtualNetworkPeering"
PRIVATE_ZONE: Final = "azure-native:privatedns:PrivateZone"

SUBNET_IN_USE: Final = (
    "InUseSubnetCannotBeDeleted: Subnet {target} is in use by {holder} and cannot be deleted. In order to"
    " delete the"
    " subnet, delete all the resources within the subnet."
)
_NETWORKS: Final = "Microsoft.Network/virtualNetworks/{virtualNetworkName}"
_ZONES: Final = "Microsoft.Network/privateDnsZones/{privateZoneName}"


def _prefixes(inputs: dict[str, Any]) -> list[str]:
    blocks = [inputs.get("addressPrefix"), *(inputs.get("addressPrefixes") or ())]
    return [str(block) for block in blocks if is_known(block)]


@documented_at("learn.microsoft.com/azure/virtual-network/virtual-networks-faq")
def _subnet_range(context: Context, tx: Transaction) -> None:
    name, network = context["subnetName"], context["virtualNetworkName"]
    row = context.find((VIRTUAL_NETWORK,), context.text(path(_NETWORKS)))
    mine = [ipaddress.ip_network(block) for block in _prefixes(context.inputs)]
    space = (
        [ipaddress.ip_network(b) for b in property_paths.get(row.inputs, "addressSpace.addressPrefixes", [])]
        if row
        else []
    )
    for prefix in mine:
        if not any(prefix.version == s.version and prefix.subnet_of(s) for s in space):  # type: ignore[arg-type]
            raise CloudError(
                f"NetcfgInvalidSubnet: Subnet '{name}' is not valid because its IP address range is outside"
                f" the IP address"
                f" range of virtual network '{network}'."
            )
    for other in tx.of_type(SUBNET, ""):
        if row is None or other.id == context.id or row.uid not in tx.targets(other.uid):
            continue
        theirs = [ipaddress.ip_network(block) for block in _prefixes(other.inputs)]
        if any(a.overlaps(b) for a in mine for b in theirs):
            raise CloudError(
                f"NetcfgSubnetRangesOverlap: Subnet '{name}' is not valid because its IP address range"
                f" overlaps with that of"
                f" an existing subnet in virtual network '{network}'. ({other.outputs['name']})"
            )


def _no_inline_subnets(context: Context, tx: Transaction) -> None:
    if context.inputs.get("subnets"):
        raise CloudError(
            "sandbox: subnets inside a VirtualNetwork are not simulated; use Subnet resources (the two do"
            " not mix in Azure"
            " either: an update of the network removes subnets that it does not list)"
        )


@documented_at("learn.microsoft.com/azure/dns/private-dns-overview")
def _global(context: Context, tx: Transaction) -> None:
    if str(context.get("location") or "").lower() != "global":
        raise CloudError(
            f"LocationNotAvailableForResourceType: The provided location '{context.get('location')}' is not"
            f" available for"
            " resource type 'Microsoft.Network/privateDnsZones'. Set location to 'global'."
        )


@documented_at("learn.microsoft.com/azure/virtual-network/virtual-network-peering-overview")
def _apart(context: Context, tx: Transaction) -> None:
    """Peered networks exist, in any subscription of the directory, and share no address."""
    remote = str(context.get("remoteVirtualNetwork.id"))
    rows = [row for row in tx.all() if row.type == VIRTUAL_NETWORK]
    other = next((row for row in rows if row.id.lower() == remote.lower()), None)
    if other is None:
        raise CloudError(
            f"InvalidResourceReference: Resource {remote} referenced by resource {context.id} was not found."
        )
    own = next(row for row in rows if context.id.lower().startswith(f"{row.id.lower()}/"))
    ranges = [
        [ipaddress.ip_network(text) for text in row.inputs["addressSpace"]["addressPrefixes"]] for row in (own, other)
    ]
    if any(one.overlaps(two) for one in ranges[0] for two in ranges[1]):
        raise CloudError(
            f"VnetAddressSpacesOverlap: Cannot create or update peering {context.id}. Virtual networks {own.id} and {other.id}"
            " cannot be peered because their address spaces overlap."
        )


RULES: Final = (
    arm(
        VIRTUAL_NETWORK,
        _NETWORKS,
        "virtualNetworkName",
        name_pattern=r"[A-Za-z0-9][\w.-]{0,62}\w",
        replace=("location",),
        outputs={"enableDdosProtection": False, "subnets": [], "flowLogs": []},
        checks=(_no_inline_subnets,),
    ),
    arm(
        SUBNET,
        f"{_NETWORKS}/subnets/{{subnetName}}",
        "subnetName",
        name_pattern=r"[A-Za-z0-9]([\w.-]{0,78}\w)?",
        outputs={
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
            "delegations": [],
        },
        references=(
            to("virtualNetworkName", VIRTUAL_NETWORK, cascade=True, value=path(_NETWORKS)),
            to(
                "natGateway.id",
                NAT_GATEWAY,
                delete_error="InUseNatGatewayCannotBeDeleted: NAT gateway {target} is in use by subnet {holder} and"
                " cannot be deleted.",
            ),
            to(
                "networkSecurityGroup.id",
                SECURITY_GROUP,
                delete_error="InUseNetworkSecurityGroupCannotBeDeleted: Network security group {target} cannot be"
                " deleted because it is in use by the following resources: {holder}.",
            ),
        ),
        checks=(_subnet_range,),
    ),
    arm(
        NAT_GATEWAY,
        "Microsoft.Network/natGateways/{natGatewayName}",
        "natGatewayName",
        name_pattern=r"[A-Za-z0-9]([\w.-]{0,78}\w)?",
        replace=("location", "zones"),
        outputs={"idleTimeoutInMinutes": 4, "subnets": []},
        references=(
            to(
                "publicIpAddresses.id",
                PUBLIC_ADDRESS,
                delete_error="PublicIPAddressCannotBeDeleted: Public IP address {target} can not be deleted since"
                " it is still allocated to resource {holder}.",
            ),
        ),
    ),
    arm(
        PUBLIC_ADDRESS,
        "Microsoft.Network/publicIPAddresses/{publicIpAddressName}",
        "publicIpAddressName",
        name_pattern=r"[A-Za-z0-9]([\w.-]{0,78}\w)?",
        replace=("location", "publicIPAddressVersion", "publicIPPrefix", "sku", "zones"),
        # TEST-NET-2 (RFC 5737) belongs to no network, so a simulated address reaches no machine.
        outputs={
            "ipAddress": lambda c: f"198.51.100.{int(random_hex(2), 16)}",
            "publicIPAddressVersion": "IPv4",
            "idleTimeoutInMinutes": 4,
        },
    ),
    arm(
        SECURITY_GROUP,
        "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}",
        "networkSecurityGroupName",
        name_pattern=r"[A-Za-z0-9]([\w.-]{0,78}\w)?",
        replace=("location",),
        outputs={"securityRules": [], "defaultSecurityRules": [], "subnets": [], "networkInterfaces": []},
    ),
    arm(
        PEERING,
        f"{_NETWORKS}/virtualNetworkPeerings/{{virtualNetworkPeeringName}}",
        "virtualNetworkPeeringName",
        name_pattern=r"[A-Za-z0-9]([\w.-]{0,78}\w)?",
        outputs={"peeringState": "Connected", "peeringSyncLevel": "FullyInSync"},
        references=(to("virtualNetworkName", VIRTUAL_NETWORK, cascade=True, value=path(_NETWORKS)),),
        checks=(_apart,),
    ),
    arm(
        PRIVATE_ZONE,
        _ZONES,
        "privateZoneName",
        name_pattern=r"(?=.{1,63}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+",
        replace=("location",),
        outputs={
            "maxNumberOfRecordSets": 25000,
            "maxNumberOfVirtualNetworkLinks": 1000,
            "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
            "numberOfRecordSets": 1,
            "numberOfVirtualNetworkLinks": 0,
            "numberOfVirtualNetworkLinksWithRegistration": 0,
            "internalId": "{hex32}",
        },
        checks=(_global,),
    ),
    arm(
        "azure-native:privatedns:VirtualNetworkLink",
        f"{_ZONES}/virtualNetworkLinks/{{virtualNetworkLinkName}}",
        "virtualNetworkLinkName",
        replace=("location", "virtualNetwork"),
        outputs={"virtualNetworkLinkState": "Completed", "registrationEnabled": False},
        references=(
            to(
                "privateZoneName",
                PRIVATE_ZONE,
                delete_error="CannotDeleteResource: Can not delete resource {target} before nested resources are"
                " deleted: {holder}.",
                value=path(_ZONES),
            ),
            to("virtualNetwork.id", VIRTUAL_NETWORK, foreign=("/subscriptions/",)),
        ),
        checks=(_global,),
    ),
)
