"""`python -m front`: serve until a signal stops the process. Addresses and the region come from the environment."""

from __future__ import annotations

import argparse
import logging
import os
import sys

import httpx
import uvicorn
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from front import service
from front.flags import Flags

VARIABLES = {
    "FRONT_INFLUXDB": "the address of InfluxDB, as http://HOST:PORT",
    "FRONT_FLAGS": "the address of the flag service, as http://HOST:PORT",
    "REGION": "the region's name",
    "WAVE": "the region's wave",
    "TENANT": "the region's tenant",
}
_UPSTREAM_SECONDS = httpx.Timeout(60.0, connect=2.0)
_FLAG_SECONDS = 2.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m front",
        description="Serve a region's clients. Variables of the environment: "
        + "; ".join(f"{name}, {meaning}" for name, meaning in VARIABLES.items()),
    )
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    command.add_argument("--port", type=int, default=8080, help="the port to listen on (8080)")
    return command


def main() -> int:
    """Serve. Returns the exit code: 2 if the environment lacks a variable."""
    command = parser()
    options = command.parse_args()
    if missing := [name for name in VARIABLES if not os.environ.get(name)]:
        command.error("; ".join(f"set {name}: {VARIABLES[name]}" for name in missing))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    # The SDK logs a traceback for each failed evaluation. flags.py logs one line.
    logging.getLogger("openfeature").setLevel(logging.CRITICAL)
    api.set_provider(OFREPProvider(os.environ["FRONT_FLAGS"], timeout=_FLAG_SECONDS))
    region, wave, tenant = (os.environ[name] for name in ("REGION", "WAVE", "TENANT"))
    context = EvaluationContext(region, {"region": region, "wave": wave, "tenant": tenant})
    flags = Flags(api.get_client(), context)
    influxdb = httpx.AsyncClient(base_url=os.environ["FRONT_INFLUXDB"], timeout=_UPSTREAM_SECONDS)
    uvicorn.run(
        service.create_app(flags, influxdb), host=options.host, port=options.port, log_level="warning", access_log=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
