"""CI's workflows against the sandbox's git host and simulated clouds: previews of pull requests, and drift."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import lifecycle
from sandbox.demo import regions
from sandbox.environment import variables
from sandbox.githost import repository
from sandbox.githost.repository import REPOSITORY
from sandbox.machine.home import CHECKOUT, Home
from tests.engine.workflows import Workflow
from waves.review.comment import MARK
from waves.rollout.model import StatusState
from waves.scm.connect import app_token, open_receipts

UP = "prod-gcp-europe-west4"
"""The region that exists, with its protected resources. The other regions do not exist yet."""
LABEL = {f"stacks/Pulumi.{UP}.yaml": ("regions:size: large", "regions:size: large\n  regions:tags: {team: storage}")}
"""A harmless change of that region alone."""
GCP = {"staging-gcp-us-central1", "acme-gcp-europe-west4", UP}


class Developer:
    """A developer with a clone, who opens pull requests."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.folder = home, folder
        repository.check_out(home, folder, "origin/main")
        (folder / ".venv").symlink_to(CHECKOUT / ".venv")
        for key, value in (("user.name", "Ann"), ("user.email", "ann@example.com")):
            repository.git("config", key, value, cwd=folder)

    def change(self, branch: str, edits: dict[str, tuple[str, str]]) -> None:
        """Commit edits on a branch, and push it. A new branch begins at main."""
        exists = branch in repository.heads(self.home)
        repository.git(
            "checkout", "--quiet", "--force", *([branch] if exists else ["-B", branch, "origin/main"]), cwd=self.folder
        )
        for file, (before, after) in edits.items():
            text = (self.folder / file).read_text()
            assert before in text, f"{before} is not in {file}"
            (self.folder / file).write_text(text.replace(before, after))
        repository.git("commit", "--quiet", "--all", "-m", "A change", cwd=self.folder)
        repository.git("push", "--quiet", "origin", branch, cwd=self.folder)

    def api(self, method: str, path: str, **body: Any) -> Any:
        """Call the git host's API."""
        url = f"{repository.environment(self.home, self.folder)['GITHUB_API_URL']}/repos/{REPOSITORY}{path}"
        headers = {"Authorization": f"Bearer {repository.token(self.home)}"}
        answer = httpx.request(method, url, json=body or None, headers=headers, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def pull(self, branch: str) -> int:
        """Open a pull request."""
        number: int = self.api("POST", "/pulls", head=branch, base="main", title="A change")["number"]
        return number

    def comments(self, number: int) -> list[str]:
        """The comments on a pull request."""
        return [comment["body"] for comment in self.api("GET", f"/issues/{number}/comments")]

    def environment(self, *without: str) -> dict[str, str]:
        """The environment of a pull request's job, which has no keys."""
        env = variables(self.home, self.folder) | {"GITHUB_TOKEN": repository.job_token(self.home)}
        return {key: value for key, value in env.items() if not key.startswith("REGIONS_") and key not in without}

    def workflow(self, name: str, scratch: Path, number: int = 0, env: dict[str, str] | None = None) -> Workflow:
        """A workflow at the commit that is checked out."""
        shutil.rmtree(self.folder / "build", ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "artifacts").mkdir(parents=True)
        github = {"base_ref": "main", "ref_name": f"region/{UP}", "event.pull_request.number": str(number)}
        secrets = {
            name: value for name, value in variables(self.home, self.folder).items() if name.startswith("REGIONS_")
        }
        expressions = {f"secrets.{name}": value for name, value in secrets.items()}
        return Workflow(self.folder, name, env or self.environment(), github, expressions, scratch)


@pytest.fixture(scope="module")
def developer(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Developer:
    """The region is up, from main."""
    lifecycle.publish(home, CHECKOUT, [UP])
    lifecycle.initialise_stacks(home, [UP])
    checkout = lifecycle.clone(home)
    regions.up(home, checkout, UP)
    return Developer(home, tmp_path_factory.mktemp("ann") / "regions")


def run_preview(workflow: Workflow) -> tuple[set[str], list[int], int]:
    """Run the workflow without its tests. Returns the regions with previews, the jobs' exit codes, and the verdict's."""
    assert workflow.run("affected") == 0, workflow.log
    matrix = workflow.matrix("preview")
    codes = [workflow.run("preview", job, index) for index, job in enumerate(matrix)]
    return {name for job in matrix for name in job["regions"].split()}, codes, workflow.run("verdict")


def test_a_change_to_one_cloud_gives_one_comment_with_its_regions_and_a_second_push_edits_it(
    developer: Developer, tmp_path: Path
) -> None:
    harmless = {"components/gcp/cluster.py": ('"APISERVER", ', '"APISERVER", "KCP_SSHD", ')}
    developer.change("logs", harmless)
    number = developer.pull("logs")
    spoof = f"{MARK}\n## Preview: nothing to see here"
    developer.api("POST", f"/issues/{number}/comments", body=spoof)
    workflow = developer.workflow("preview", tmp_path / "first", number)
    names, codes, state = run_preview(workflow)
    assert (names, set(codes), state) == (GCP, {0}, 0), workflow.log
    own, comment = developer.comments(number)
    assert own == spoof
    assert comment.startswith(MARK)
    assert workflow.summary.strip() == comment.strip()
    rows = {
        name: row for row in comment.splitlines() if row.startswith("| ") for name in re.findall(r"`([a-z0-9-]+)`", row)
    }
    assert rows.keys() == names
    create, update, replace, delete = (cell.strip() for cell in rows[UP].split("|")[3:7])
    assert (create, bool(update), replace, delete) == ("", True, "", "")
    assert "new" in rows["staging-gcp-us-central1"]
    assert "loggingConfig.enableComponents" in comment

    developer.change("logs", {"README.md": ("# regions", "# Regions")})
    developer.change(
        "logs",
        {
            "components/gcp/cluster.py": ('"KCP_SSHD", ', ""),
            "gitops/apps/front/main.jsonnet": ("replicas: 2", "replicas: 3"),
        },
    )
    workflow = developer.workflow("preview", tmp_path / "second", number)
    assert workflow.run("affected") == 0
    assert workflow.matrix("preview") == []
    assert workflow.run("verdict") == 0
    _, comment = developer.comments(number)
    assert "no region's infrastructure" in comment
    assert "### Changed objects" in comment


def test_a_change_that_would_replace_a_protected_cluster_blocks(developer: Developer, tmp_path: Path) -> None:
    developer.change("move", {f"stacks/Pulumi.{UP}.yaml": ("europe-west4", "europe-west1")})
    number = developer.pull("move")
    workflow = developer.workflow("preview", tmp_path / "scratch", number)
    names, codes, state = run_preview(workflow)
    assert (names, codes, state) == ({UP}, [1], 1)
    (comment,) = developer.comments(number)
    headline = comment.partition("| wave |")[0]
    assert "**blocked**" in headline
    assert "[!CAUTION]" in headline
    assert "container/cluster:Cluster" in headline or "protect" in headline


def test_a_forks_pull_request_has_no_previews_and_that_blocks_it(developer: Developer, tmp_path: Path) -> None:
    developer.change("fork", {"components/gcp/cluster.py": ('"APISERVER", ', '"APISERVER", "KCP_SSHD", ')})
    number = developer.pull("fork")
    (app,) = [app for app in repository.apps() if app.slug == "regions-receipts"]
    api = repository.environment(developer.home, developer.folder)["GITHUB_API_URL"]
    key = repository.environment(developer.home, developer.folder)[app.variable]
    token = app_token((app.id, app.installation, key), api)
    env = developer.environment("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE") | {"GITHUB_TOKEN": token}
    workflow = developer.workflow("preview", tmp_path / "scratch", number, env)
    assert workflow.run("affected") == 0, workflow.log
    assert workflow.run("verdict") == 1
    assert "A pull request of a fork gets no credentials" in workflow.summary
    assert "`pull-requests: write`" in workflow.log
    assert developer.comments(number) == []


def test_a_preview_without_credentials_fails_and_says_why(developer: Developer, tmp_path: Path) -> None:
    developer.change("closed", LABEL)
    env = developer.environment("PULUMI_CONFIG_PASSPHRASE_FILE")
    workflow = developer.workflow("preview", tmp_path / "scratch", developer.pull("closed"), env)
    _, codes, state = run_preview(workflow)
    assert state == 1
    assert 1 in codes
    assert f"`{UP}`** cannot be previewed" in workflow.summary
    assert "passphrase" in workflow.summary


def test_no_secret_gets_into_a_comment(developer: Developer, tmp_path: Path) -> None:
    """A test secret is in a Secret of the region, and in the environment. The program's error has its text."""
    planted = "hunter2-hunter2-hunter2"
    env = developer.environment() | {
        "REGIONS_RECEIPTS_KEY": f"-----BEGIN PRIVATE KEY-----\n{planted}\n-----END PRIVATE KEY-----"
    }
    env |= {"REGIONS_INFLUXDB_SECRET": planted * 2}
    developer.change("secret", LABEL)
    number = developer.pull("secret")
    run_preview(developer.workflow("preview", tmp_path / "scratch", number, env))
    (comment,) = developer.comments(number)
    assert "data.password: [secret] -> [secret]" in comment
    assert planted not in comment

    lines = '        import os\n        raise ValueError(os.environ["REGIONS_RECEIPTS_KEY"])\n'
    developer.change(
        "secret",
        {
            "components/gcp/cluster.py": (
                '        super().__init__("regions:gcp:Cluster"',
                lines + '        super().__init__("regions:gcp:Cluster"',
            )
        },
    )
    workflow = developer.workflow("preview", tmp_path / "scratch", number, env)
    _, _, state = run_preview(workflow)
    (comment,) = developer.comments(number)
    assert state == 1
    assert "[secret]" in comment
    assert planted not in comment + workflow.log


def test_a_push_to_a_regions_branch_updates_it_once_and_leaves_a_receipt(developer: Developer, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "--force", "--detach", f"origin/region/{UP}", cwd=developer.folder)
    commit = repository.git("rev-parse", "HEAD", cwd=developer.folder)

    def run() -> dict[str, Any]:
        workflow = developer.workflow("region", tmp_path / "scratch")
        assert workflow.run("identity") == 0, workflow.log
        (job,) = workflow.matrix("up")
        assert (job["regions"], job["environment"], job["suffix"]) == (UP, "external", "")
        assert workflow.run("up", job) == 0, workflow.log
        last: dict[str, Any] = developer.api("GET", f"/commits/{commit}/statuses")[0]
        return last

    first, second = run(), run()
    assert (first["context"], first["state"]) == (f"region/{UP}/infra", "success")
    assert first["description"] == "pulumi up went through"
    assert second["description"].startswith("nothing that infrastructure depends on changed")


def test_drift_opens_one_issue_and_closes_it_when_it_is_gone(developer: Developer, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "--force", "--detach", "origin/main", cwd=developer.folder)
    cm = ("configmap", "argocd-cm", "-n", "argocd")

    def night(code: int, count: int) -> list[Any]:
        workflow = developer.workflow("drift", tmp_path / "scratch")
        assert workflow.run("regions") == 0, workflow.log
        (job,) = [entry for entry in workflow.matrix("drift") if UP in entry["regions"].split()]
        assert workflow.run("drift", {**job, "regions": UP}) == code, workflow.log
        issues = developer.api("GET", "/issues?labels=drift")
        assert len(issues) == count
        return list(issues)

    night(0, 0)
    regions.kubectl(developer.home, UP, "patch", *cm, "--type=merge", "-p", '{"data": {"admin.enabled": "true"}}')
    commit, context = repository.heads(developer.home)[f"region/{UP}"], f"region/{UP}/infra"
    developer.api("POST", f"/statuses/{commit}", context=context, state="pending", description="an untrusted receipt")
    (first,) = night(1, 1)
    assert first["title"] == f"Drift: {UP}"
    assert 'data["admin.enabled"]: false -> true' in first["body"]
    regions.kubectl(
        developer.home, UP, "patch", *cm, "--type=merge", "-p", '{"data": {"users.anonymous.enabled": "true"}}'
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(developer.home, developer.folder).items():
            patch.setenv(name, value)
        receipts = open_receipts(developer.folder, "origin", None, UP)
    receipts.post(commit, context, StatusState.PENDING, "pulumi up runs")
    assert night(0, 1)[0]["body"] == first["body"]
    receipts.post(commit, context, StatusState.SUCCESS, "pulumi up went through")
    (second,) = night(1, 1)
    assert second["number"] == first["number"]
    assert "users.anonymous" in second["body"]
    regions.kubectl(developer.home, UP, "patch", *cm, "--type=merge", "-p",
                    '{"data": {"admin.enabled": "false", "users.anonymous.enabled": "false"}}')  # fmt: skip
    night(0, 0)
