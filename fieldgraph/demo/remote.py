"""The demo's way to the graph: the public API over HTTP and nothing else, at a modest pace."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

REQUESTS_A_SECOND = 40.0
TIMEOUT_SECONDS = 30.0
CONNECTIONS = 12


class NotAnswered(Exception):
    """The API said no: a request error, or userErrors of a mutation."""


class RemoteGraph:
    """Asks one GraphQL endpoint. Whatever goes wrong on the way is NotAnswered."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http
        self._free_at = 0.0

    @staticmethod
    def http_client() -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=CONNECTIONS)
        return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)

    async def ask(
        self, token: str, document: str, variables: Mapping[str, Any], *, key: str | None = None
    ) -> dict[str, Any]:
        """The data of an operation; `key` makes a mutation happen once, however often it is sent."""
        await self._turn()
        headers = {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}
        if key is not None:
            headers["idempotency-key"] = key
        try:
            body = {"query": document, "variables": dict(variables)}
            answer = await self.http.post(self.url, json=body, headers=headers)
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise NotAnswered(f"{type(error).__name__}: {error}") from error
        if content.get("errors") or not content.get("data"):
            raise NotAnswered("; ".join(str(error.get("message")) for error in content.get("errors", ())))
        data: dict[str, Any] = content["data"]
        return data

    async def change(
        self, token: str, document: str, given: Mapping[str, Any], *, key: str | None = None
    ) -> dict[str, Any]:
        """The payload of a document's only mutation, whose variable is `$input`."""
        payload: dict[str, Any]
        (payload,) = (await self.ask(token, document, {"input": dict(given)}, key=key)).values()
        if payload["userErrors"]:
            raise NotAnswered("; ".join(f"{one['code']}: {one['message']}" for one in payload["userErrors"]))
        return payload

    async def put(self, url: str, content: bytes, headers: Mapping[str, str]) -> None:
        """Hand bytes in at the address that createUpload has told."""
        await self._turn()
        try:
            answer = await self.http.put(url, content=content, headers=dict(headers))
        except httpx.HTTPError as error:
            raise NotAnswered(f"{type(error).__name__}: {error}") from error
        if answer.status_code != 204:
            raise NotAnswered(f"{answer.status_code}: {answer.text[:200]}")

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + 1 / REQUESTS_A_SECOND
        await asyncio.sleep(self._free_at - 1 / REQUESTS_A_SECOND - now)
