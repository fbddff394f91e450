"""A change is previewed in each region that it can alter, and in few others."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fleet
from fleet.console import main
from tests.repository import ROOT
from tests.waves.review.copies import copy_checkout
from waves.cli.app import app
from waves.review import program_files

CLOUDS = {name: region.settings.cloud for name, region in fleet.read(ROOT).regions.items()}
EVERY = set(CLOUDS)
ORIGIN = "https://git.example.com/platform/regions.git"


def of(*clouds: str) -> set[str]:
    """The regions in some clouds."""
    return {name for name, cloud in CLOUDS.items() if cloud in clouds}


@dataclass
class FleetRepository:
    """A git repository with this checkout's files, all in one commit on main."""

    root: Path

    def git(self, *arguments: str) -> str:
        """Run git in it."""
        command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", *arguments]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True).stdout.strip()

    def write(self, path: str, text: str | None) -> None:
        """Put a text into a file, or take the file away."""
        if text is None:
            (self.root / path).unlink()
        else:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def add(self, path: str, text: str) -> None:
        """Add a text at the end of a file."""
        self.write(path, (self.root / path).read_text() + text)

    def run(self, *arguments: str) -> dict[str, Any]:
        """The output of `regions affected`, as JSON."""
        command = ["--checkout", str(self.root), "affected", *arguments, "--json"]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        output: dict[str, Any] = json.loads(result.stdout)
        return output

    def named(self) -> set[str]:
        """The regions that the files as they are affect."""
        return {str(region["region"]) for region in self.run("--base", "main")["regions"]}


def make_repository(root: Path) -> FleetRepository:
    """A new repository."""
    root.mkdir()
    copy_checkout(root)
    repository = FleetRepository(root)
    repository.git("init", "--quiet", "--initial-branch=main")
    repository.git("remote", "add", "origin", ORIGIN)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "All")
    return repository


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> FleetRepository:
    """One for all tests of the module."""
    return make_repository(tmp_path_factory.mktemp("affected") / "repository")


@pytest.fixture
def repository(shared: FleetRepository) -> Iterator[FleetRepository]:
    """The same repository, which is reset after each test."""
    yield shared
    shared.git("checkout", "--quiet", "--force", "main")
    shared.git("clean", "--quiet", "-xdf")


AWS, ACME = "stacks/Pulumi.staging-aws-eu-west-1.yaml", "stacks/Pulumi.acme-gcp-europe-west4.yaml"


@pytest.mark.parametrize(
    ("path", "more", "named"),
    [
        ("README.md", "More.\n", set()),
        ("docs/operate/ci.md", "More.\n", set()),
        ("gitops/apps/front/main.jsonnet", "// More.\n", set()),
        ("gitops/pins/front.json", " \n", set()),
        ("tests/waves/regions/test_update.py", "# More.\n", set()),
        ("sandbox/demo/bring_up.py", "# More.\n", set()),
        ("bench/baseline_program.py", "# More.\n", set()),
        ("waves/rollout/planner.py", "# More.\n", set()),
        ("requirements-dev.txt", "more==1.0\n", set()),
        ("stacks/stack.schema.json", "\n", set()),
        ("components/aws/cluster.py", "# More.\n", of("aws")),
        ("components/aws/iam.py", "# More.\n", of("aws")),
        ("components/azure/cluster.py", "def broken(:\n", of("azure")),
        ("components/azure/backup.py", "# More.\n", of("azure")),
        ("components/gcp/network.py", "# More.\n", of("gcp")),
        ("components/shared/subnets.py", "# More.\n", of("aws", "azure", "gcp")),
        ("components/region.py", "# More.\n", EVERY),
        ("components/upstream/pins.json", "\n", EVERY),
        ("components/upstream/argo-cd/namespace-install.yaml", "\n", EVERY),
        ("fleet/tags.py", "# More.\n", EVERY),
        ("policy/catalogue.py", "# More.\n", EVERY),
        ("policy/PulumiPolicy.yaml", "# More.\n", EVERY),
        ("__main__.py", "# More.\n", EVERY),
        ("requirements.txt", "more==1.0\n", EVERY),
        (AWS, "  # More.\n", set()),
        (AWS, "  regions:suspended: false\n", set()),
        (AWS, "  regions:suspended: true\n", {"staging-aws-eu-west-1"}),
        (AWS, "  regions:aslep: true\n", {"staging-aws-eu-west-1"}),
        (AWS, "encryptionsalt: v1:abc\n", {"staging-aws-eu-west-1"}),
        (AWS, "  pulumi:disable-default-providers: [aws]\n", {"staging-aws-eu-west-1"}),
        (AWS, "  regions:clusterAccess: {admins: ['arn:aws:iam::111122223333:role/sre']}\n", {"staging-aws-eu-west-1"}),
        ("Pulumi.yaml", "# More.\n", set()),
        ("Pulumi.yaml", "  regions:pollInterval:\n    default: 5s\n", EVERY),
        ("Pulumi.yaml", "  regions:suspended:\n    default: false\n", set()),
        ("Pulumi.yaml", "  pulumi:tags:\n    value: {a: b}\n", EVERY),
        ("waves.yaml", "    soak: 1m\n", {name for name in EVERY if name.startswith(("prod", "acme"))}),
        ("policy/residency.yaml", 'globex: ["aws:*"]\n', set()),
    ],
)
def test_a_change_affects_the_regions_that_read_the_changed_file(
    repository: FleetRepository, path: str, more: str, named: set[str]
) -> None:
    repository.add(path, more)
    assert repository.named() == named


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("json.py", "", EVERY),
        ("components/new.py", "", EVERY),
        ("components/aws/new.py", "", of("aws")),
        ("pulumi_aws/__init__.py", "", EVERY),
        ("sandbox/new.py", "", set()),
        ("components/aws/__init__.py", "", of("aws")),
        ("Pulumi.yml", "", EVERY),
        ("stacks/Pulumi.prod-aws-us-east-1.json", "{}", {"prod-aws-us-east-1"}),
        (".gitattributes", "* text\n", EVERY),
        ("docs/new.md", "", set()),
        ("components/aws/iam.py", None, of("aws")),
        ("components/upstream/argo-cd/crds/appproject-crd.yaml", None, EVERY),
        ("gitops/apps/front/main.jsonnet", None, EVERY),
    ],
)
def test_a_new_or_removed_file_counts_in_the_regions_that_read_it(
    repository: FleetRepository, path: str, text: str | None, named: set[str]
) -> None:
    repository.write(path, text)
    assert repository.named() == named


