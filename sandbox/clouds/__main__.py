"""Entry of the SIMULATED clouds: `python -m sandbox.clouds aws|gcp|azure-native|github` serves the plugin of that
name to the Pulumi engine, `python -m sandbox.clouds list [--json]` prints what exists."""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict
from typing import Final

from sandbox.clouds.core.store import Store, open_store
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home

_FLAVOURS: Final = {"aws": "aws", "gcp": "gcp", "azure-native": "azure", "github": "github"}


def list_resources(store: Store, *, as_json: bool) -> str:
    """What exists in all clouds, a line each, oldest first; or all that is known of it, as JSON."""
    with store.reading() as tx:
        rows = tx.all()
    if as_json:
        return json.dumps([asdict(row) for row in rows], indent=2)
    return "\n".join(f"{row.cloud}  {row.account}  {row.location or '-'}  {row.type}  {row.id}" for row in rows)


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.clouds", description="the SIMULATED clouds of the sandbox")
    parser.add_argument("what", choices=[*_FLAVOURS, "list"])
    parser.add_argument("--json", action="store_true", help="with list: everything that is known, as JSON")
    arguments, _ = parser.parse_known_args()  # the engine adds its address and flags of its log
    try:
        store = open_store()
    except SandboxError as error:
        raise SystemExit(str(error)) from error
    if arguments.what == "list":
        listing = list_resources(store, as_json=arguments.json)
        if listing:
            print(listing)
        return
    from sandbox.clouds.core.clusters import Supervisor
    from sandbox.clouds.core.faults import Faults
    from sandbox.clouds.core.grpc_provider import CloudServicer
    from sandbox.provider_sdk import server

    flavour = importlib.import_module(f"sandbox.clouds.{_FLAVOURS[arguments.what]}").FLAVOUR
    server.serve(lambda: CloudServicer(flavour, store, Supervisor(), Faults(Home.current().faults)))


if __name__ == "__main__":
    main()
