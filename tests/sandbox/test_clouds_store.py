"""The store of the simulated clouds is shared by processes that know nothing of each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.clouds.__main__ import list_resources
from sandbox.clouds.aws import FLAVOUR
from sandbox.clouds.store import Store
from sandbox.errors import SandboxError
from sandbox.home import CHECKOUT
from tests.sandbox.cloud_doubles import Account

VPC = "aws:ec2/vpc:Vpc"
GROUP = "aws:cloudwatch/logGroup:LogGroup"

# Creates forty log groups; half of their names are asked for by the other process, too.
_WRITER = """
import sys
from pathlib import Path
from sandbox.clouds.aws import FLAVOUR
from sandbox.clouds.model import CloudError
from tests.sandbox.cloud_doubles import Account
account, won = Account(FLAVOUR, Path(sys.argv[1])), 0
for i in range(40):
    name = f"shared-{i}" if i % 2 else f"own-{sys.argv[2]}-{i}"
    try:
        account.make("aws:cloudwatch/logGroup:LogGroup", name=name)
        won += 1
    except CloudError as error:
        assert "ResourceAlreadyExistsException" in str(error), error
print(won)
"""


def test_two_processes_writing_at_once_lose_nothing_and_share_no_name(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(i)], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
        )
        for i in range(2)
    ]
    won = [int(writer.communicate(timeout=60)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sum(won) == 60
    assert len(Account(FLAVOUR, tmp_path).existing()) == 60


def test_a_creation_whose_process_died_is_taken_over(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from sandbox.clouds.store import Store\n"
        "with Store(Path(sys.argv[1]) / 'clouds.sqlite').transaction() as tx:\n"
        "    tx.insert('aws', 'a', 'r', sys.argv[2], '123456789012/eu-west-1', 'g', {}, {}, ['g'])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path), GROUP], check=True, cwd=CHECKOUT)
    account = Account(FLAVOUR, tmp_path)
    account.make(GROUP, name="g")
    assert account.existing() == ["g"]


def test_the_listing_names_what_exists_and_an_empty_cloud_lists_nothing(tmp_path: Path) -> None:
    account = Account(FLAVOUR, tmp_path)
    assert list_resources(account.store, as_json=False) == ""
    made = account.make(VPC, cidrBlock="10.0.0.0/16")
    assert list_resources(account.store, as_json=False) == f"aws  123456789012  eu-west-1  {VPC}  {made.id}"
    listed = json.loads(list_resources(account.store, as_json=True))
    assert listed[0]["outputs"]["cidrBlock"] == "10.0.0.0/16"


def test_a_store_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    store = Store(tmp_path / "clouds.sqlite")
    with store._connect() as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(SandboxError, match="another version of the sandbox"):
        Store(tmp_path / "clouds.sqlite")
