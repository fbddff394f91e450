"""One pull request pins all new images that wait, over real git and the simulated GitHub."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from fleet import UserError
from tests.repository import ROOT, write
from tests.waves.conftest import REPOSITORY, Remote
from tests.waves.images.test_pins import FILES, FRONT, MONITORING, digest, own_image
from waves.cli.app import app as command
from waves.images import proposal
from waves.images.cosign import problem
from waves.images.pins import PINS, bumps, new_images, pins, rewrite
from waves.images.proposal import BRANCH, OWN
from waves.review.render import PLACE, sources
from waves.scm.git import GitRefs


@pytest.fixture
def host(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """The host with the regions' objects on main. The environment has the token of CI's app."""
    write(remote.clone, sources(ROOT, PLACE, "components/upstream"))
    remote.git("add", "--all")
    remote.commit("The regions' objects")
    may(remote, monkeypatch)
    monkeypatch.setenv("GITHUB_API_URL", f"{remote.url}/api/v3")
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    return remote


def may(remote: Remote, monkeypatch: pytest.MonkeyPatch, **also: str) -> None:
    """Grant CI's app its permissions, or only these."""
    permissions = also or {"pull_requests": "write"}
    monkeypatch.setenv("GITHUB_TOKEN", remote.github.add_token("images[bot]", "none", "write", permissions=permissions))


def run(host: Remote, *words: str) -> Result:
    """A command of `regions images`."""
    return CliRunner().invoke(command, ["--checkout", str(host.clone), "images", *words])


def bump(host: Remote, *words: str) -> dict[str, Any]:
    """The result of a bump by pull request."""
    result = run(host, "bump", *words, "--pull-request", "--json")
    assert result.exit_code == 0, result.output
    result_data: dict[str, Any] = json.loads(result.stdout)
    return result_data


def pulls(host: Remote, state: str = "open") -> list[dict[str, Any]]:
    """The pull requests in a state."""
    answer = httpx.get(f"{host.url}/repos/{REPOSITORY}/pulls?state={state}", headers=signed(host), trust_env=False)
    pull_requests: list[dict[str, Any]] = answer.json()
    return pull_requests


def signed(host: Remote) -> dict[str, str]:
    """A person who may do all."""
    return {
        "Authorization": f"token {host.github.add_token('ann', 'write', 'write', permissions={'pull_requests': 'write'})}"
    }


def ask(host: Remote, method: str, path: str, **body: object) -> httpx.Response:
    """A request of that person's."""
    place = f"{host.url}/repos/{REPOSITORY}/pulls{path}"
    return httpx.request(method, place, json=body, headers=signed(host), trust_env=False)


def at(host: Remote, branch: str) -> dict[str, str]:
    """Each image that a branch of the host pins."""
    refs = GitRefs(host.clone)
    return {app: pin.image for app, pin in pins(refs.files(refs.heads(branch)[branch], [PINS])).items()}


def test_a_bump_is_one_commit_on_main_and_one_pull_request(host: Remote) -> None:
    before, status = host.git("rev-parse", "HEAD", "--symbolic-full-name", "HEAD"), host.git("status", "--porcelain")
    data = bump(host, f"front={own_image('front', 'a')}", f"prometheus@{digest('b')}")
    (pull,) = pulls(host)
    assert data["pull_request"]["number"] == pull["number"]
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (BRANCH, "main")
    assert pull["title"] == "Run new images: front, prometheus"
    for change in data["changed"]:
        assert f"| `{change['app']}` | `{change['old']}` | `{change['new']}` |" in pull["body"]
    assert host.git("rev-parse", f"{pull['head']['sha']}^") == host.git("rev-parse", "HEAD")
    assert host.git("diff", "--name-only", "HEAD", pull["head"]["sha"]).split() == [FRONT, MONITORING]
    assert host.git("rev-parse", "HEAD", "--symbolic-full-name", "HEAD") == before
    assert host.git("status", "--porcelain") == status == "", "the checkout is left alone"


def test_a_second_bump_updates_the_pull_request_and_keeps_waiting_images(host: Remote) -> None:
    bump(host, f"front={own_image('front', 'a')}", f"gates={own_image('gates', 'a')}")
    host.commit("Something else")
    data = bump(host, f"front={own_image('front', 'b')}")
    assert [change["app"] for change in data["changed"]] == ["front", "gates"]
    (pull,) = pulls(host)
    assert pull["title"] == "Run new images: front, gates"
    assert host.git("rev-parse", f"{pull['head']['sha']}^") == host.git("rev-parse", "HEAD"), (
        "on top of main as it is now"
    )
    assert (at(host, BRANCH)["front"], at(host, BRANCH)["gates"]) == (own_image("front", "b"), own_image("gates", "a"))


