"""bootstrap/ on Pulumi's engine, with the simulated clouds and the simulated GitHub: a first run, a second, a new customer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.clouds import management
from sandbox.clouds.core.store import Row, open_store
from sandbox.demo import regions
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home
from tests.bootstrap.fleets import MORE
from tests.bootstrap.recording import shipped
from tests.repository import ROOT
from tests.waves.review.copies import Copy

CUSTOMER = "stacks/Pulumi.globex-aws-eu-west-1.yaml"
PROTECTED = {"aws:s3/bucket:Bucket", "aws:kms/key:Key"}


class Administrator:
    """An administrator with a checkout."""

    def __init__(self, home: Home, root: Path) -> None:
        self._home = home
        self._others = {row.uid for row in _rows()}
        self.copy = Copy(root)

    def pulumi(self, *arguments: str) -> str:
        """Run `pulumi` in bootstrap/."""
        return regions.pulumi(self._home, self.copy.root / "bootstrap", *arguments, "-s", "org")

    def steps(self) -> dict[str, list[str]]:
        """The plan of `pulumi up`: operation to names."""
        names: dict[str, list[str]] = {}
        for step in json.loads(self.pulumi("preview", "--json"))["steps"]:
            names.setdefault(step["op"], []).append(step["urn"].rpartition("::")[2])
        return names

    def rows(self) -> list[Row]:
        """The administrator's resources in the clouds and on GitHub."""
        return [row for row in _rows() if row.uid not in self._others]


def _rows() -> list[Row]:
    with open_store().reading() as tx:
        return tx.all()


@pytest.fixture(scope="module")
def administrator(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administrator]:
    """Creates all of it, and deletes it in the end. The sandbox's own management networks are the ones that bootstrap/ makes."""
    with open_store().transaction() as tx:
        for row in filter(management.is_prepared, tx.all()):
            tx.delete(row.uid)
    person = Administrator(home, tmp_path_factory.mktemp("administrator") / "regions")
    person.pulumi("stack", "init", "--no-select")
    person.pulumi("up", "--yes", "--skip-preview")
    yield person
    person.pulumi("state", "unprotect", "--all", "--yes")
    person.pulumi("destroy", "--yes", "--skip-preview", "--remove")
    assert person.rows() == []


def kinds(resources: list[Any]) -> Counter[str]:
    """The number of resources of each type."""
    return Counter(resource.type for resource in resources)


def test_all_that_is_registered_is_made_each_by_its_own_accounts_provider(administrator: Administrator) -> None:
    registered = [r for r in shipped().resources if not r.type.startswith(("pulumi:", "bootstrap:"))]
    assert kinds(administrator.rows()) == kinds(registered)
    accounts = {
        row.account for row in administrator.rows() if row.type == "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    }
    assert accounts == {role.account for role in shipped().plan.roles}


def test_a_second_run_changes_nothing(administrator: Administrator) -> None:
    assert administrator.steps().keys() == {"same"}
    administrator.pulumi("refresh", "--preview-only", "--expect-no-changes")


def test_a_customer_more_replaces_and_deletes_nothing(administrator: Administrator) -> None:
    residency = ROOT / "policy" / "residency.yaml"
    more = {
        administrator.copy.root / CUSTOMER: MORE[CUSTOMER],
        administrator.copy.root / "policy" / "residency.yaml": residency.read_text() + 'globex: ["*"]\n',
    }
    for path, text in more.items():
        path.write_text(text)
    steps = administrator.steps()
    assert steps.keys() <= {"create", "same", "update"}
    assert "state-globex" in steps["create"]
    assert "aws-444455556666-github" in steps["create"]
    administrator.pulumi("up", "--yes", "--skip-preview")
    assert administrator.steps().keys() == {"same"}


def test_buckets_and_keys_are_not_taken_away_by_mistake(administrator: Administrator) -> None:
    before = [row.id for row in administrator.rows() if row.type in PROTECTED]
    with pytest.raises(SandboxError, match="protected"):
        administrator.pulumi("destroy", "--yes")
    assert [row.id for row in administrator.rows() if row.type in PROTECTED] == before
