"""`python -m fleet check` and `python -m fleet schema`: the fleet's files, looked at without any cloud."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from fleet.load import Fleet, read
from fleet.schema import SCHEMAS


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the result is the exit code: 0 sound, 1 problems found, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m fleet", description=__doc__)
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--root", type=Path, default=Path.cwd(), help="the root of the checkout (default: this folder)")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check", parents=[place], help="print the fleet as a table, or everything that is wrong with it"
    )
    check.add_argument("--json", action="store_true", help="print JSON instead")
    commands.add_parser("schema", parents=[place], help="write the JSON Schemas of the fleet's files, for editors")
    options = parser.parse_args(arguments)
    if options.command == "schema":
        for file, make in SCHEMAS.items():
            (options.root / file).write_text(json.dumps(make(), indent=2) + "\n")
            print(file)
        return 0
    fleet = read(options.root)
    if options.json:
        print(json.dumps(_as_data(fleet), indent=2))
    elif fleet.problems:
        for problem in fleet.problems:
            print(problem, file=sys.stderr)
        print(f"{len(fleet.problems)} problem(s) in the fleet's files", file=sys.stderr)
    else:
        print(_table(fleet))
    return 1 if fleet.problems else 0


def _rows(fleet: Fleet) -> list[dict[str, str]]:
    return [
        {
            "wave": region.wave.name,
            "region": region.name,
            "cloud": region.settings.cloud,
            "location": region.settings.location,
            "size": region.settings.size,
            "network": str(region.settings.network),
            "kubernetes": region.settings.kubernetes_version,
            "nodes": " ".join(
                f"{name}:{pool.min_nodes}-{pool.max_nodes}" for name, pool in region.settings.pools.items()
            ),
            "tenant": region.settings.tenant,
        }
        for region in fleet.in_waves()
    ]


def _as_data(fleet: Fleet) -> dict[str, object]:
    return {"regions": _rows(fleet), "problems": [problem.as_dict() for problem in fleet.problems]}


def _table(fleet: Fleet) -> str:
    rows = _rows(fleet)
    if not rows:
        return "No region yet: copy a stack file into stacks/."
    table = [[key.upper() for key in rows[0]], *(list(row.values()) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


if __name__ == "__main__":
    sys.exit(main())
