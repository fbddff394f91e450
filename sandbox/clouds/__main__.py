"""Entry of the SIMULATED clouds.

    python -m sandbox.clouds aws|gcp|azure-native|github   serve the plugin of that name to the Pulumi engine
    python -m sandbox.clouds list [--json]                 print the existing resources

The engine adds arguments of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict
from typing import Final

from sandbox.clouds.core.store import Store, open_store
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home

_FOLDERS: Final = {"aws": "aws", "gcp": "gcp", "azure-native": "azure", "github": "github"}


def list_resources(store: Store, *, as_json: bool) -> str:
    """The resources of all clouds, oldest first: a line each, or all their properties as JSON."""
    with store.reading() as tx:
        rows = tx.all()
    if as_json:
        return json.dumps([asdict(row) for row in rows], indent=2)
    return "\n".join(f"{row.cloud}  {row.account}  {row.location or '-'}  {row.type}  {row.id}" for row in rows)


def main() -> None:
    """Parse the command line, and serve a plugin or print the list."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.clouds", description="the SIMULATED clouds of the sandbox")
    parser.add_argument("action", choices=[*_FOLDERS, "list"])
    parser.add_argument("--json", action="store_true", help="with list: all properties, as JSON")
    arguments, _ = parser.parse_known_args()  # the engine adds its address and flags of its log
    try:
        store = open_store()
    except SandboxError as error:
        raise SystemExit(str(error)) from error
    if arguments.action == "list":
        listing = list_resources(store, as_json=arguments.json)
        if listing:
            print(listing)
        return
    from sandbox.clouds.core.clusters import SupervisorClusters
    from sandbox.clouds.core.faults import Faults
    from sandbox.clouds.core.grpc_provider import CloudServicer
    from sandbox.provider_sdk import server

    dialect = importlib.import_module(f"sandbox.clouds.{_FOLDERS[arguments.action]}").DIALECT
    server.serve(lambda: CloudServicer(dialect, store, SupervisorClusters(), Faults(Home.current().faults)))


if __name__ == "__main__":
    main()
