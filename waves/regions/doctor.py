"""`regions doctor REGION`: checks before `pulumi up` that this machine is fit to build a region."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import fleet
from fleet import keys
from fleet.sizes import AKS_SYSTEM_MACHINE, AKS_SYSTEM_NODES, CPUS
from waves.regions.reachability import UnreachableError, reach

Run = Callable[[list[str]], tuple[int, str]]
"""Runs a command. Returns its exit code and its output: 127 without such a command."""

PULUMI = (3, 200)
"""The oldest Pulumi CLI that runs the program."""
PATIENCE_SECONDS = 30
"""The longest wait for a command."""
SDKS = {"aws": "pulumi-aws", "gcp": "pulumi-gcp", "azure": "pulumi-azure-native"}
"""Cloud to the Python package of its Pulumi provider."""
EXEC_PLUGINS = {
    "aws": ("aws", "docs.aws.amazon.com/cli, version 2"),
    "gcp": ("gke-gcloud-auth-plugin", "`gcloud components install gke-gcloud-auth-plugin`"),
    "azure": ("kubelogin", "`az aks install-cli`"),
}
"""Cloud to the exec plugin of its kubeconfig, and the source of the plugin."""
GCP_FAMILIES = {"n2": "N2_CPUS", "n4": "N4_CPUS", "c4": "C4_CPUS"}
"""Machine families with a quota of their own. The others count as CPUS."""


@dataclass(frozen=True)
class DoctorCheck:
    """One check of the machine. `fit` is None if the check has no result."""

    name: str
    fit: bool | None
    result: str
    remedy: str = ""


def run(command: list[str]) -> tuple[int, str]:
    """Run a command without input, for PATIENCE_SECONDS at most."""
    if shutil.which(command[0]) is None:
        return 127, f"{command[0]} is not on PATH"
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 124, f"`{' '.join(command)}` did not answer within {PATIENCE_SECONDS} s"
    return result.returncode, (result.stdout if result.returncode == 0 else result.stderr or result.stdout).strip()


def examine(
    region: fleet.Region, environment: Mapping[str, str], run: Run, reach: Callable[[str], str] = reach
) -> Iterator[DoctorCheck]:
    """Check all that `pulumi up` of this region needs."""
    yield _engine(run)
    yield _backend(run)
    yield from _plugins(region, run)
    yield _exec_plugin(region, run)
    yield from _keys(region, environment)
    yield from {"aws": _aws, "gcp": _gcp, "azure": _azure}[region.settings.cloud](region, run)
    yield from _api_server(region, run, reach)


def _api_server(region: fleet.Region, run: Run, reach: Callable[[str], str]) -> Iterator[DoctorCheck]:
    """The way to the API server, if there is a cluster already."""
    code, endpoint = run(["pulumi", "stack", "output", "endpoint", "--stack", region.name, "--non-interactive"])
    if code or not endpoint.startswith("https://"):
        return
    try:
        yield DoctorCheck("API server", True, reach(endpoint))
    except UnreachableError as error:
        network = region.settings.management_network
        way = (
            f"the network {network.range} (`regions:management`)" if network else "a range of `regions:apiAllowedCidrs`"
        )
        if region.settings.cloud == "gcp":
            way = "a machine with a way to Google's front end"
        yield DoctorCheck("API server", False, str(error), f"Run this from {way}: docs/operate/access.md")


def _engine(run: Run) -> DoctorCheck:
    code, output = run(["pulumi", "version"])
    match = re.match(r"v?(\d+)\.(\d+)", output)
    required = ".".join(map(str, PULUMI))
    if code or not match:
        return DoctorCheck("pulumi", False, output or "says no version", f"Install the Pulumi CLI, {required} or newer")
    fit = (int(match[1]), int(match[2])) >= PULUMI
    return DoctorCheck("pulumi", fit, output, "" if fit else f"Upgrade the CLI to {required} or newer")


def _backend(run: Run) -> DoctorCheck:
    code, output = run(["pulumi", "whoami", "--json", "--non-interactive"])
    if code:
        return DoctorCheck("state backend", False, _last(output), "`pulumi login BACKEND`, for example s3://BUCKET")
    return DoctorCheck("state backend", True, str(json.loads(output).get("url") or "logged in"))


def _plugins(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    """The providers' plugins, in the SDKs' versions."""
    code, output = run(["pulumi", "plugin", "ls", "--json"])
    installed = {(plugin["name"], plugin.get("version")) for plugin in json.loads(output)} if code == 0 else set()
    for package in (SDKS[region.settings.cloud], "pulumi-kubernetes"):
        name, required = package.removeprefix("pulumi-"), version(package)
        if (name, required) in installed:
            yield DoctorCheck(f"plugin {name}", True, required)
        else:
            yield DoctorCheck(f"plugin {name}", None, f"{required} is not installed: Pulumi downloads it",
                          f"Without internet access: `pulumi plugin install resource {name} v{required} --file …`")  # fmt: skip


def _exec_plugin(region: fleet.Region, run: Run) -> DoctorCheck:
    name, where = EXEC_PLUGINS[region.settings.cloud]
    code, output = run([name, "--version"])
    if code == 127:
        return DoctorCheck(
            f"exec plugin {name}", False, "not on PATH: the cluster's kubeconfig signs in by it", f"Install it: {where}"
        )
    return DoctorCheck(f"exec plugin {name}", True, _last(output))


def _keys(region: fleet.Region, environment: Mapping[str, str]) -> Iterator[DoctorCheck]:
    """The secrets that `up` reads, without their values."""
    missing = keys.missing(region, environment)
    for name, purpose in keys.required(region).items():
        fit = name not in missing
        yield DoctorCheck(
            name, fit, "is set" if fit else f"not set, or not {purpose}", "" if fit else f"Put it into {name}"
        )


def _aws(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    account = region.settings.aws
    assert account is not None, "fleet refuses a region on AWS without `aws` settings"
    code, output = run(["aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"])
    fit = code == 0 and f"::{account.account_id}:assumed-role/{account.deploy_role}/" in output
    role = f"arn:aws:iam::{account.account_id}:role/{account.deploy_role}"
    yield DoctorCheck(
        "credentials", fit, _last(output), "" if fit else f"Sign in as {role}: set AWS_PROFILE to a profile of it"
    )
    production = region.wave.production
    for name, service, quota, demand in (
        ("CPUs of standard machines", "ec2", "L-1216C47A", _cpus(region)),
        ("elastic addresses", "ec2", "L-0263D0A3", 3 if production else 1),
        ("VPCs", "vpc", "L-F678F1CE", 1),
    ):
        code, output = run(
            ["aws", "--region", region.settings.location, "service-quotas", "get-service-quota", "--service-code", service,
             "--quota-code", quota, "--query", "Quota.Value", "--output", "text"]
        )  # fmt: skip
        yield _quota(name, demand, float(output) if code == 0 else None, output, "at most, used ones included")


def _gcp(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    project = region.settings.gcp
    assert project is not None, "fleet refuses a region on Google Cloud without `gcp` settings"
    code, output = run(["gcloud", "auth", "application-default", "print-access-token"])
    finding = "application-default credentials" if code == 0 else _last(output)  # the token stays secret
    yield DoctorCheck("credentials", code == 0, finding, "" if code == 0 else "`gcloud auth application-default login`")
    # The kubeconfig's plugin takes gcloud's own login.
    code, output = run(["gcloud", "config", "get-value", "account"])
    signed_in = code == 0 and "@" in output
    yield DoctorCheck(
        "gcloud's login", signed_in, _last(output), "" if signed_in else "`gcloud auth login --update-adc`"
    )
    place = ["--project", project.project, "--format", "json"]
    code, output = run(["gcloud", "compute", "regions", "describe", region.settings.location, *place])
    quotas = (
        {
            usage_entry["metric"]: usage_entry["limit"] - usage_entry["usage"]
            for usage_entry in json.loads(output)["quotas"]
        }
        if code == 0
        else {}
    )
    families = {pool.machine_type.partition("-")[0] for pool in region.settings.pools.values()}
    for metric in sorted({GCP_FAMILIES.get(family, "CPUS") for family in families}):
        yield _quota(metric, _cpus(region), quotas.get(metric), output if code else f"no quota {metric}", "free")


def _azure(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    account = region.settings.azure
    assert account is not None, "fleet refuses a region on Azure without `azure` settings"
    scope = ["--subscription", account.subscription_id]
    code, output = run(["az", "account", "show", *scope, "--query", "tenantId", "--output", "tsv"])
    fit = code == 0 and output.strip() == account.directory_id
    yield DoctorCheck("credentials", fit, _last(output), "" if fit else f"`az login --tenant {account.directory_id}`")
    code, output = run(["az", "vm", "list-usage", "--location", region.settings.location, *scope, "--output", "json"])
    usage = json.loads(output) if code == 0 else []
    free = {quota["name"]["value"]: float(quota["limit"]) - float(quota["currentValue"]) for quota in usage}
    yield _quota(
        "regional CPUs (cores)", _cpus(region), free.get("cores"), output if code else "no quota `cores`", "free"
    )


def _cpus(region: fleet.Region) -> int | None:
    """The CPUs of all nodes that the region may have. None for an unknown machine type."""
    pools = region.settings.pools.values()
    if any(pool.machine_type not in CPUS for pool in pools):
        return None
    system = AKS_SYSTEM_NODES * CPUS[AKS_SYSTEM_MACHINE] if region.settings.cloud == "azure" else 0
    return system + sum(CPUS[pool.machine_type] * pool.max_nodes for pool in pools)


def _quota(name: str, demand: int | None, supply: float | None, output: str, kind: str) -> DoctorCheck:
    title = f"quota: {name}"
    if demand is None or supply is None:
        finding = "the region's machine types are not in fleet/sizes.py" if demand is None else _last(output)
        return DoctorCheck(title, None, finding, "Look it up in the cloud's console")
    fit = supply >= demand
    return DoctorCheck(
        title, fit, f"{supply:g} {kind}, the region may need {demand}", "" if fit else "Ask the cloud for more"
    )


def _last(output: str) -> str:
    """The last line, in which tools give the reason."""
    return (output.strip().splitlines() or ["no output"])[-1][:200]