def test_a_module_of_a_new_folder_counts_in_every_region(repository: FleetRepository) -> None:
    repository.write("common/__init__.py", "")
    repository.write("common/sizes.py", "X = 1\n")
    assert repository.named() == EVERY, "it may stand before an installed package of that name"


def test_where_pulumi_runs_another_program_every_change_touches_all(repository: FleetRepository) -> None:
    old = repository.git("rev-parse", "HEAD")
    repository.add("Pulumi.yaml", "plugins:\n  providers: []\n")
    repository.git("commit", "--quiet", "--all", "-m", "Load a plugin of the repository")
    repository.add("README.md", "More.\n")
    assert {region["region"] for region in repository.run("--base", "HEAD")["regions"]} == EVERY
    repository.git("reset", "--quiet", "--hard", old)


@pytest.mark.parametrize(
    ("path", "more", "linter"),
    [
        ("components/gcp/cluster.py", "import runpy\n\nrunpy.run_module('components.aws.cluster')\n", "ruff"),
        ("components/argo/install.py", "import importlib\n\nimportlib.import_module('components.aws')\n", "ruff"),
        ("policy/rules.py", "exec('import components.aws.cluster')\n", "ruff"),
        ("fleet/tags.py", "eval('1')\n", "ruff"),
        ("components/gcp/cluster.py", "from components.aws import iam\n", "imports"),
        ("components/shared/subnets.py", "from components.aws import iam\n", "imports"),
        ("components/region.py", "from components.aws import iam\n", "imports"),
        ("policy/rules.py", "from components.aws import iam\n", "imports"),
        ("components/aws/iam.py", "from waves.scm import git\n", "imports"),
    ],
)
def test_the_linter_refuses_an_import_that_the_rule_on_paths_does_not_know(
    repository: FleetRepository, path: str, more: str, linter: str
) -> None:
    repository.add(path, more)
    folder = Path(sys.executable).parent
    command = {
        "ruff": [str(folder / "ruff"), "check", "--no-cache", "--select", "TID251,S102,S307", path],
        "imports": [str(folder / "lint-imports"), "--no-cache"],
    }[linter]
    result = subprocess.run(command, cwd=repository.root, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stdout + result.stderr


def test_files_with_other_code_that_reads_settings_than_is_running_are_not_judged_by_it(
    repository: FleetRepository,
) -> None:
    old = repository.git("rev-parse", "HEAD")
    repository.add("fleet/checks.py", "# Another rule.\n")
    repository.git("commit", "--quiet", "--all", "-m", "Change how settings are read")
    repository.add(AWS, "  # More.\n")
    assert {region["region"] for region in repository.run("--base", "HEAD")["regions"]} == EVERY
    repository.git("reset", "--quiet", "--hard", old)


def test_a_file_that_is_no_text_stops_every_region(repository: FleetRepository) -> None:
    (repository.root / "gitops/apps/front/main.jsonnet").write_bytes(b"\xff\n")
    assert repository.named() == EVERY


def test_a_link_may_lead_anywhere(repository: FleetRepository) -> None:
    (repository.root / "components/aws/iam.py").rename(repository.root / "docs/roles.py")
    (repository.root / "components/aws/iam.py").symlink_to("../docs/roles.py")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "Link")
    repository.add("docs/roles.py", "# More.\n")
    assert {region["region"] for region in repository.run("--base", "HEAD")["regions"]} == EVERY
    repository.git("reset", "--quiet", "--hard", "HEAD~1")


