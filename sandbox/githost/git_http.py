"""Git over http: each request goes to git's own `git http-backend`, as a web server would run it (CGI)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response


def pushes(request: Request) -> bool:
    """Whether a request belongs to a push."""
    return "git-receive-pack" in (request.query_params.get("service"), request.path_params["path"])


def token(request: Request) -> str:
    """The token that git sends as a password. Empty if there is none."""
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return credentials
    try:
        return base64.b64decode(credentials).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def answer(request: Request, git_dir: Path, user: str) -> Response:
    """Git's answer. A user with a name may push."""
    body = await request.body()
    names = {"content-type": "CONTENT_TYPE", "content-encoding": "HTTP_CONTENT_ENCODING",
             "git-protocol": "HTTP_GIT_PROTOCOL"}  # fmt: skip
    headers = {name: request.headers[key] for key, name in names.items() if key in request.headers}
    process = await asyncio.create_subprocess_exec(
        "git", "-c", f"http.receivepack={str(bool(user)).lower()}", "http-backend",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ, **headers, "GIT_PROJECT_ROOT": str(git_dir), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": user,
            "PATH_INFO": f"/{request.path_params['path']}", "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.url.query, "CONTENT_LENGTH": str(len(body)),
        },
    )  # fmt: skip
    output, _ = await process.communicate(body)
    head, _, content = output.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(fields.pop("Status", "200").split()[0])
    return Response(content, status, fields)
