"""The simulated GitHub treats pull requests as GitHub does, refusals too."""

from __future__ import annotations

import httpx
import pytest

from sandbox.githost.numbers import next_number
from tests.waves.conftest import REPOSITORY, Remote

ALL = {"pull_requests": "write"}


def ask(remote: Remote, method: str, path: str, token: str = "", **body: object) -> httpx.Response:
    """A request, by default by a person with all permissions."""
    token = token or remote.github.add_token("ann", "write", "write", permissions=ALL)
    url = f"{remote.url}/repos/{REPOSITORY}/pulls{path}"
    return remote.http.request(method, url, json=body, headers={"Authorization": f"token {token}"})


def branch(remote: Remote, name: str, text: str = "text") -> str:
    """A branch with one commit on top of the clone's, which stays in place."""
    remote.git("checkout", "--quiet", "-B", name)
    (remote.clone / "file").write_text(text)
    remote.git("add", "--all")
    remote.git("commit", "--quiet", "-m", f"Change {name}")
    remote.git("push", "--quiet", "--force", "origin", name)
    commit = remote.git("rev-parse", "HEAD")
    remote.git("checkout", "--quiet", "--detach", "HEAD^")
    return commit


def open_pull(remote: Remote, head: str, **more: str) -> int:
    """A new pull request's number."""
    answer = ask(remote, "POST", "", head=head, base="main", title=f"Take {head}", **more)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["number"]
    return number


def test_one_is_found_by_its_branch_and_state(remote: Remote) -> None:
    branch(remote, "a")
    branch(remote, "b")
    first, second = open_pull(remote, "a", body="why"), open_pull(remote, f"{REPOSITORY.partition('/')[0]}:b")
    assert [pull["number"] for pull in ask(remote, "GET", "").json()] == [second, first], "the newest first"
    assert ask(remote, "PATCH", f"/{first}", state="closed", title="No").json()["title"] == "No"
    assert [pull["number"] for pull in ask(remote, "GET", "?head=platform:a").json()] == []
    (closed,) = ask(remote, "GET", "?head=platform:a&state=all&base=main").json()
    assert (closed["number"], closed["state"], closed["body"]) == (first, "closed", "why")
    assert ask(remote, "GET", "?head=other:a&state=all").json() == []
    assert ask(remote, "GET", f"/{second}").json()["head"]["ref"] == "b"
    assert ask(remote, "GET", "/999").status_code == 404


def test_issues_and_pull_requests_share_their_numbers(remote: Remote) -> None:
    branch(remote, "a")
    branch(remote, "b")
    first, issue = open_pull(remote, "a"), next_number(remote.github.database)
    assert open_pull(remote, "b") == issue + 1 == first + 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"head": "a", "title": "Again"}, "A pull request already exists for platform:a."),
        ({"head": "nothing", "title": "New"}, "No commits between main and nothing"),
        ({"head": "gone", "title": "New"}, "invalid"),
        ({"head": "a"}, "missing_field"),
    ],
)
def test_a_pull_request_that_github_refuses_is_refused(remote: Remote, body: dict[str, str], says: str) -> None:
    branch(remote, "a")
    open_pull(remote, "a")
    remote.git("push", "--quiet", "origin", "origin/main:refs/heads/nothing")
    answer = ask(remote, "POST", "", base="main", **body)
    assert (answer.status_code, answer.json()["message"]) == (422, "Validation Failed")
    assert says in answer.text


@pytest.mark.parametrize(
    ("contents", "pulls", "may"), [("write", "read", (403, 403, 200)), ("read", "write", (201, 200, 403))]
)
def test_a_token_may_do_only_the_acts_of_its_permissions(
    remote: Remote, contents: str, pulls: str, may: tuple[int, int, int]
) -> None:
    token = remote.github.add_token("ben", "read", contents, permissions={"pull_requests": pulls})
    branch(remote, "a")
    branch(remote, "b", "other")
    pull = open_pull(remote, "a")
    created = ask(remote, "POST", "", token, head="b", base="main", title="Take b").status_code
    changed = ask(remote, "PATCH", f"/{pull}", token, title="Other").status_code
    assert (created, changed, ask(remote, "PUT", f"/{pull}/merge", token).status_code) == may


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1)])
def test_a_merge_is_a_commit_on_main(remote: Remote, method: str, parents: int) -> None:
    head = branch(remote, "a")
    main = remote.commit("A concurrent change")
    pull = open_pull(remote, "a")
    assert ask(remote, "PUT", f"/{pull}/merge", sha=main).status_code == 409, "the head has moved"
    done = ask(remote, "PUT", f"/{pull}/merge", merge_method=method, sha=head).json()
    remote.git("fetch", "--quiet", "origin")
    assert remote.git("rev-parse", "origin/main") == done["sha"]
    assert remote.git("rev-parse", f"{done['sha']}^1") == main
    assert len(remote.git("rev-list", "--no-walk", "--parents", done["sha"]).split()) == parents + 1
    assert remote.git("show", f"{done['sha']}:file") == "text"
    merged = ask(remote, "GET", f"/{pull}").json()
    assert (merged["state"], merged["merged"], merged["merge_commit_sha"]) == ("closed", True, done["sha"])
    assert ask(remote, "PUT", f"/{pull}/merge").status_code == 405


def test_a_conflict_cannot_be_merged(remote: Remote) -> None:
    branch(remote, "a")
    pull = open_pull(remote, "a")
    (remote.clone / "file").write_text("other")
    remote.git("add", "--all")
    main = remote.commit("A concurrent change")
    assert ask(remote, "PUT", f"/{pull}/merge").status_code == 405
    assert remote.git("ls-remote", "origin", "main").split()[0] == main


def test_one_follows_its_branch_and_ends_with_it(remote: Remote) -> None:
    branch(remote, "a")
    branch(remote, "b")
    first, second = open_pull(remote, "a"), open_pull(remote, "b")
    new_head = branch(remote, "a", "more")
    assert ask(remote, "GET", f"/{first}").json()["head"]["sha"] == new_head
    remote.git("push", "--quiet", "origin", f"{new_head}:main", ":b")
    assert ask(remote, "GET", f"/{first}").json()["merged"], "main has the commit, by a push"
    closed = ask(remote, "GET", f"/{second}").json()
    assert (closed["state"], closed["merged"]) == ("closed", False)
