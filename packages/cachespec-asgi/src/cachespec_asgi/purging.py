"""An endpoint for purging, for those who cannot call `purge` from the application's own code.

It is not there unless it was made, and refuses everybody that its guard does not know.  Requests that a browser makes
on behalf of another site are refused before that.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Final, TypeAlias

from .handle import get_cache
from .interface import Receive, Scope, Send
from .target import read_ahead

Allow: TypeAlias = Callable[[Mapping[str, Any]], bool | Awaitable[bool]]

LIMIT: Final = 64 * 1024
"""Bytes of the longest request."""
ARGUMENTS: Final[Mapping[str, tuple[type, ...]]] = {
    "url": (str,),
    "groups": (str, list),
    "prefix": (str,),
    "everything": (bool,),
    "expired": (bool,),
    "soft": (bool,),
}
"""What a request may say, as `Gateway.purge` takes it."""
SAME_SITE: Final = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for requests that no other site has a part in."""


class PurgeEndpoint:
    """Purges what a POST to exactly `path` says, in JSON: ``{"url": "/a"}``, ``{"groups": ["news"], "soft": true}``.

    Guarded by `token`, which has to come as ``Authorization: Bearer …``, or by `allow`, which is given the scope and
    says yes or no, or by both; without any guard it is a ValueError.  Give it to `CacheMiddleware(purge=…)`, or mount
    it as an ASGI application inside one.
    """

    def __init__(self, path: str, *, token: str | None = None, allow: Allow | None = None) -> None:
        if not path.startswith("/"):
            raise ValueError(f"path: {path!r} is no path")
        if token is None and allow is None:
            raise ValueError("token, allow: give one of them, or anybody could purge")
        if token is not None and len(token) < 16:
            raise ValueError("token: is easily guessed, give at least 16 characters")
        if allow is not None and not callable(allow):
            raise TypeError(f"allow: {allow!r} is not callable")
        self.path = path
        self._token = None if token is None else token.encode()
        self._allow = allow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        status, said = await self._answer(scope, receive)
        content = json.dumps(said).encode()
        lines = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if status == 405:
            lines.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        fields = {name.lower(): value for name, value in scope["headers"]}
        if scope["path"] != self.path:
            return 404, {"error": "nothing here"}
        if scope["method"] != "POST":
            return 405, {"error": "POST it"}
        if _from_elsewhere(scope, fields):
            return 403, {"error": "this request comes from another site"}
        if not await self._allowed(scope, fields):
            return 403, {"error": "not allowed"}
        # A form of another site cannot have this type without asking first.
        if fields.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
            return 415, {"error": "say it in application/json"}
        content, _ = await read_ahead(receive, LIMIT)
        arguments = _arguments(content)
        if isinstance(arguments, str):
            return 400, {"error": arguments}
        try:
            return 200, {"purged": await get_cache(scope).purge(**arguments)}
        except ValueError as error:
            return 400, {"error": str(error)}

    async def _allowed(self, scope: Scope, fields: Mapping[bytes, bytes]) -> bool:
        if self._token is not None:
            scheme, _, given = fields.get(b"authorization", b"").partition(b" ")
            # In a time that tells nothing of where they differ.
            if not hmac.compare_digest(given.strip(b" "), self._token) or scheme.lower() != b"bearer":
                return False
        if self._allow is None:
            return True
        allowed = self._allow(scope)
        return (await allowed if isawaitable(allowed) else allowed) is True


def _from_elsewhere(scope: Scope, fields: Mapping[bytes, bytes]) -> bool:
    """Whether a browser says that another site has made it send this (Fetch Metadata; RFC 6454 §7)."""
    if fields.get(b"sec-fetch-site", b"none").decode("latin-1") not in SAME_SITE:
        return True
    origin = fields.get(b"origin")
    here = f"{scope.get('scheme', 'http')}://".encode() + fields.get(b"host", b"")
    return origin is not None and origin.lower() != here.lower()


def _arguments(content: bytes | None) -> dict[str, Any] | str:
    """What a request asks for, or what is wrong with it."""
    if content is None:
        return "too long"
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return "this is no JSON"
    if not isinstance(said, dict) or not said:
        return "say what to purge"
    for name, value in said.items():
        if name not in ARGUMENTS or not isinstance(value, ARGUMENTS[name]):
            return f"{name[:100]}: is no such argument, or of the wrong type"
    if not all(isinstance(group, str) for group in said.get("groups", ())):
        return "groups: give names"
    return said
