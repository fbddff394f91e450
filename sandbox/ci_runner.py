"""`python -m sandbox.ci_runner`: SIMULATED CI of the git host, with a job for each region whose branch moves.

The supervisor runs it. A job checks the commit out and runs `regions update`, like the workflow of the real host. Jobs of
one region run one after the other. A job ends by itself when the branch has a newer commit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

from sandbox.environment import variables
from sandbox.githost import repository
from sandbox.machine.home import CHECKOUT, Home

PARALLEL = 3
"""Concurrent jobs. On two cores, more jobs only wait for each other."""
POLL_SECONDS = 0.5
PREFIX = "region/"


def main() -> None:
    """Run until SIGTERM."""
    os.nice(10)  # as in sandbox.demo.regions.pulumi
    home = Home.current()
    jobs: dict[str, tuple[str, Future[None]]] = {}
    with ThreadPoolExecutor(PARALLEL) as pool:
        while True:
            _submit_jobs(home, pool, jobs)
            time.sleep(POLL_SECONDS)


def _submit_jobs(home: Home, pool: ThreadPoolExecutor, jobs: dict[str, tuple[str, Future[None]]]) -> None:
    """Submit a job for each branch that has moved. `jobs` has the commit and the last job of each branch."""
    for branch, commit in repository.heads(home, PREFIX).items():
        if branch in jobs and (jobs[branch][0] == commit or not jobs[branch][1].done()):
            continue
        jobs[branch] = commit, pool.submit(job, home, branch.removeprefix(PREFIX), commit)


def job(home: Home, region: str, commit: str) -> None:
    """One job, with its log in logs/ci/<region>.log."""
    folder, log = home.jobs / region, home.logs / "ci" / f"{region}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"== {time.ctime()}: {region} at {commit}\n".encode())
        output.flush()
        try:
            repository.check_out(home, folder, commit)
            venv = folder / ".venv"  # the program's virtual environment has a path relative to the checkout
            if not venv.exists():
                venv.symlink_to(CHECKOUT / ".venv")
            env = {**os.environ, **variables(home, folder)}
            command = [sys.executable, "-m", "regions", "update", region]
            subprocess.run(command, cwd=folder, env=env, stdout=output, stderr=output)
        except Exception as error:  # one job's error ends no other job
            output.write(f"the job ended: {error}\n".encode())


if __name__ == "__main__":
    main()
