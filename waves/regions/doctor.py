"""`regions doctor REGION`: whether this machine is fit to build a region, before `pulumi up` finds out half-way."""

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
from fleet.sizes import CPUS

Run = Callable[[list[str]], tuple[int, str]]
"""Runs a command; its exit code, and what it printed. 127 where there is no such command."""

PULUMI = (3, 200)
"""The oldest CLI that the program is run with."""
PATIENCE_SECONDS = 30
SDKS = {"aws": "pulumi-aws", "gcp": "pulumi-gcp", "azure": "pulumi-azure-native"}
EXEC_PLUGINS = {
    "aws": ("aws", "docs.aws.amazon.com/cli, version 2"),
    "gcp": ("gke-gcloud-auth-plugin", "`gcloud components install gke-gcloud-auth-plugin`"),
    "azure": ("kubelogin", "`az aks install-cli`"),
}
GCP_FAMILIES = {"n2": "N2_CPUS", "n4": "N4_CPUS", "c4": "C4_CPUS"}
"""Machine families with a quota of their own; the others count as CPUS."""


@dataclass(frozen=True)
class DoctorCheck:
    """One thing that was looked at. `fit` is None where it cannot be told."""

    name: str
    fit: bool | None
    what: str
    remedy: str = ""


def run(command: list[str]) -> tuple[int, str]:
    """Run a command without questions, and wait for it a while."""
    if shutil.which(command[0]) is None:
        return 127, f"{command[0]} is not on PATH"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 124, f"`{' '.join(command)}` did not answer within {PATIENCE_SECONDS} s"
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr or done.stdout).strip()


def examine(region: fleet.Region, environment: Mapping[str, str], run: Run) -> Iterator[DoctorCheck]:
    """Look at everything that an `up` of this region needs."""
    yield _engine(run)
    yield _backend(run)
    yield from _plugins(region, run)
    yield _exec_plugin(region, run)
    yield from _keys(region, environment)
    yield from {"aws": _aws, "gcp": _gcp, "azure": _azure}[region.settings.cloud](region, run)


def _engine(run: Run) -> DoctorCheck:
    code, said = run(["pulumi", "version"])
    found = re.match(r"v?(\d+)\.(\d+)", said)
    wanted = ".".join(map(str, PULUMI))
    if code or not found:
        return DoctorCheck("pulumi", False, said or "says no version", f"Install the Pulumi CLI, {wanted} or newer")
    fit = (int(found[1]), int(found[2])) >= PULUMI
    return DoctorCheck("pulumi", fit, said, "" if fit else f"Upgrade the CLI to {wanted} or newer")


def _backend(run: Run) -> DoctorCheck:
    code, said = run(["pulumi", "whoami", "--json", "--non-interactive"])
    if code:
        return DoctorCheck("state backend", False, _last(said), "`pulumi login BACKEND`, for example s3://BUCKET")
    return DoctorCheck("state backend", True, str(json.loads(said).get("url") or "logged in"))


