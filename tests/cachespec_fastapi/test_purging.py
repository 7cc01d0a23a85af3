from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.responses import JSONResponse

from cachespec import CacheInfo, Gateway
from cachespec_fastapi import CacheDep, LocalCache, install


class Recorder:
    """A gateway that remembers what it was asked for."""

    def __init__(self, *, caching: bool = True) -> None:
        self.fields: list[tuple[str, str]] = []
        self.caching = caching
        self.info: CacheInfo | None = CacheInfo()
        self.purged: list[dict[str, Any]] = []
        self.refreshed: list[str] = []

    async def purge(self, **asked: Any) -> int:
        self.purged.append({name: value for name, value in asked.items() if value not in (None, False, ())})
        return 3

    async def refresh(self, url: str) -> None:
        self.refreshed.append(url)


class Lab:
    """An application whose endpoint at ``/`` does one thing to its cache, and with it a gateway."""

    def __init__(self, does: Any = None, *, installed: bool = True, answer: Any = None) -> None:
        self.app = FastAPI()
        self.gateway = Recorder()
        if installed:
            install(self.app)
        router = APIRouter(prefix="/articles")

        @router.get("/{number}", name="article")
        async def article(number: int) -> Any: ...

        self.app.include_router(router)

        @self.app.api_route("/", methods=["GET", "POST", "DELETE"])
        async def endpoint(cache: CacheDep) -> Any:
            result = await does(cache)
            return {"result": result} if answer is None else answer(result)


def test_the_recorder_is_a_gateway() -> None:
    assert isinstance(Recorder(), Gateway)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({"url": "/articles/1"}, {"url": "/articles/1"}),
        ({"url": "https://other.example/a", "soft": True}, {"url": "https://other.example/a", "soft": True}),
        ({"route": "article", "params": {"number": 7}}, {"url": "http://example.com/articles/7"}),
        ({"groups": "articles"}, {"groups": ("articles",)}),
        ({"groups": ["a", "é\r\n"]}, {"groups": ("a", "%C3%A9%0D%0A")}),
        pytest.param({"groups": iter(["x" * 300])}, {"groups": ("x" * 256,)}, id="an iterator"),
        ({"prefix": "/articles/"}, {"prefix": "/articles/"}),
        ({"everything": True}, {"everything": True}),
        ({"expired": True}, {"expired": True}),
    ],
    ids=str,
)
def test_a_purge_reaches_the_cache_around(ask: Any, arguments: dict[str, Any], asked: dict[str, Any]) -> None:
    lab = Lab(lambda cache: cache.purge(**arguments))
    reply = ask(lab.app, "/", "POST", cachespec=lab.gateway)
    assert (reply.body, lab.gateway.purged) == (b'{"result":3}', [asked])


def test_the_url_may_be_given_without_its_name(ask: Any) -> None:
    lab = Lab(lambda cache: cache.purge("/articles/1"))
    ask(lab.app, "/", "POST", cachespec=lab.gateway)
    assert lab.gateway.purged == [{"url": "/articles/1"}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs"),
        ({"soft": True}, "needs"),
        ({"groups": []}, "needs"),
        ({"url": "/", "route": "article"}, "^route: "),
        ({"url": "/", "params": {}}, "^params: "),
    ],
    ids=str,
)
def test_a_purge_says_of_what(ask: Any, arguments: dict[str, Any], words: str) -> None:
    lab = Lab(lambda cache: cache.purge(**arguments))
    with pytest.raises(TypeError, match=words):
        ask(lab.app, "/", "POST", cachespec=lab.gateway)
    assert lab.gateway.purged == []


def test_a_refresh_reaches_the_cache_around(ask: Any) -> None:
    async def does(cache: LocalCache) -> None:
        await cache.refresh("/articles/1")
        await cache.refresh(route="article", params={"number": 2})

    lab = Lab(does)
    ask(lab.app, "/", cachespec=lab.gateway)
    assert lab.gateway.refreshed == ["/articles/1", "http://example.com/articles/2"]


@pytest.mark.parametrize("arguments", [{}, {"url": "/", "route": "article"}], ids=str)
def test_a_refresh_says_of_what(ask: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="url or route"):
        ask(Lab(lambda cache: cache.refresh(**arguments)).app, "/")


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "not installed"])
@pytest.mark.parametrize("caching", [None, False], ids=["nothing around", "a gateway that is no cache"])
def test_where_there_is_no_cache_nothing_is_purged_and_that_is_said_once(
    ask: Any, caplog: pytest.LogCaptureFixture, installed: bool, caching: bool | None
) -> None:
    async def does(cache: LocalCache) -> Any:
        await cache.refresh("/")
        return cache.caching, cache.info, await cache.purge("/")

    lab = Lab(does, installed=installed)
    scope = {} if caching is None else {"cachespec": Recorder(caching=False)}
    for _ in range(2):
        assert ask(lab.app, "/", "POST", **scope).body == b'{"result":[false,null,0]}'
    assert [record.getMessage() for record in caplog.records] == [
        "no cache stands around this application: purge() and refresh() have nothing to do"
    ]


def test_the_cache_tells_what_it_did(ask: Any) -> None:
    async def does(cache: LocalCache) -> Any:
        assert cache.info is not None
        return cache.caching, cache.info.status

    lab = Lab(does)
    assert ask(lab.app, "/", cachespec=lab.gateway).body == b'{"result":[true,"miss"]}'


@pytest.mark.parametrize("around", [True, False], ids=["with a cache", "alone"])
@pytest.mark.parametrize(
    ("method", "arguments", "value"),
    [
        ("POST", {"groups": ["a", "b"]}, '"a", "b"'),
        ("DELETE", {"groups": "é", "url": "/"}, '"%C3%A9"'),
        ("POST", {"groups": "a", "soft": True}, None),
        ("GET", {"groups": "a"}, None),
        ("POST", {"url": "/"}, None),
        ("POST", {"groups": [str(number) for number in range(129)]}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("installed", [True, False], ids=["installed", "not installed"])
def test_other_caches_are_told_which_groups_are_obsolete(
    ask: Any, method: str, arguments: dict[str, Any], value: str | None, around: bool, installed: bool
) -> None:
    lab = Lab(lambda cache: cache.purge(**arguments), installed=installed)
    scope = {"cachespec": lab.gateway} if around else {}
    assert ask(lab.app, "/", method, **scope)["cache-group-invalidation"] == value


def test_other_caches_are_told_with_a_response_object_too(ask: Any) -> None:
    lab = Lab(lambda cache: cache.purge(groups="a"), answer=lambda _: JSONResponse({}, 404))
    assert ask(lab.app, "/", "POST")["cache-group-invalidation"] == '"a"'


def test_all_purges_of_one_request_are_told_together(ask: Any) -> None:
    async def does(cache: LocalCache) -> None:
        for groups in ("a", "b", "a"):
            await cache.purge(groups=groups)

    for installed in (True, False):
        assert ask(Lab(does, installed=installed).app, "/", "POST").all("cache-group-invalidation") == ['"a", "b"']


async def purging(cache: CacheDep) -> int:
    return await cache.purge(groups="a")


def test_a_websocket_may_purge(runner: Any) -> None:
    app, gateway = FastAPI(), Recorder()
    install(app)

    @app.websocket("/")
    async def endpoint(websocket: WebSocket, purged: Annotated[int, Depends(purging)]) -> None:
        await websocket.accept()
        await websocket.send_text(str(purged))
        await websocket.close()

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "cachespec": gateway}
    runner.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert sent[1]["text"] == "3"
    assert gateway.purged == [{"groups": ("a",)}]
