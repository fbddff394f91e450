"""The exec plugins, which kubectl and Pulumi start for each cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sandbox.clouds.exec_plugins import CLUSTER_OF
from sandbox.machine.errors import SandboxError
from tests.repository import ROOT

KUBELOGIN = ["get-token", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630", "--login", "azurecli"]
SERVER = "https://127.0.0.1:40001"
TOKENS = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions"}


def test_they_need_no_installed_package() -> None:
    command = [sys.executable, "-S", "-c", "import sandbox.clouds.exec_plugins"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def environment_of_a_job(scratch: Path) -> dict[str, str]:
    """The variables that a job has after its sign-in to Azure, by the action's own script."""
    action = yaml.safe_load((ROOT / ".github/actions/sign-in/action.yml").read_text())
    (step,) = [
        step for step in action["runs"]["steps"] if "inputs.cloud == 'azure'" in step.get("if", "") and "run" in step
    ]
    values = {"azure-client-id": "client", "azure-directory": "directory", "account": "subscription"}
    inputs = {key: values[text.removeprefix("${{ inputs.").removesuffix(" }}")] for key, text in step["env"].items()}
    file = scratch / "environment"
    subprocess.run(["bash", "-ec", step["run"]], env={**os.environ, **inputs, "GITHUB_ENV": str(file)}, check=True)
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_a_job_signs_in_to_azure_by_github_s_own_token_and_not_by_a_login_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = {"spec": {"cluster": {"server": SERVER}}}
    for name, value in {"KUBERNETES_EXEC_INFO": json.dumps(cluster), **TOKENS}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SandboxError, match="AADSTS700024"):
        CLUSTER_OF["kubelogin"](KUBELOGIN)
    job = environment_of_a_job(tmp_path)
    assert {name: job[name] for name in job if name.startswith("ARM_")} == {
        "ARM_USE_OIDC": "true",
        "ARM_CLIENT_ID": "client",
        "ARM_TENANT_ID": "directory",
        "ARM_SUBSCRIPTION_ID": "subscription",
    }
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    assert CLUSTER_OF["kubelogin"](KUBELOGIN) == SERVER


def test_a_person_signs_in_to_azure_by_the_command_line_with_the_same_kubeconfig(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", raising=False)
    monkeypatch.delenv("AAD_LOGIN_METHOD", raising=False)
    monkeypatch.setenv("KUBERNETES_EXEC_INFO", json.dumps({"spec": {"cluster": {"server": SERVER}}}))
    assert CLUSTER_OF["kubelogin"](KUBELOGIN) == SERVER


@pytest.mark.parametrize("missing", ["AZURE_CLIENT_ID", *TOKENS])
def test_a_workload_identity_without_client_or_token_is_refused(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AAD_LOGIN_METHOD": "workloadidentity", "AZURE_CLIENT_ID": "client", **TOKENS}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    with pytest.raises(SandboxError, match=r"cannot be empty|is not set"):
        CLUSTER_OF["kubelogin"](KUBELOGIN)
