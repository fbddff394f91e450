"""Receipts by the production client, from a simulated GitHub over real sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.waves.conftest import REPOSITORY, Remote
from tests.waves.rollout.memory import TRUSTED
from waves.rollout.model import StatusState
from waves.scm import github
from waves.scm.github import HostError
from waves.scm.statuses import GitHubReceipts


def client(remote: Remote, token: str = "") -> GitHubReceipts:
    """The production client."""
    return GitHubReceipts(REPOSITORY, token or remote.reader, remote.url)


def post(
    remote: Remote, sha: str, context: str, state: str = "success", token: str = "", **more: str
) -> httpx.Response:
    """Post a status as a region does."""
    return remote.http.post(
        f"{remote.url}/repos/{REPOSITORY}/statuses/{sha}", json={"state": state, "context": context, **more},
        headers={"Authorization": f"token {token or remote.writer}"},
    )  # fmt: skip


def test_a_status_is_read_with_region_check_state_creator_and_time(remote: Remote) -> None:
    sha = remote.commit()
    assert post(remote, sha, "region/prod-a/apps", "failure", description="gate: no pong").status_code == 201
    assert post(remote, sha, "ci/lint").status_code == 201, "a commit may have other statuses, too"
    (receipts,) = client(remote).of({sha})[sha]
    assert (receipts.region, receipts.check, receipts.state) == ("prod-a", "apps", StatusState.FAILURE)
    assert (receipts.creator, receipts.description) == (TRUSTED, "gate: no pong")
    assert abs(receipts.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_all_pages_are_read_and_the_newest_word_has_the_greatest_id(remote: Remote) -> None:
    sha = remote.commit()
    for number in range(250):
        post(remote, sha, f"region/r{number % 125}/apps", "pending" if number < 125 else "success")
    receipts = client(remote).of({sha})[sha]
    assert len(receipts) == len({receipt.id for receipt in receipts}) == 250
    newest = {r.region: r.state for r in sorted(receipts, key=lambda receipt: receipt.id)}
    assert set(newest.values()) == {StatusState.SUCCESS}
    assert len(newest) == 125


def test_a_commit_without_news_costs_one_request_that_does_not_count(remote: Remote) -> None:
    sha = remote.commit()
    for number in range(250):
        post(remote, sha, f"region/r{number}/apps")
    reader = client(remote)
    before = reader.of({sha})
    remote.github.requests.clear()
    assert reader.of({sha}) == before
    assert remote.github.requests == [f"GET /repos/{REPOSITORY}/commits/{sha}/statuses 304"]


def test_only_the_pages_with_news_are_read_again(remote: Remote) -> None:
    sha = remote.commit()
    for number in range(250):
        post(remote, sha, f"region/r{number}/apps")
    reader = client(remote)
    reader.of({sha})
    post(remote, sha, "region/r7/apps", "failure")
    remote.github.requests.clear()
    receipts = reader.of({sha})[sha]
    assert len(remote.github.requests) == 1
    assert len(receipts) == 251
    assert receipts[0].state is StatusState.FAILURE


def test_the_clock_is_the_hosts_and_asking_costs_nothing(remote: Remote) -> None:
    assert abs(client(remote).now() - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("statuses", "repository", "token", "words"),
    [
        ("read", REPOSITORY, "ghs_unknown", "does not know this token"),
        ("read", "platform/other", "", "no repository platform/other"),
    ],
)
def test_a_refusal_says_what_to_do(remote: Remote, statuses: str, repository: str, token: str, words: str) -> None:
    sha = remote.commit()
    with pytest.raises(HostError, match=words):
        GitHubReceipts(repository, token or remote.reader, remote.url).of({sha})


def test_an_expired_token_is_refused(remote: Remote) -> None:
    token = remote.github.add_token("ann", "read", life=timedelta(0))
    with pytest.raises(HostError, match="expired"):
        client(remote, token).of({remote.commit()})


def test_a_token_that_may_only_read_cannot_post(remote: Remote) -> None:
    assert post(remote, remote.commit(), "region/a/apps", token=remote.reader).status_code == 403


def test_a_used_up_rate_limit_ends_the_pass_and_says_until_when(remote: Remote) -> None:
    sha = remote.commit()
    remote.github.limit = 0
    remote.github.clock = lambda: datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    now = datetime.now(UTC)
    assert now > remote.github.clock()
    remote.github.clock = lambda: now.replace(minute=10)
    with pytest.raises(HostError, match="rate limit"):
        client(remote).of({sha})


def test_server_errors_are_tried_again_and_no_part_is_taken_for_the_whole(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("githubkit.core.time.sleep", lambda seconds: None)
    sha = remote.commit()
    for number in range(150):
        post(remote, sha, f"region/r{number}/apps")
    answers: list[Response | None] = [JSONResponse({}, 502), None, JSONResponse({}, 503), None]
    remote.github.faults.append(lambda request: answers.pop(0) if answers else None)
    assert len(client(remote).of({sha})[sha]) == 150

    def second_page_fails(request: Request) -> Response | None:
        return JSONResponse({}, 500) if request.query_params.get("page") == "2" else None

    remote.github.faults[:] = [second_page_fails]
    with pytest.raises(HostError, match="500"):
        client(remote).of({sha})


def test_a_host_that_is_away_is_an_error_after_some_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("githubkit.core.time.sleep", waits.append)
    with pytest.raises(HostError, match="cannot be reached"):
        GitHubReceipts(REPOSITORY, "t", "http://127.0.0.1:9").now()
    assert waits == [1.0, 2.0, 4.0][: github.RETRIES]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"state": "done"}, "state"),
        ({"state": "success", "description": "x" * 141}, "140"),
        ({"state": "success", "target_url": "ftp://x"}, "http"),
    ],
)
def test_the_simulated_host_refuses_the_statuses_that_github_refuses(
    remote: Remote, body: dict[str, str], words: str
) -> None:
    answer = httpx.post(
        f"{remote.url}/api/v3/repos/{REPOSITORY}/statuses/{remote.commit()}", json=body,
        headers={"Authorization": f"Bearer {remote.writer}"}, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 422
    assert words in answer.json()["message"]


def test_a_commit_takes_a_thousand_statuses_for_each_context(remote: Remote) -> None:
    sha = remote.commit()
    remote.github.database.executemany(
        "INSERT INTO status (sha, context, state, creator, created_at) VALUES (?, 'region/a/apps', 'success', 'x', 'y')",
        [(sha,)] * 1000,
    )
    assert post(remote, sha, "region/a/apps").status_code == 422
    assert post(remote, sha, "region/b/apps").status_code == 201
