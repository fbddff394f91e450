"""The supervisor's calls of a cluster's API server, and a watch that outlives its connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

Object = dict[str, Any]
_RETRY_SECONDS = 0.5


class ApiServer:
    """One cluster's API server, as its administrator."""

    def __init__(self, endpoint: str, authority: Path, token: str) -> None:
        self.endpoint = endpoint
        self._client = httpx.AsyncClient(
            base_url=endpoint,
            verify=ssl.create_default_context(cafile=str(authority)),
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(30, pool=None),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def ready(self, timeout: float) -> bool:
        """Wait until the server is ready. False after `timeout` seconds."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    if await self._is_ready():
                        return True
                    await asyncio.sleep(0.05)
        return False

    async def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await self._client.get("/readyz")).status_code == 200
        return False

    async def get(self, path: str) -> Object | None:
        """One object, or None if there is none."""
        response = await self._client.get(path)
        if response.status_code == 404:
            return None
        return _checked(response)

    async def all(self, path: str) -> list[Object]:
        """All objects of a collection."""
        items: list[Object] = _checked(await self._client.get(path))["items"]
        return items

    async def create(self, path: str, body: Object) -> Object:
        """Create an object. An existing object stays as it is."""
        response = await self._client.post(path, json=body)
        return {} if response.status_code == 409 else _checked(response)

    async def patch(self, path: str, body: Object) -> Object | None:
        """Merge a patch into an object. None if the object is gone."""
        headers = {"Content-Type": "application/merge-patch+json"}
        response = await self._client.patch(path, content=json.dumps(body), headers=headers)
        return None if response.status_code == 404 else _checked(response)

    async def delete(self, path: str) -> None:
        """Delete an object. A missing object is no error."""
        response = await self._client.delete(path)
        if response.status_code != 404:
            _checked(response)

    async def changes(self, path: str) -> AsyncIterator[list[Object]]:
        """All objects of a collection, now and after every change, without end. Quick changes come together."""
        while True:
            try:
                async for objects in self._watch(path):
                    yield objects
            except (httpx.HTTPError, ValueError):
                await asyncio.sleep(_RETRY_SECONDS)

    async def _watch(self, path: str) -> AsyncIterator[list[Object]]:
        """All objects of a collection, now and after every change, until the connection ends."""
        response = _checked(await self._client.get(path))
        objects = {item["metadata"]["uid"]: item for item in response["items"]}
        yield list(objects.values())
        version = response["metadata"]["resourceVersion"]
        parameters = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        async with self._client.stream("GET", path, params=parameters, timeout=None) as stream:
            async for events in _batches(stream.aiter_lines()):
                for event in events:
                    _apply(event, objects)
                yield list(objects.values())


def _apply(event: Object, objects: dict[str, Object]) -> None:
    """Apply an event of a watch to the objects, by their uids."""
    item = event["object"]
    if event["type"] == "ERROR":
        raise httpx.RemoteProtocolError(str(item.get("message")))
    if event["type"] == "DELETED":
        objects.pop(item["metadata"]["uid"], None)
    elif event["type"] != "BOOKMARK":
        objects[item["metadata"]["uid"]] = item


async def _batches(lines: AsyncIterator[str]) -> AsyncIterator[list[Object]]:
    """Batches of events that come within a tenth of a second of each other."""
    pending: list[Object] = []
    next_line = asyncio.ensure_future(anext(lines, None))
    try:
        while True:
            done, _ = await asyncio.wait({next_line}, timeout=0.1 if pending else None)
            if not done:
                yield pending
                pending = []
                continue
            line = next_line.result()
            if line is None:
                if pending:
                    yield pending
                return
            if line.strip():
                pending.append(json.loads(line))
            next_line = asyncio.ensure_future(anext(lines, None))
    finally:
        next_line.cancel()


def _checked(response: httpx.Response) -> Object:
    if response.is_error:
        raise httpx.HTTPStatusError(
            f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text[:400]}",
            request=response.request,
            response=response,
        )
    body: Object = response.json()
    return body
