"""`python -m sandbox.githost`: serves the sandbox's git host on 127.0.0.1. The supervisor starts it."""

from __future__ import annotations

import logging

import uvicorn

from sandbox.githost import repository
from sandbox.githost.rest import SimulatedGitHub, TokenOwner
from sandbox.machine.home import Home


def main() -> None:
    """Serve until SIGTERM, with the apps and tokens of `repository.create`."""
    home = Home.current()
    github = SimulatedGitHub(repository.REPOSITORY, home.repository, home.git_host / "github.sqlite")
    permissions = {"pull_requests": "write", "issues": "write"}
    github.register_token(repository.token(home), TokenOwner("you", "write", "write", permissions=permissions))
    job = TokenOwner("github-actions[bot]", "write", "write", permissions=permissions)
    github.register_token(repository.job_token(home), job)
    for app in repository.apps():
        owner = TokenOwner(f"{app.slug}[bot]", app.statuses, app.contents)
        github.add_app(app.id, app.installation, owner, repository.public_key(home, app))
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    uvicorn.run(github.app, host="127.0.0.1", port=repository.port(home), log_level="info", lifespan="off")


if __name__ == "__main__":
    main()