def test_a_concurrent_pin_on_main_is_newer_than_a_waiting_one(host: Remote) -> None:
    bump(host, f"front={own_image('front', 'a')}", f"gates={own_image('gates', 'a')}")
    assert run(host, "bump", f"gates={own_image('gates', 'c')}").exit_code == 0
    host.git("commit", "--quiet", "--all", "-m", "Pin by hand")
    host.commit()
    data = bump(host, f"prometheus@{digest('d')}")
    assert [change["app"] for change in data["changed"]] == ["front", "prometheus"]
    assert at(host, BRANCH)["gates"] == own_image("gates", "c")


def test_the_same_bump_again_changes_nothing(host: Remote) -> None:
    bump(host, f"front={own_image('front', 'a')}")
    (before,) = pulls(host)
    host.git("config", "user.name", "Ben")  # a commit of his would be another one
    bump(host, f"front={own_image('front', 'a')}")
    (after,) = pulls(host)
    assert after["head"] == before["head"], "its checks do not run once more"


def test_after_the_merge_main_has_the_pins_and_preflight_finds_no_violation(host: Remote) -> None:
    old = host.git("rev-parse", "HEAD")
    bump(host, *(f"{app}={own_image(app, 'a')}" for app in OWN))
    (pull,) = pulls(host)
    assert (
        ask(host, "PUT", f"/{pull['number']}/merge", merge_method="squash", sha=pull["head"]["sha"]).status_code == 200
    )
    assert {app: at(host, "main")[app] for app in OWN} == {app: own_image(app, "a") for app in OWN}
    assert pulls(host) == []
    host.git("fetch", "--quiet", "origin")
    result = CliRunner().invoke(command, ["--checkout", str(host.clone), "preflight", f"{old}..origin/main"])
    assert (result.exit_code, result.stdout) == (0, "no violations\n")
    again = bump(host, *(f"{app}={own_image(app, 'a')}" for app in OWN))
    assert (again["changed"], again["already"], pulls(host)) == ([], list(OWN), [])
    assert bump(host, f"front={own_image('front', 'b')}")["pull_request"]["number"] == pull["number"] + 1


def test_a_pull_request_that_was_closed_does_not_come_back_with_the_next_bump(host: Remote) -> None:
    bump(host, f"front={own_image('front', 'a')}")
    ask(host, "PATCH", f"/{pulls(host)[0]['number']}", state="closed")
    assert [change["app"] for change in bump(host, f"gates={own_image('gates', 'b')}")["changed"]] == ["gates"]


def test_a_bump_that_was_stopped_before_it_asked_is_asked_for_by_the_next(host: Remote) -> None:
    bump(host, f"front={own_image('front', 'a')}")
    host.github.database.execute("DELETE FROM pull")
    assert [change["app"] for change in bump(host, f"gates={own_image('gates', 'b')}")["changed"]] == ["front", "gates"]


