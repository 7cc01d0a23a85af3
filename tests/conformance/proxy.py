"""A caching reverse proxy on loopback around one of the adapters, for suites that speak HTTP to a cache.

    python tests/conformance/proxy.py {httpx,httpx-async,requests,asgi} --origin http://127.0.0.1:P --port Q [--private]

It runs in strict mode (`Policy.strict`) and prints ``ready`` when it listens.  HTTP passes through untouched as far as
the adapter's library lets it: status, field lines, coded content, and 1xx responses where they can be carried.
`--uncached` leaves the cache out, which shows what the library alone makes of a case.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent))

from wire import Fields, Message, Responder, Upstream, end_to_end, serve  # beside this file

from cachespec import AsyncCache, Policy, Request, Response, open_store  # the path comes first

Backend = Callable[[Message, Responder], Awaitable[None]]


@dataclass
class Options:
    """What the command line says."""

    origin: str
    private: bool
    uncached: bool
    store: str

    @property
    def policy(self) -> Policy:
        """Strict mode; nobody waits for anybody, for the suite's requests follow each other."""
        return Policy.strict(shared=not self.private)


def through_httpx(options: Options) -> Backend:
    """`CacheTransport` in a thread for each request."""
    import httpx

    from cachespec_httpx import CacheTransport

    limits = httpx.Limits(max_keepalive_connections=0)
    plain = httpx.HTTPTransport(limits=limits)
    transport = (
        plain if options.uncached else CacheTransport(plain, store=open_store(options.store), policy=options.policy)
    )

    async def backend(message: Message, responder: Responder) -> None:
        loop = asyncio.get_running_loop()

        def call() -> None:
            request = httpx.Request(message.method, options.origin + message.target, content=message.content)
            request.headers = httpx.Headers(
                [(b"host", request.url.netloc), *_raw(message.fields), *_raw(_framing(message))]
            )
            with contextlib.closing(transport.handle_request(request)) as response:
                _wait(loop, responder.start(response.status_code, _text(response.headers.raw)))
                for chunk in response.stream:
                    _wait(loop, responder.write(chunk))
            _wait(loop, responder.end())

        await asyncio.to_thread(call)

    return backend


def through_httpx_async(options: Options) -> Backend:
    """`AsyncCacheTransport` on the loop."""
    import httpx

    from cachespec_httpx import AsyncCacheTransport

    limits = httpx.Limits(max_keepalive_connections=0)
    plain = httpx.AsyncHTTPTransport(limits=limits)
    transport = (
        plain
        if options.uncached
        else AsyncCacheTransport(plain, store=open_store(options.store), policy=options.policy)
    )

    async def backend(message: Message, responder: Responder) -> None:
        request = httpx.Request(message.method, options.origin + message.target, content=message.content)
        request.headers = httpx.Headers(
            [(b"host", request.url.netloc), *_raw(message.fields), *_raw(_framing(message))]
        )
        response = await transport.handle_async_request(request)
        try:
            await responder.start(response.status_code, _text(response.headers.raw))
            async for chunk in response.stream:
                await responder.write(chunk)
        finally:
            await response.aclose()
        await responder.end()

    return backend


def through_requests(options: Options) -> Backend:
    """`CacheAdapter` in a thread for each request, without a session's own fields."""
    import requests
    import requests.adapters

    from cachespec_requests import CacheAdapter

    class Unpooled(requests.adapters.BaseAdapter):
        """Every request on a connection of its own: some cases leave a connection that cannot be used again."""

        def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
            return requests.adapters.HTTPAdapter().send(request, *args, **options)

        def close(self) -> None:
            pass

    plain = Unpooled()
    cached = CacheAdapter(adapter=plain, store=open_store(options.store), policy=options.policy)
    adapter = plain if options.uncached else cached

    async def backend(message: Message, responder: Responder) -> None:
        loop = asyncio.get_running_loop()

        def call() -> None:
            request = requests.Request(message.method, options.origin + message.target, data=message.content or None)
            prepared = request.prepare()
            prepared.headers.clear()
            # urllib3 adds fields of its own unless they are there; the connection is not to be used again.
            for name, value in [*message.fields, ("Connection", "close")]:
                prepared.headers[name] = f"{prepared.headers[name]}, {value}" if name in prepared.headers else value
            if message.content:
                prepared.headers["Content-Length"] = str(len(message.content))
            response = adapter.send(prepared, stream=True, timeout=30)
            with contextlib.closing(response):
                _wait(loop, responder.start(response.status_code, list(response.raw.headers.items())))
                for chunk in response.raw.stream(65536, decode_content=False):
                    _wait(loop, responder.write(chunk))
            _wait(loop, responder.end())

        await asyncio.to_thread(call)

    return backend


