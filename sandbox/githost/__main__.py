"""`python -m sandbox.githost`: serves the sandbox's git host on 127.0.0.1. The supervisor starts it."""

from __future__ import annotations

import logging

import uvicorn

from sandbox.githost import repository
from sandbox.githost.rest import GitHub, Identity
from sandbox.machine.home import Home


def main() -> None:
    """Serve until SIGTERM. Apps and tokens are those that git_host.create has laid out."""
    home = Home.current()
    github = GitHub(repository.REPOSITORY, home.repository, home.git_host / "github.sqlite")
    github.know(
        repository.token(home), Identity("you", "write", "write", also={"pull_requests": "write", "issues": "write"})
    )
    job = Identity("github-actions[bot]", "write", "write", also={"pull_requests": "write", "issues": "write"})
    github.know(repository.job_token(home), job)
    for app in repository.apps():
        identity = Identity(f"{app.slug}[bot]", app.statuses, app.contents)
        github.add_app(app.id, app.installation, identity, repository.public_key(home, app))
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    uvicorn.run(github.app, host="127.0.0.1", port=repository.port(home), log_level="info", lifespan="off")


if __name__ == "__main__":
    main()
