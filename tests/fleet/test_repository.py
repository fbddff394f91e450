"""A repository's address, parsed."""

from __future__ import annotations

import pytest

from fleet.repository import api_url, slug


@pytest.mark.parametrize(
    ("url", "name", "api"),
    [
        ("https://github.com/platform/regions.git", "platform/regions", None),
        ("git@github.com:platform/regions.git", "platform/regions", None),
        ("ssh://git@ssh.github.com:443/platform/regions.git", "platform/regions", None),
        ("https://git.example.com/platform/regions", "platform/regions", "https://git.example.com/api/v3"),
        ("git@git.example.com:platform/regions.git", "platform/regions", "https://git.example.com/api/v3"),
        ("ssh://git@git.example.com:2222/platform/regions.git", "platform/regions", "https://git.example.com/api/v3"),
        ("http://127.0.0.1:8080/platform/regions.git", "platform/regions", "http://127.0.0.1:8080/api/v3"),
        ("file:///srv/git/regions.git", "git/regions", None),
        ("/srv/git/regions.git", "git/regions", None),
    ],
)
def test_owner_name_and_the_hosts_api(url: str, name: str, api: str | None) -> None:
    assert (slug(url), api_url(url)) == (name, api)
