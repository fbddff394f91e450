"""`python -m sandbox`: the command line of the sandbox."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import fleet
from fleet.console import errors, examples, main, output
from sandbox import environment, lifecycle
from sandbox.demo import bring_up, scenario
from sandbox.demo.board import Board
from sandbox.demo.picture import svg
from sandbox.demo.regions import DeployedRegion
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from sandbox.toolchain.__main__ import ensure_with_progress

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def prepare() -> None:
    """A fleet on one machine: the real engine, API servers and Argo CD, with SIMULATED clouds and pods."""
    lifecycle.clean_up_when_terminated()


@app.command(epilog=examples("regions sandbox up"))
def up() -> None:
    """Start the sandbox: toolchain, git host, supervisor, a stack for each region, and the clusters of the last run."""
    home = _start()
    lifecycle.seed(home, CHECKOUT, list(fleet.read(CHECKOUT).regions))
    errors.text(f"The sandbox is up in {home.root}. Next: ", ('eval "$(regions sandbox env)"', "bold"))


@app.command(epilog=examples('eval "$(regions sandbox env)"'))
def env() -> None:
    """Print the environment of a shell that uses the sandbox: eval "$(regions sandbox env)"."""
    home = _existing()
    for name, value in environment.variables(home, Path.cwd()).items():
        print(f"export {name}={shlex.quote(value)}")


@app.command(epilog=examples("regions sandbox status", "regions sandbox status --json"))
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False) -> None:
    """Show the clusters and processes, with the unshared memory of each."""
    answer = lifecycle.status(Home.current())
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    table = Table("region", "process", "pid", "MiB", "restarts", box=None)
    for process in answer["processes"]:
        region = process["cluster"].rpartition("/")[2] or "(all)"
        megabytes = f"{process['memory'] / 2**20:.0f}"
        table.add_row(region, process["name"], str(process["pid"] or "down"), megabytes, str(process["restarts"]))
    output.print(table)
    output.text(f"{len(answer['clusters'])} clusters in {answer['home']}")


@app.command(
    epilog=examples("regions sandbox logs staging-aws-eu-west-1", "regions sandbox logs REGION kube-apiserver -n 50")
)
def logs(
    region: Annotated[str, typer.Argument(help="A region's name. Default: the sandbox's own logs.")] = "",
    process: Annotated[str, typer.Argument(help="A process of `status`. Default: all.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", help="Lines of each log.")] = 20,
) -> None:
    """Print the ends of log files."""
    home = _existing()
    folders = (
        [path for path in home.logs.iterdir() if path.is_dir() and path.name.endswith(region)]
        if region
        else [home.logs]
    )
    files = [path for folder in folders for path in sorted(folder.glob("*.log")) if process in ("", path.stem)]
    if not files:
        raise SandboxError(f"{home.logs} has no log of {process or 'any process'} for {region or 'the sandbox'}")
    for path in files:
        output.text(f"==> {path}", style="bold")
        for line in path.read_text(errors="replace").splitlines()[-lines:]:
            print(line)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=examples("regions sandbox kubectl staging-aws-eu-west-1 get pods -A"),
)
def kubectl(context: typer.Context, region: Annotated[str, typer.Argument(help="A region's name.")]) -> None:
    """Run kubectl in a region, as its administrator."""
    home = _existing()
    command = [str(home.bin / "kubectl"), "--kubeconfig", str(home.kubeconfig), "--context", region, *context.args]
    raise typer.Exit(subprocess.run(command).returncode)


@app.command(epilog=examples("regions sandbox stop"))
def stop() -> None:
    """End every process. The data stays, and `up` continues with it."""
    lifecycle.stop(Home.current())


@app.command(epilog=examples("regions sandbox down"))
def down() -> None:
    """End every process and delete the sandbox's data."""
    lifecycle.down(Home.current())


@app.command(epilog=examples("regions sandbox demo", "regions sandbox demo --regions staging"))
def demo(
    regions: Annotated[
        str,
        typer.Option(
            help="Bring up only these regions, each by `pulumi up` alone: `staging`, `all`, another wave, or names."
        ),
    ] = "",
) -> None:
    """Run the whole demo: all regions from nothing, good and bad commits, a new region. Takes about a quarter of an hour."""
    start = time.monotonic()
    members = bring_up.choose(regions) if regions else []
    home, messages = _start(), []

    def say(text: str) -> None:
        messages.append(text)
        errors.text(text)

    try:
        if regions:
            commit, states = bring_up.run(home, members, say)
        else:
            with Board(errors) as board:
                result = scenario.Scenario(home, say, board.show).run()
            result.write(scenario.RESULT)
            commit, states = result.commit, result.regions
    except BaseException:
        lifecycle.stop(home)
        raise
    table = _table(states)
    output.print(table)
    scenario.PICTURE.write_text(svg(f"make demo{f' REGIONS={regions}' if regions else ''}", messages, table))
    failed = [state for state in states if not state.arrived(commit)]
    for state in failed:
        errors.text(f"{state.name}: {state.message}", style="red")
    if failed:
        errors.text(f"The sandbox stays up. To see the logs: regions sandbox logs {failed[0].name}")
        raise typer.Exit(1)
    errors.text(_next_steps(states, time.monotonic() - start))


def _next_steps(states: list[DeployedRegion], seconds: float) -> str:
    regions = f"{len(states)} region{'' if len(states) == 1 else 's'}"
    return (
        f"\n{regions} Synced and Healthy in {seconds:.0f} s. The clouds, the pods and the git host's API are "
        "simulated. Engine, API servers and Argo CD are real. The sandbox stays up. Try:\n"
        f'  export PATH="{Path(sys.executable).parent}:$PATH"\n'
        '  eval "$(regions sandbox env)"\n'
        f"  pulumi preview -s {states[0].name}        # nothing to change\n"
        f"  kubectl --context {states[0].name} get applications,pods -A\n"
        "  regions status                  # which commit is where, and why\n"
        "  regions sandbox status          # the processes and their memory\n"
        "  regions sandbox down            # end the sandbox"
    )


def _start() -> Home:
    binaries = ensure_with_progress(errors)
    home = Home.current()
    lifecycle.up(home, binaries)
    return home


def _existing() -> Home:
    home = Home.current()
    if not home.root.exists():
        raise SandboxError(f"there is no sandbox in {home.root}. Run `regions sandbox up`")
    return home


def _table(states: list[DeployedRegion]) -> Table:
    table = Table("wave", "region", "cloud", "commit", "sync", "health", "resources", "seconds", box=None)
    for state in states:
        table.add_row(state.wave, state.name, state.cloud, state.commit[:10], state.sync, state.health,
                      str(state.resources), f"{state.seconds:.1f}")  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main(app, (fleet.UserError, SandboxError)))
