"""Rules of the SIMULATED Google Cloud for networks: VPC networks, subnetworks, routers, NAT and firewalls.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-google,
google/services/compute/resource_compute_*.go.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.model import CloudError, Context, Name, Quota, ResourceRule, documented_at, is_known
from sandbox.clouds.core.store import Transaction
from sandbox.clouds.gcp.paths import SELF_LINK, deletion_policy, full_path, to
from sandbox.clouds.gcp.zones import exists

NETWORK: Final = "gcp:compute/network:Network"
SUBNETWORK: Final = "gcp:compute/subnetwork:Subnetwork"
ROUTER: Final = "gcp:compute/router:Router"

NETWORKS: Final = "projects/{project}/global/networks/"
SUBNETWORKS: Final = "projects/{project}/regions/{region}/subnetworks/"
_ROUTERS: Final = "projects/{project}/regions/{region}/routers/"
_QUOTAS: Final = "cloud.google.com/vpc/docs/quota"
LABEL: Final = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
"""Names of RFC 1035, of which Compute Engine makes DNS names."""
_TAKEN: Final = "googleapi: Error 409: The resource '{id}' already exists, alreadyExists"


@documented_at("cloud.google.com/compute/docs/regions-zones")
def _region_exists(context: Context, tx: Transaction) -> None:
    region = str(context["region"])
    if not exists(region):
        raise CloudError(
            f"googleapi: Error 400: Invalid value for field 'region': '{region}'. Unknown region., invalid"
        )


def _ranges(inputs: dict[str, Any]) -> list[str]:
    blocks = [inputs.get("ipCidrRange"), *property_paths.get_all(inputs, "secondaryIpRanges.ipCidrRange")]
    return [str(block) for block in blocks if is_known(block)]


@documented_at("cloud.google.com/vpc/docs/subnets")
def _no_overlap(context: Context, tx: Transaction) -> None:
    network = context.find((NETWORK,), full_path(NETWORKS)(context, str(context["network"])))
    others = [r for r in tx.of_type(SUBNETWORK, "") if r.id != context.id]
    mine = [(block, ipaddress.ip_network(block)) for block in _ranges(context.inputs)]
    for row in others:
        if network is None or network.uid not in tx.targets(row.uid):
            continue
        for block, prefix in mine:
            if any(prefix.overlaps(ipaddress.ip_network(theirs)) for theirs in _ranges(row.inputs)):
                raise CloudError(
                    f"googleapi: Error 400: Invalid IPCidrRange: {block} conflicts with existing subnetwork"
                    f" '{row.outputs['name']}' in region '{row.location}'., badRequest"
                )


def _shrinks(old: Any, new: Any) -> bool:
    return not ipaddress.ip_network(old).subnet_of(ipaddress.ip_network(new))  # type: ignore[arg-type]


def _gateway(context: Context) -> Any:
    block = context.get("ipCidrRange")
    return str(ipaddress.ip_network(block)[1]) if is_known(block) else None


RULES: Final = (
    ResourceRule(
        NETWORK,
        source="cloud.google.com/compute/docs/reference/rest/v1/networks",
        name_patterns={"name": LABEL},
        quota=Quota(
            15, "googleapi: Error 403: Quota 'NETWORKS' exceeded. Limit: 15.0 globally., quotaExceeded", _QUOTAS
        ),
        id=NETWORKS + "{name}",
        name=Name(),
        exists=_TAKEN,
        replace=(
            *("name", "project", "autoCreateSubnetworks", "description", "enableUlaInternalIpv6", "mtu"),
            *("internalIpv6Range", "networkProfile", "deleteDefaultRoutesOnCreate", "params"),
        ),
        defaults={"autoCreateSubnetworks": True, "deleteDefaultRoutesOnCreate": False},
        outputs={
            "selfLink": SELF_LINK,
            "networkId": "{digits19}",
            "numericId": "{networkId}",
            "gatewayIpv4": "",
            "mtu": 0,
            "routingMode": "REGIONAL",
            "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
        },
        protected=(deletion_policy,),
    ),
    ResourceRule(
        SUBNETWORK,
        source="cloud.google.com/compute/docs/reference/rest/v1/subnetworks",
        name_patterns={"name": LABEL},
        id=SUBNETWORKS + "{name}",
        name=Name(),
        exists=_TAKEN,
        replace=(
            "name",
            "network",
            "project",
            "region",
            "description",
            "purpose",
            "reservedInternalRange",
            "params",
        ),
        replace_when={"ipCidrRange": _shrinks},
        outputs={
            "selfLink": SELF_LINK,
            "creationTimestamp": "{now}",
            "gatewayAddress": _gateway,
            "fingerprint": "{hex12}",
            "subnetworkId": lambda c: int(c["digits15"]),
            "privateIpGoogleAccess": False,
            "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
            "purpose": "PRIVATE",
            "stackType": "IPV4_ONLY",
            "secondaryIpRanges": [],
        },
        references=(to("network", NETWORK, NETWORKS),),
        checks=(_region_exists, _no_overlap),
        protected=(deletion_policy,),
    ),
    ResourceRule(
        ROUTER,
        source="cloud.google.com/compute/docs/reference/rest/v1/routers",
        name_patterns={"name": LABEL},
        id=_ROUTERS + "{name}",
        name=Name(),
        exists=_TAKEN,
        replace=("name", "network", "project", "region", "encryptedInterconnectRouter", "params"),
        outputs={"selfLink": SELF_LINK, "creationTimestamp": "{now}"},
        references=(to("network", NETWORK, NETWORKS),),
        checks=(_region_exists,),
        protected=(deletion_policy,),
    ),
    ResourceRule(
        "gcp:compute/routerNat:RouterNat",
        source="cloud.google.com/nat/docs/set-up-manage-network-address-translation",
        name_patterns={"name": LABEL},
        id=lambda c: c.text("{project}/{region}/") + f"{str(c['router']).rsplit('/', 1)[-1]}/{c['name']}",
        name=Name(),
        exists="googleapi: Error 409: The NAT '{name}' already exists in router {router}, alreadyExists",
        replace=("name", "router", "project", "region", "type", "endpointTypes", "initialNatIps"),
        defaults={"type": "PUBLIC", "enableDynamicPortAllocation": False},
        outputs={
            "natIpAllocateOption": "AUTO_ONLY",
            "autoNetworkTier": "PREMIUM",
            "endpointTypes": ["ENDPOINT_TYPE_VM"],
            "icmpIdleTimeoutSec": 30,
            "tcpEstablishedIdleTimeoutSec": 1200,
            "tcpTimeWaitTimeoutSec": 120,
            "tcpTransitoryIdleTimeoutSec": 30,
            "udpIdleTimeoutSec": 30,
            "enableEndpointIndependentMapping": False,
            "minPortsPerVm": 64,
        },
        references=(
            to("router", ROUTER, _ROUTERS, blocks_delete=False, cascade=True),
            to("subnetworks.name", SUBNETWORK, SUBNETWORKS, blocks_delete=False),
        ),
    ),
    ResourceRule(
        "gcp:compute/firewall:Firewall",
        source="cloud.google.com/compute/docs/reference/rest/v1/firewalls",
        name_patterns={"name": LABEL},
        id="projects/{project}/global/firewalls/{name}",
        name=Name(),
        exists=_TAKEN,
        replace=("name", "network", "project", "direction", "params"),
        defaults={"priority": 1000, "direction": "INGRESS", "disabled": False},
        outputs={"selfLink": SELF_LINK, "creationTimestamp": "{now}", "destinationRanges": []},
        references=(to("network", NETWORK, NETWORKS),),
        protected=(deletion_policy,),
    ),
)