def raced(host: Remote, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let another build bump gates so many times, each time between this build's reading and its push."""
    real: Callable[..., bool] = GitRefs.push_branch
    remaining = list(range(times))

    def push(refs: GitRefs, branch: str, commit: str, old: str | None) -> bool:
        if remaining:
            fork = refs.heads("main")["main"]
            files = refs.files(fork, [PINS])
            new = rewrite(
                files, bumps(files, new_images([f"gates={own_image('gates', str(remaining.pop()))}"], pins(files)))
            )
            other = refs.commit_files(fork, new, "Another build's", ("ben", "ben@example.com"))
            host.git("push", "--quiet", "--force", "origin", f"{other}:refs/heads/{BRANCH}")
        return real(refs, branch, commit, old)

    monkeypatch.setattr(GitRefs, "push_branch", push)


def test_a_lost_lease_is_tried_again_with_the_other_builds_images(
    host: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    raced(host, monkeypatch, 2)
    data = bump(host, f"front={own_image('front', 'a')}")
    assert [change["app"] for change in data["changed"]] == ["front", "gates"]
    assert at(host, BRANCH)["gates"] == own_image("gates", "0")


def test_a_branch_that_never_stands_still_is_an_error(host: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    raced(host, monkeypatch, proposal.ATTEMPTS)
    result = run(host, "bump", f"front={own_image('front', 'a')}", "--pull-request")
    assert isinstance(result.exception, UserError)
    assert "moved the branch images 5 times" in str(result.exception)


@pytest.mark.parametrize(
    ("also", "says"),
    [
        ({"pull_requests": "read"}, "may not do this in platform/regions .*`pull-requests: write`"),
        ({}, "GITHUB_TOKEN is not set: the pull request is made with it. It needs `contents: write` and"),
    ],
)
def test_without_permission_the_error_names_it(
    host: Remote, monkeypatch: pytest.MonkeyPatch, also: dict[str, str], says: str
) -> None:
    may(host, monkeypatch, **also)
    if not also:
        monkeypatch.delenv("GITHUB_TOKEN")
    result = run(host, "bump", f"front={own_image('front', 'a')}", "--pull-request")
    assert isinstance(result.exception, UserError)
    with pytest.raises(type(result.exception), match=says):
        raise result.exception


def test_git_pushes_with_the_token(host: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    host.git("remote", "set-url", "origin", f"{host.url}/{REPOSITORY}.git")
    host.git("config", f"http.{host.url}/.extraHeader", "Authorization: Basic of-no-use")
    bump(host, f"front={own_image('front', 'a')}")
    monkeypatch.setenv(
        "GITHUB_TOKEN", host.github.add_token("ben", "none", "read", permissions={"pull_requests": "write"})
    )
    result = run(host, "bump", f"front={own_image('front', 'b')}", "--pull-request")
    assert isinstance(result.exception, UserError)
    assert "denied to ben" in str(result.exception) or "403" in str(result.exception)


# Auto-merge


def test_the_host_merges_it_once_mains_checks_have_passed(host: Remote) -> None:
    host.github.allow_auto_merge = True
    host.github.required_checks = {"ci/test"}
    assert bump(host, f"front={own_image('front', 'a')}", "--automerge")["warning"] == ""
    (pull,) = pulls(host)
    assert pull["auto_merge"] == {"merge_method": "squash"}
    httpx.post(
        f"{host.url}/repos/{REPOSITORY}/statuses/{pull['head']['sha']}", headers=signed(host), trust_env=False,
        json={"state": "success", "context": "ci/test"},
    )  # fmt: skip
    assert at(host, "main")["front"] == own_image("front", "a")
    assert [pull["merged_at"] is not None for pull in pulls(host, "closed")] == [True]


@pytest.mark.parametrize(
    ("allowed", "says"),
    [(False, "Auto merge is not allowed for this repository"), (True, "Pull request Pull request is in clean status")],
)
def test_a_host_that_does_not_merge_by_itself_gives_a_warning(host: Remote, allowed: bool, says: str) -> None:
    host.github.allow_auto_merge = allowed
    result = run(host, "bump", f"front={own_image('front', 'a')}", "--pull-request", "--automerge")
    assert result.exit_code == 0
    assert says in result.stderr
    assert "Merge it by hand, or allow auto-merge in the repository's settings" in result.stderr
    assert len(pulls(host)) == 1


# In the checkout


def test_without_a_pull_request_only_the_checkout_changes(host: Remote) -> None:
    (result, again) = (run(host, "bump", f"front={own_image('front', 'a')}") for _ in range(2))
    assert result.stdout == f"{FRONT}: front: {json.loads(FILES[FRONT])['front']} -> {own_image('front', 'a')}\n"
    assert again.stdout == "front: already at that image\n"
    assert host.git("status", "--porcelain") == f"M {FRONT}"
    assert (host.clone / FRONT).read_text() == FILES[FRONT].replace(
        json.loads(FILES[FRONT])["front"], own_image("front", "a")
    )
    assert pulls(host, "all") == []
    assert run(host, "bump", f"front={own_image('front', 'a')}", "--automerge").exit_code == 2


@pytest.mark.parametrize(("code", "words"), [(0, "signed by CI"), (1, "cosign verify refuses it: no signatures found")])
def test_an_own_image_that_a_change_pins_needs_cis_signature(
    host: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    """A script replaces cosign: it exits with this code, and writes its arguments to a file."""
    arguments_file = tmp_path / "arguments"
    cosign = tmp_path / "bin" / "cosign"
    cosign.parent.mkdir()
    cosign.write_text(f'#!/bin/sh\necho "$@" > {arguments_file}\necho "no signatures found" >&2\nexit {code}\n')
    cosign.chmod(0o700)
    monkeypatch.setenv("PATH", f"{cosign.parent}:{os.environ['PATH']}")
    assert "no image of this repository's own" in run(host, "verify", "--base", "HEAD").output
    image = f"ghcr.io/{REPOSITORY}/front:{'a' * 40}@{digest('1')}"
    assert run(host, "bump", f"front={image}", f"prometheus@{digest('2')}").exit_code == 0
    result = run(host, "verify", "--base", "HEAD")
    assert (result.exit_code, words in result.output) == (code, True)
    workflow = f"https://github.com/{REPOSITORY}/.github/workflows/images.yml@refs/heads/main"
    assert arguments_file.read_text().split() == [
        "verify", image, "--certificate-oidc-issuer", "https://token.actions.githubusercontent.com",
        "--certificate-identity", workflow,
    ]  # fmt: skip


@pytest.mark.parametrize("image", ["ghcr.io/evil/regions/front:1@sha256:" + "a" * 64, f"ghcr.io/{REPOSITORY}/front:1"])
def test_an_image_from_elsewhere_or_without_a_digest_is_not_cis(image: str) -> None:
    assert "not an image that CI pushes" in problem("front", image, REPOSITORY)