def _plugins(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    """The providers' plugins, of the very versions of the SDKs."""
    code, said = run(["pulumi", "plugin", "ls", "--json"])
    there = {(each["name"], each.get("version")) for each in json.loads(said)} if code == 0 else set()
    for package in (SDKS[region.settings.cloud], "pulumi-kubernetes"):
        name, wanted = package.removeprefix("pulumi-"), version(package)
        if (name, wanted) in there:
            yield DoctorCheck(f"plugin {name}", True, wanted)
        else:
            yield DoctorCheck(f"plugin {name}", None, f"{wanted} is not here; Pulumi fetches it when it can",
                          f"Without a way out: `pulumi plugin install resource {name} v{wanted} --file …`")  # fmt: skip


def _exec_plugin(region: fleet.Region, run: Run) -> DoctorCheck:
    name, where = EXEC_PLUGINS[region.settings.cloud]
    code, said = run([name, "--version"])
    if code == 127:
        return DoctorCheck(
            f"exec plugin {name}", False, "not on PATH: the cluster's kubeconfig signs in by it", f"Install it: {where}"
        )
    return DoctorCheck(f"exec plugin {name}", True, _last(said))


def _keys(region: fleet.Region, environment: Mapping[str, str]) -> Iterator[DoctorCheck]:
    """The secrets that `up` reads; never shown."""
    missing = keys.missing(region, environment)
    for name, what in keys.wanted(region).items():
        fit = name not in missing
        yield DoctorCheck(
            name, fit, "is set" if fit else f"not set, or not {what}", "" if fit else f"Put it into {name}"
        )


def _aws(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    account = region.settings.aws
    assert account is not None, "fleet refuses a region on AWS without `aws` settings"
    code, said = run(["aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"])
    fit = code == 0 and f"::{account.account_id}:assumed-role/{account.deploy_role}/" in said
    role = f"arn:aws:iam::{account.account_id}:role/{account.deploy_role}"
    yield DoctorCheck(
        "credentials", fit, _last(said), "" if fit else f"Sign in as {role}: set AWS_PROFILE to a profile of it"
    )
    production = region.wave.production
    for name, service, quota, needed in (
        ("CPUs of standard machines", "ec2", "L-1216C47A", _cpus(region)),
        ("elastic addresses", "ec2", "L-0263D0A3", 3 if production else 1),
        ("VPCs", "vpc", "L-F678F1CE", 1),
    ):
        code, said = run(
            ["aws", "--region", region.settings.location, "service-quotas", "get-service-quota", "--service-code", service,
             "--quota-code", quota, "--query", "Quota.Value", "--output", "text"]
        )  # fmt: skip
        yield _quota(name, needed, float(said) if code == 0 else None, said, "at most, used ones included")


def _gcp(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    project = region.settings.gcp
    assert project is not None, "fleet refuses a region on Google Cloud without `gcp` settings"
    code, said = run(["gcloud", "auth", "application-default", "print-access-token"])
    what = "application-default credentials" if code == 0 else _last(said)  # the token itself is nobody's business
    yield DoctorCheck("credentials", code == 0, what, "" if code == 0 else "`gcloud auth application-default login`")
    place = ["--project", project.project, "--format", "json"]
    code, said = run(["gcloud", "compute", "regions", "describe", region.settings.location, *place])
    quotas = {each["metric"]: each["limit"] - each["usage"] for each in json.loads(said)["quotas"]} if code == 0 else {}
    families = {pool.machine_type.partition("-")[0] for pool in region.settings.pools.values()}
    for metric in sorted({GCP_FAMILIES.get(family, "CPUS") for family in families}):
        yield _quota(metric, _cpus(region), quotas.get(metric), said if code else f"no quota {metric}", "free")


def _azure(region: fleet.Region, run: Run) -> Iterator[DoctorCheck]:
    account = region.settings.azure
    assert account is not None, "fleet refuses a region on Azure without `azure` settings"
    scope = ["--subscription", account.subscription_id]
    code, said = run(["az", "account", "show", *scope, "--query", "tenantId", "--output", "tsv"])
    fit = code == 0 and said.strip() == account.directory_id
    yield DoctorCheck("credentials", fit, _last(said), "" if fit else f"`az login --tenant {account.directory_id}`")
    code, said = run(["az", "vm", "list-usage", "--location", region.settings.location, *scope, "--output", "json"])
    usage = json.loads(said) if code == 0 else []
    free = {each["name"]["value"]: float(each["limit"]) - float(each["currentValue"]) for each in usage}
    yield _quota(
        "regional CPUs (cores)", _cpus(region), free.get("cores"), said if code else "no quota `cores`", "free"
    )


def _cpus(region: fleet.Region) -> int | None:
    """The CPUs of all nodes that the region may have; None where a machine type is not known."""
    pools = region.settings.pools.values()
    if any(pool.machine_type not in CPUS for pool in pools):
        return None
    return sum(CPUS[pool.machine_type] * pool.max_nodes for pool in pools)


def _quota(name: str, needed: int | None, there: float | None, said: str, kind: str) -> DoctorCheck:
    title = f"quota: {name}"
    if needed is None or there is None:
        what = "the region's machine types are not in fleet/sizes.py" if needed is None else _last(said)
        return DoctorCheck(title, None, what, "Look it up in the cloud's console")
    fit = there >= needed
    return DoctorCheck(
        title, fit, f"{there:g} {kind}, the region may need {needed}", "" if fit else "Ask the cloud for more"
    )


def _last(said: str) -> str:
    """The last line, where tools say what is wrong."""
    return (said.strip().splitlines() or ["nothing was said"])[-1][:200]
