"""Independent processes share the store of the simulated clouds."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.clouds.__main__ import list_resources
from sandbox.clouds.aws import DIALECT
from sandbox.clouds.core.model import CloudError
from sandbox.clouds.core.store import Store
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT
from tests.sandbox.clouds.doubles import Account

VPC = "aws:ec2/vpc:Vpc"
GROUP = "aws:cloudwatch/logGroup:LogGroup"

# Creates forty log groups. The other process asks for half of the same names.
_WRITER = """
import sys
import time
from pathlib import Path
from sandbox.clouds.aws import DIALECT
from sandbox.clouds.core.model import CloudError
from tests.sandbox.clouds.doubles import Account
account, won = Account(DIALECT, Path(sys.argv[1])), 0
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
    assert len(Account(DIALECT, tmp_path).existing()) == 60


def test_a_cloud_finishes_a_creation_whose_process_died(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from sandbox.clouds.aws import DIALECT\n"
        "from sandbox.clouds.core.model import Pace; from tests.sandbox.clouds.doubles import Account\n"
        "Account(DIALECT, Path(sys.argv[1])).cloud.create(sys.argv[2], {'name': 'g'}, pace=Pace(delay_seconds=600))\n"
    )
    creator = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), GROUP], cwd=CHECKOUT)
    account = Account(DIALECT, tmp_path)
    while not account.existing():
        assert creator.poll() is None
        time.sleep(0.02)
    account.cloud.resume_pending()
    with account.store.reading() as tx:
        assert tx.all()[0].creator == creator.pid, "a living creator finishes its own resource"
    creator.kill()
    creator.wait()
    with pytest.raises(CloudError, match="ResourceAlreadyExistsException"):
        account.make(GROUP, name="g")
    account.cloud.resume_pending()
    group = account.cloud.read(GROUP, "g", {"name": "g"})
    assert group is not None
    assert group.outputs["arn"] == "arn:aws:logs:eu-west-1:123456789012:log-group:g"
    with account.store.reading() as tx:
        assert [row.creator for row in tx.all()] == [None]


def test_the_listing_names_all_resources_and_is_empty_for_an_empty_cloud(tmp_path: Path) -> None:
    account = Account(DIALECT, tmp_path)
    assert list_resources(account.store, as_json=False) == ""
    vpc = account.make(VPC, cidrBlock="10.0.0.0/16")
    assert list_resources(account.store, as_json=False) == f"aws  123456789012  eu-west-1  {VPC}  {vpc.id}"
    resources = json.loads(list_resources(account.store, as_json=True))
    assert resources[0]["outputs"]["cidrBlock"] == "10.0.0.0/16"


def test_a_store_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    store = Store(tmp_path / "clouds.sqlite")
    with store._connect() as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(SandboxError, match="another version of the sandbox"):
        Store(tmp_path / "clouds.sqlite")
