"""`make places CLOUD=aws`: read a cloud's own lists with its command line, and write them into this folder.

The caller has signed in to any account, project or subscription that sees the locations.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleet.base import Cloud

REFUSED = ("use1-az3", "usw1-az2", "cac1-az3")
"""The zones in which EKS makes no control plane. Source: docs.aws.amazon.com/eks/latest/userguide/network-reqs.html."""

ELSEWHERE: Mapping[Cloud, Mapping[str, str]] = {
    "aws": {
        **dict.fromkeys(("cn-north-1", "cn-northwest-1"), "AWS China"),
        **dict.fromkeys(("us-gov-east-1", "us-gov-west-1"), "AWS GovCloud"),
        "eusc-de-east-1": "the AWS European Sovereign Cloud",
    },
    "gcp": {},
    "azure": {
        **dict.fromkeys(("chinaeast", "chinaeast2", "chinanorth", "chinanorth2", "chinanorth3"), "Azure China"),
        **dict.fromkeys(
            ("usgovarizona", "usgovtexas", "usgovvirginia", "usdodcentral", "usdodeast"), "Azure Government"
        ),
    },
}
"""Sources: docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html, learn.microsoft.com/azure/azure-government."""


def aws(offers: Mapping[str, Iterable[Mapping[str, str]]], types: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """AWS's list, out of `describe-instance-type-offerings` by zone id for each location, and `describe-instance-types`."""
    architectures = {}
    for entry in types:
        family, known = entry["InstanceType"].partition(".")[0], entry["ProcessorInfo"]["SupportedArchitectures"]
        architectures[family] = "x86_64" if "x86_64" in known else known[0]
    return {
        "architectures": dict(sorted(architectures.items())),
        "locations": {location: _offers(offers[location]) for location in sorted(offers)},
    }


def _offers(offers: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """A location: its zones, and its machine types by the zones that have them."""
    by_type: dict[str, set[str]] = defaultdict(set)
    for offer in offers:
        if offer["Location"] not in REFUSED:
            by_type[offer["InstanceType"]].add(offer["Location"])
    groups: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, zones in sorted(by_type.items()):
        family, _, size = name.partition(".")
        groups[" ".join(sorted(zones))][family].append(size)
    return {
        "zones": sorted(set().union(*by_type.values())),
        "machineTypes": {
            zones: {family: " ".join(sizes) for family, sizes in families.items()}
            for zones, families in sorted(groups.items(), key=lambda group: (-len(group[0]), group[0]))
        },
    }


def gcp(zones: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Google Cloud's list, out of `gcloud compute zones list`."""
    locations: dict[str, list[str]] = defaultdict(list)
    for zone in zones:
        locations[zone["region"].rpartition("/")[2]].append(zone["name"])
    return {"locations": {name: {"zones": sorted(locations[name])} for name in sorted(locations)}}


def azure(locations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Azure's list, out of `az account list-locations`: the physical locations, with the numbers of their zones."""
    found = {
        entry["name"]: sorted(zone["logicalZone"] for zone in entry.get("availabilityZoneMappings") or [])
        for entry in locations
        if entry["metadata"]["regionType"] == "Physical"
    }
    return {"locations": {name: {"zones": found[name]} for name in sorted(found)}}


def _ask(*command: str) -> Any:
    """The JSON that a cloud's command prints. On failure the command's own words go to the terminal."""
    print(" ".join(command), file=sys.stderr)
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def _ask_aws() -> dict[str, Any]:
    def ec2(region: str, *arguments: str) -> Any:
        return _ask("aws", "ec2", *arguments, "--region", region, "--output", "json")

    regions = [entry["RegionName"] for entry in ec2("us-east-1", "describe-regions")["Regions"]]
    by_zone = ("describe-instance-type-offerings", "--location-type", "availability-zone-id")
    offers = {region: ec2(region, *by_zone)["InstanceTypeOfferings"] for region in regions}
    types = [entry for region in regions for entry in ec2(region, "describe-instance-types")["InstanceTypes"]]
    return aws(offers, types)


def _ask_gcp() -> dict[str, Any]:
    return gcp(_ask("gcloud", "compute", "zones", "list", "--format", "json"))


def _ask_azure() -> dict[str, Any]:
    return azure(_ask("az", "account", "list-locations", "--output", "json"))


ASK = {"aws": _ask_aws, "gcp": _ask_gcp, "azure": _ask_azure}


def write(cloud: Cloud, answer: Mapping[str, Any], source: str, date: str, folder: Path) -> None:
    """Write a cloud's list."""
    data = {"date": date, "source": source, "elsewhere": ELSEWHERE[cloud], **answer}
    (folder / f"{cloud}.json").write_text(json.dumps(data, indent=1) + "\n")


def main() -> None:
    """Renew one cloud's list."""
    parser = argparse.ArgumentParser(prog="python -m fleet.places.renew", description=__doc__)
    parser.add_argument("cloud", choices=sorted(ASK))
    cloud = parser.parse_args().cloud
    try:
        answer = ASK[cloud]()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}. Sign in to {cloud} with its command line first.")
    write(cloud, answer, f"{cloud}'s command line", datetime.now(UTC).date().isoformat(), Path(__file__).parent)


if __name__ == "__main__":
    main()
