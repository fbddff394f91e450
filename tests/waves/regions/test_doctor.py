"""`regions doctor` finds the problems that would stop an `up` half-way, and shows no secret."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fleet
from sandbox.machine.home import CHECKOUT
from waves.cli.app import app
from waves.regions.doctor import PULUMI, DoctorCheck, examine, run
from waves.regions.reachability import UnreachableError, reach

FLEET = fleet.read(CHECKOUT)
KEY = "-----BEGIN PRIVATE KEY----- secret"
AWS, GCP, AZURE = "prod-aws-us-east-1", "prod-gcp-europe-west4", "prod-azure-westeurope"
ROLE = "arn:aws:sts::333344445555:assumed-role/regions-deploy/doctor"
PLUGINS = [
    {"name": package.removeprefix("pulumi-"), "version": version(package)}
    for package in ("pulumi-aws", "pulumi-gcp", "pulumi-azure-native", "pulumi-kubernetes")
]
FIT = {
    "pulumi version": "v3.250.0",
    "pulumi whoami": json.dumps({"user": "ann", "url": "s3://state"}),
    "pulumi plugin": json.dumps(PLUGINS),
    "pulumi stack": "https://api.example.com",
    "aws --version": "aws-cli/2.31.0",
    "aws sts": ROLE,
    "aws --region": "256.0",
    "gke-gcloud-auth-plugin --version": "Kubernetes v1.30.0",
    "gcloud auth": "ya29.a-token",
    "gcloud config": "ann@example.com",
    "gcloud compute": json.dumps({"quotas": [{"metric": "N2_CPUS", "limit": 500, "usage": 100}]}),
    "kubelogin --version": "v0.2.0",
    "az account": "99999999-aaaa-4bbb-8ccc-000000000000",
    "az vm": json.dumps([{"name": {"value": "cores"}, "limit": 400, "currentValue": 10}]),
}


def checks_by_name(
    region: str,
    instead: dict[str, str | tuple[int, str]] | None = None,
    keys: str = KEY,
    reach: Callable[[str], str] = lambda endpoint: endpoint,
) -> dict[str, DoctorCheck]:
    """Checks by name. `instead` replaces the output of commands, by their first two words."""
    answers = {**FIT, **(instead or {})}

    def answer(command: list[str]) -> tuple[int, str]:
        output = answers[" ".join(command[:2])]
        return output if isinstance(output, tuple) else (0, output)

    environment = {"REGIONS_RECEIPTS_KEY": keys, "REGIONS_CONDUCTOR_KEY": keys, "REGIONS_FLAGS_KEY": keys,
                   "REGIONS_INFLUXDB_SECRET": keys}  # fmt: skip
    return {finding.name: finding for finding in examine(FLEET.regions[region], environment, answer, reach)}


@pytest.mark.parametrize("region", [AWS, GCP, AZURE])
def test_a_machine_that_has_all_is_fit(region: str) -> None:
    findings = checks_by_name(region)
    assert {finding.fit for finding in findings.values()} == {True}
    text = json.dumps([str(finding) for finding in findings.values()])
    assert "PRIVATE KEY" not in text
    assert "ya29" not in text


@pytest.mark.parametrize(
    ("region", "instead", "name", "words"),
    [
        (AWS, {"pulumi version": (127, "pulumi is not on PATH")}, "pulumi", "Install the Pulumi CLI"),
        (AWS, {"pulumi version": "v3.199.9"}, "pulumi", ".".join(map(str, PULUMI))),
        (AWS, {"pulumi whoami": (255, "error: PULUMI_ACCESS_TOKEN must be set")}, "state backend", "pulumi login"),
        (AWS, {"aws --version": (127, "")}, "exec plugin aws", "Install it"),
        (GCP, {"gke-gcloud-auth-plugin --version": (127, "")}, "exec plugin gke-gcloud-auth-plugin", "gcloud components"),
        (AWS, {"aws sts": (254, "AccessDenied")}, "credentials", "regions-deploy"),
        (AWS, {"aws sts": ROLE.replace("333344445555", "111122223333")}, "credentials", "AWS_PROFILE"),
        (AWS, {"aws sts": ROLE.replace("regions-deploy", "regions-preview")}, "credentials", "AWS_PROFILE"),
        (GCP, {"gcloud auth": (1, "no credentials")}, "credentials", "application-default login"),
        (GCP, {"gcloud config": "(unset)"}, "gcloud's login", "gcloud auth login"),
        (AZURE, {"az account": "another-directory"}, "credentials", "az login --tenant"),
        (AWS, {"aws --region": "100.0"}, "quota: CPUs of standard machines", "may need 192"),
        (GCP, {"gcloud compute": json.dumps({"quotas": [{"metric": "N2_CPUS", "limit": 200, "usage": 100}]})},
         "quota: N2_CPUS", "100 free, the region may need 192"),
        (AZURE, {"az vm": json.dumps([{"name": {"value": "cores"}, "limit": 100, "currentValue": 10}])},
         "quota: regional CPUs (cores)", "90 free"),
    ],
)  # fmt: skip
def test_a_failed_check_names_the_remedy(
    region: str, instead: dict[str, str | tuple[int, str]], name: str, words: str
) -> None:
    findings = checks_by_name(region, instead)
    assert findings[name].fit is False
    assert words in f"{findings[name].result} {findings[name].remedy}"


def test_a_key_that_is_missing_is_named_with_its_app() -> None:
    finding = checks_by_name("tools-aws-us-west-2", keys="")["REGIONS_CONDUCTOR_KEY"]
    assert finding.fit is False
    assert "1000002" in finding.result


def test_a_check_without_a_result_is_unknown_and_not_fit() -> None:
    findings = checks_by_name(AWS, {"aws --region": (254, "AccessDenied"), "pulumi plugin": "[]"})
    assert findings["quota: VPCs"].fit is None
    assert findings["plugin aws"].fit is None


def test_a_missing_command_differs_from_a_failed_one(tmp_path: Path) -> None:
    assert run(["no-such-command-of-this-test"])[0] == 127
    code, output = run(["sh", "-c", "echo wrong >&2; exit 3"])
    assert (code, output) == (3, "wrong")
    assert run(["sh", "-c", "echo right"]) == (0, "right")


def test_the_command_ends_with_1_on_an_unfit_machine_and_prints_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # nothing is there
    result = CliRunner().invoke(app, ["--checkout", str(CHECKOUT), "doctor", AWS, "--json"])
    assert result.exit_code == 1
    findings = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert findings["pulumi"]["fit"] is False
    plain = CliRunner().invoke(app, ["--checkout", str(CHECKOUT), "doctor", AWS])
    assert plain.exit_code == 1
    assert "FAIL" in plain.output


def test_a_region_without_a_cluster_has_no_api_server_to_reach() -> None:
    assert "API server" not in checks_by_name(AWS, {"pulumi stack": (255, "error: no stack named that")})


@pytest.mark.parametrize(
    ("region", "words"), [(AWS, "10.255.2.0/24"), (AZURE, "10.255.17.0/24"), (GCP, "Google's front end")]
)
def test_an_api_server_without_a_way_names_the_place_that_has_one(region: str, words: str) -> None:
    def unreachable(endpoint: str) -> str:
        raise UnreachableError("TCP 10.64.3.7:443: timed out")

    finding = checks_by_name(region, reach=unreachable)["API server"]
    assert (finding.fit, finding.result) == (False, "TCP 10.64.3.7:443: timed out")
    assert words in finding.remedy


def test_each_step_of_the_way_is_tried() -> None:
    with pytest.raises(UnreachableError, match=r"name no-such-host\.invalid"):
        reach("https://no-such-host.invalid")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(UnreachableError, match=f"TCP 127.0.0.1:{port}: Connection refused"):
            reach(f"https://127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            connection, _ = plain.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(UnreachableError, match=r"TLS 127\.0\.0\.1"):
            reach(f"https://127.0.0.1:{plain.getsockname()[1]}")
