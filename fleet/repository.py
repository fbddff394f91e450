"""A repository's address, parsed: the owner and name on the git host, and the address of the host's API."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

_SLUG = re.compile(r"[:/](?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(\.git)?/?$")
SCP_FORM = re.compile(r"^(?P<user>[^@/]+@)?(?P<host>[^:/]+):(?P<path>[^/].*)$")
"""A remote as scp writes it, without a scheme: `git@git.example.com:platform/regions.git`."""
_PUBLIC = ("github.com", "www.github.com", "ssh.github.com")
"""The hosts of GitHub itself, whose API has an address of its own."""


def slug(url: str) -> str:
    """`owner/name` of a repository. Empty if the address does not end in two names.

    >>> slug("git@git.example.com:platform/regions.git")
    'platform/regions'
    """
    match = _SLUG.search(url)
    return f"{match['owner']}/{match['name']}" if match else ""


def api_url(url: str) -> str | None:
    """The REST API of the GitHub Enterprise Server that a repository is on. None: on GitHub itself, or on no server.

    Source: docs.github.com, "Getting started with the REST API" for enterprise servers.

    >>> api_url("https://git.example.com/platform/regions.git")
    'https://git.example.com/api/v3'
    """
    scp = SCP_FORM.match(url) if "://" not in url else None
    parts = urlsplit(url)
    host = scp["host"] if scp else parts.hostname
    if host is None or host in _PUBLIC or (scp is None and parts.scheme not in ("http", "https", "ssh")):
        return None
    if parts.scheme in ("http", "https"):
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{host}{port}/api/v3"
    return f"https://{host}/api/v3"


def without_credentials(remote: str) -> str:
    """A remote's address as Argo CD may have it: no password or token in it, and a path as a file:// URL.

    >>> without_credentials("https://user:token@git.example.com/a/b.git")
    'https://git.example.com/a/b.git'
    """
    if "://" not in remote:
        scp = SCP_FORM.match(remote)
        if scp:
            return f"ssh://{scp['user'] or ''}{scp['host']}/{scp['path']}"
        return f"file://{Path(remote).resolve()}"
    scheme, _, rest = remote.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    keep_user = scheme == "ssh" and at
    return f"{scheme}://{user.partition(':')[0] + '@' if keep_user else ''}{host}{slash}{path}"
