"""`down` leaves no trace of a sandbox in the checkout."""

from __future__ import annotations

from pathlib import Path

from sandbox.lifecycle import remove_salts
from sandbox.machine.home import Home


def test_the_salts_of_a_sandboxs_stacks_go_and_those_of_others_stay(tmp_path: Path) -> None:
    home, checkout = Home(tmp_path / "home"), tmp_path / "checkout"
    for project, stack, salt in (("regions", "r", "v1:own="), ("regions-bootstrap", "org", "v1:org=")):
        state = home.backend / ".pulumi" / "stacks" / project / f"{stack}.json"
        state.parent.mkdir(parents=True)
        state.write_text(f'{{"secrets_providers": {{"state": {{"salt": "{salt}"}}}}}}')
    files = {
        "stacks/Pulumi.r.yaml": "encryptionsalt: v1:own=\n",
        "stacks/Pulumi.other.yaml": "encryptionsalt: v1:other=\n",
        "bootstrap/Pulumi.org.yaml": "encryptionsalt: v1:org=\n",
    }
    for name, salt in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(f"config: {{}}\n{salt}")
    remove_salts(home, checkout)
    salted = [name for name in files if "encryptionsalt" in (checkout / name).read_text()]
    assert salted == ["stacks/Pulumi.other.yaml"]