class Exchanged:
    """The origin's response, as the core wants it."""

    def __init__(self, upstream: Upstream, method: str, head: Response) -> None:
        self.head = head
        self._upstream = upstream
        self._content = upstream.content(method, head.status, list(head.headers))

    def chunks(self) -> AsyncIterator[bytes]:
        """The content."""
        return self._content

    async def aclose(self) -> None:
        """Close the connection."""
        await self._upstream.__aexit__(None, None, None)


def through_core(options: Options) -> Backend:
    """`AsyncCache` around the wire itself: the rules without any library's limits."""
    parts = urlsplit(options.origin)
    cache = AsyncCache(open_store(options.store), options.policy)

    async def backend(message: Message, responder: Responder) -> None:
        async def send(request: Request) -> Exchanged:
            upstream = await Upstream(parts.hostname or "127.0.0.1", parts.port or 80).__aenter__()
            await upstream.send(Message(message.method, message.target, list(request.headers), message.content))
            status, fields = await upstream.head()
            while 100 <= status < 200:
                await responder.interim(status, fields)
                status, fields = await upstream.head()
            return Exchanged(upstream, message.method, Response(status, end_to_end(fields)))

        request = Request(message.method, options.origin + message.target, message.fields, message.content)
        answer = await cache.fetch(request, send)
        try:
            await responder.start(answer.head.status, list(answer.head.headers))
            async for chunk in answer.content:
                await responder.write(chunk)
        finally:
            await answer.content.aclose()
        await responder.end()

    return backend


def through_asgi(options: Options) -> Backend:
    """`CacheMiddleware` around an application that asks the origin."""
    from cachespec_asgi import CacheMiddleware

    parts = urlsplit(options.origin)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80

    async def application(
        scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        content = b""
        more = True
        while more:
            event = await receive()
            content += event.get("body", b"")
            more = event.get("more_body", False)
        fields = [line for line in _text(scope["headers"]) if line[0] not in ("host", "content-length")]
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        async with Upstream(host, port) as upstream:
            await upstream.send(Message(scope["method"], target, end_to_end(fields), content))
            status, received = await upstream.head()
            while 100 <= status < 200:
                links = [value.encode("latin-1") for name, value in received if name.lower() == "link"]
                if status == 103 and links:
                    await send({"type": "http.response.early_hint", "links": links})
                status, received = await upstream.head()
            await send({"type": "http.response.start", "status": status, "headers": _raw(end_to_end(received))})
            async for chunk in upstream.content(scope["method"], status, received):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    served = (
        application
        if options.uncached
        else CacheMiddleware(application, store=open_store(options.store), policy=options.policy)
    )

    async def backend(message: Message, responder: Responder) -> None:
        path, _, query = message.target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": message.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(b"host", host.encode())]
            + [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in message.fields]
            + [(name.lower().encode(), value.encode()) for name, value in _framing(message)],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
            "extensions": {"http.response.early_hint": {}},
        }
        events = [{"type": "http.request", "body": message.content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if events:
                return events.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.early_hint":
                await responder.interim(103, [("Link", link.decode("latin-1")) for link in event["links"]])
            elif event["type"] == "http.response.start":
                await responder.start(event["status"], _text(event["headers"]))
            elif event["type"] == "http.response.body":
                await responder.write(event.get("body", b""))
                if not event.get("more_body", False):
                    await responder.end()

        await served(scope, receive, send)  # type: ignore[arg-type]  # plain dictionaries, as servers pass them

    return backend


def _raw(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


def _text(fields: Any) -> Fields:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def _framing(message: Message) -> list[tuple[str, str]]:
    return [("Content-Length", str(len(message.content)))] if message.content else []


def _wait(loop: asyncio.AbstractEventLoop, step: Awaitable[None]) -> None:
    """Have `step` done on the loop, from a thread."""

    async def wrapped() -> None:
        await step

    asyncio.run_coroutine_threadsafe(wrapped(), loop).result(30)


BACKENDS = {
    "core": through_core,
    "httpx": through_httpx,
    "httpx-async": through_httpx_async,
    "requests": through_requests,
    "asgi": through_asgi,
}


async def main_async(arguments: argparse.Namespace) -> None:
    """Serve until the process is ended."""
    options = Options(arguments.origin.rstrip("/"), arguments.private, arguments.uncached, arguments.store)
    server = await serve(BACKENDS[arguments.adapter](options), arguments.port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("adapter", choices=sorted(BACKENDS))
    parser.add_argument("--origin", required=True, help="the server behind the cache, as http://host:port")
    parser.add_argument("--port", type=int, required=True, help="where to listen on 127.0.0.1")
    parser.add_argument("--private", action="store_true", help="be a private cache")
    parser.add_argument("--uncached", action="store_true", help="leave the cache out")
    parser.add_argument("--store", default="memory:", help="where to store, as a URL (default: memory:)")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main_async(parser.parse_args()))


if __name__ == "__main__":
    main()