def test_residency_touches_the_tenant_whose_it_is(repository: FleetRepository) -> None:
    path = repository.root / "policy/residency.yaml"
    path.write_text(path.read_text() + 'globex: ["gcp:*"]\n')
    assert repository.named() == set()
    path.write_text(
        "\n".join(line + " # more" for line in path.read_text().splitlines()).replace("acme: [", 'acme: ["aws:*", ')
    )
    assert repository.named() == {"acme-gcp-europe-west4"}


def test_new_and_removed_regions_are_told_apart_and_the_order_is_the_waves(repository: FleetRepository) -> None:
    text = (repository.root / AWS).read_text()
    repository.write(
        "stacks/Pulumi.staging-aws-eu-north-1.yaml", text.replace("10.16.", "10.99.").replace("eu-west", "eu-north")
    )
    repository.write(ACME, None)
    repository.add("components/aws/cluster.py", "# More.\n")
    result_data = repository.run("--base", "main")
    assert result_data["removed"] == ["acme-gcp-europe-west4"]
    assert result_data["regions"][0] == {
        "region": "staging-aws-eu-north-1", "wave": "staging", "cloud": "aws", "reasons": ["new region"]
    }  # fmt: skip
    assert [region["wave"] for region in result_data["regions"]] == ["staging", "staging", "internal", "external"]
    assert result_data["regions"][1]["reasons"] == ["components/aws/cluster.py"]


def test_only_the_changes_own_files_count_and_not_those_of_concurrent_commits(
    repository: FleetRepository, capfd: pytest.CaptureFixture[str]
) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.add("components/gcp/cluster.py", "# More.\n")
    repository.git("commit", "--quiet", "--all", "-m", "Others")
    repository.git("checkout", "--quiet", "-b", "change", base)
    repository.add("components/azure/cluster.py", "# More.\n")
    repository.git("commit", "--quiet", "--all", "-m", "Mine")
    repository.add("components/aws/cluster.py", "# More.\n")
    assert {region["region"] for region in repository.run("--base", "main", "HEAD")["regions"]} == of("azure")
    assert repository.named() == of("azure", "aws"), "without a commit it is the files as they are"
    assert repository.git("diff", "--cached", "--name-only") == "", "the index is the person's own"
    here = ["--checkout", str(repository.root), "affected", "--base"]
    result = CliRunner().invoke(app, [*here, "change", "change"])
    assert (result.exit_code, result.stdout) == (0, "no region\n")
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.git("commit", "--quiet", "--all", "-m", "Of another history")
    for words, text in ((["nothing"], "nothing is no commit"), (["main"], "main and HEAD have no commit in common")):
        assert main(lambda words=words: app([*here, *words], standalone_mode=False)) == 1  # type: ignore[misc]
        assert text in capfd.readouterr().err
    repository.git("checkout", "--quiet", "--force", "main")
    repository.git("reset", "--quiet", "--hard", base)
    repository.git("branch", "--quiet", "-D", "change")


@pytest.mark.parametrize("file", ["__main__.py", "policy/__main__.py"])
def test_the_programs_first_files_import_no_clouds_package_and_no_folder_apart(file: str) -> None:
    """import-linter reads packages, and these files are in none, or run as a script."""
    statements = [
        node for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    modules = {
        name
        for node in statements
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    own = {name for name in modules if (ROOT / name.partition(".")[0]).exists()}
    assert {"fleet"} <= own
    assert {name.partition(".")[0] for name in own} <= set(program_files.PROGRAM)
    assert not [name for name in own if name.split(".")[:2] in (["components", cloud] for cloud in program_files.ALL)]
