"""Equivalent URLs under No-Vary-Search, as the whole flow sees them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cachespec import Cache, MemoryStore, Policy, Request, Response
from cachespec.entries import Variants
from cachespec.equivalents import equivalent_url


class Live:
    """A response of the scripted origin."""

    def __init__(self, head: Response, content: bytes) -> None:
        self.head = head
        self.content = content

    def chunks(self) -> Iterator[bytes]:
        yield self.content

    def close(self) -> None:
        pass


class Browser:
    """A cache with an origin that answers every URL with its own text and one No-Vary-Search."""

    def __init__(self, field: str | None, **options: bool) -> None:
        self.asked: list[str] = []
        self.field = field
        self.store = MemoryStore()
        self.cache = Cache(self.store, Policy(no_vary_search=options.get("on", True)), clock=lambda: 1e9)

    def get(self, url: str) -> str:
        """The text of the answer to `url`."""

        def send(request: Request) -> Live:
            self.asked.append(request.url)
            lines = [("Cache-Control", "max-age=60")]
            if self.field is not None:
                lines.append(("No-Vary-Search", self.field))
            return Live(Response(200, lines), request.url.encode())

        answer = self.cache.fetch(Request("GET", url), send)
        text = b"".join(answer.content).decode()
        answer.content.close()
        return text


@pytest.mark.requirement("NVS-7-01")
@pytest.mark.parametrize(
    ("field", "first", "second"),
    [
        pytest.param('params=("utm")', "http://a.test/x?id=1&utm=mail", "http://a.test/x?id=1&utm=web", id="listed"),
        pytest.param('except=("id")', "http://a.test/x?id=1&y=2", "http://a.test/x?z=3&id=1", id="all but one"),
        pytest.param("key-order", "http://a.test/x?a=1&b=2", "http://a.test/x?b=2&a=1", id="order"),
        pytest.param('params=("utm")', "http://a.test/x?utm=mail", "http://a.test/x", id="no query left"),
    ],
)
def test_an_equivalent_url_is_answered_by_the_stored_response(field: str, first: str, second: str) -> None:
    browser = Browser(field)
    assert browser.get(first) == first
    assert browser.get(second) == first
    assert browser.asked == [first]


@pytest.mark.requirement("NVS-6-02", "NVS-5.1-01")
@pytest.mark.parametrize("field", [None, "params", 'params=("a"), except=("b")', "key-order=?0"])
def test_without_a_valid_field_queries_compare_as_they_stand(field: str | None) -> None:
    browser = Browser(field)
    browser.get("http://a.test/x?a=1&b=2")
    assert browser.get("http://a.test/x?b=2&a=1") == "http://a.test/x?b=2&a=1"


def test_the_field_counts_only_where_the_policy_says_so() -> None:
    browser = Browser("key-order", on=False)
    browser.get("http://a.test/x?a=1&b=2")
    browser.get("http://a.test/x?b=2&a=1")
    assert len(browser.asked) == 2


def test_the_very_url_goes_before_an_equivalent_one() -> None:
    browser = Browser(None)
    browser.get("http://a.test/x?b=2&a=1")
    browser.field = "key-order"
    browser.get("http://a.test/x?a=1&b=2")
    assert browser.get("http://a.test/x?b=2&a=1") == "http://a.test/x?b=2&a=1"


def test_of_several_values_of_the_field_each_is_tried() -> None:
    browser = Browser("key-order")
    browser.get("http://a.test/x?a=1&b=2")
    browser.field = 'params=("utm")'
    browser.get("http://a.test/x?c=1&utm=1")
    browser.get("http://a.test/x?d=1&utm=1")
    assert browser.get("http://a.test/x?b=2&a=1") == "http://a.test/x?a=1&b=2"
    assert browser.get("http://a.test/x?c=1&utm=2") == "http://a.test/x?c=1&utm=1"
    assert browser.get("http://a.test/x?other=1") == "http://a.test/x?other=1"


def test_a_purged_response_is_not_found_by_an_equivalent_url() -> None:
    browser = Browser("key-order")
    browser.get("http://a.test/x?a=1&b=2")
    browser.cache.purge(url="http://a.test/x?a=1&b=2")
    assert browser.get("http://a.test/x?b=2&a=1") == "http://a.test/x?b=2&a=1"


def test_the_newest_of_equivalent_responses_is_found() -> None:
    browser = Browser("key-order")
    browser.get("http://a.test/x?a=1&b=2&c=3")
    browser.cache.purge(url="http://a.test/x?a=1&b=2&c=3")
    browser.get("http://a.test/x?b=2&a=1&c=3")
    assert browser.get("http://a.test/x?c=3&b=2&a=1") == "http://a.test/x?b=2&a=1&c=3"


def test_a_variant_is_found_for_an_equivalent_url() -> None:
    store = MemoryStore()
    cache = Cache(store, Policy(no_vary_search=True), clock=lambda: 1e9)
    fields = {"Cache-Control": "max-age=60", "Vary": "Accept", "No-Vary-Search": 'params=("utm")'}
    lives = [Live(Response(200, fields), b"one"), Live(Response(200, fields), b"two")]

    def get(url: str, accept: str) -> bytes:
        answer = cache.fetch(Request("GET", url, {"Accept": accept}), lambda _: lives.pop(0))
        return b"".join(answer.content)

    assert get("http://a.test/x?utm=1", "a") == b"one"
    assert get("http://a.test/x?utm=2", "a") == b"one"
    assert get("http://a.test/x?utm=2", "b") == b"two"


def test_a_record_that_says_something_else_leads_nowhere() -> None:
    browser = Browser('params=("utm")')
    browser.get("http://a.test/x?id=1&utm=mail")
    policy = browser.cache.policy
    pointers = [key for key, item in browser.store.items() if isinstance(item, Variants) and "id=1" in item.url]
    for key in pointers:
        reading = browser.store.read(key)
        elsewhere = Variants("http://a.test/x?id=1", b"", (("http://a.test/x?id=2",),), 0)
        assert browser.store.swap(key, elsewhere, reading.revision, reading.mark)
    assert browser.cache.run(equivalent_url("http://a.test/x?id=1&utm=web", policy)) is None
    for key, item in list(browser.store.items()):
        if isinstance(item, Variants) and item.url == "http://a.test/x":
            reading = browser.store.read(key)
            void = Variants(item.url, b"", (("params=(1)",),), 0)
            assert browser.store.swap(key, void, reading.revision, reading.mark)
    assert browser.cache.run(equivalent_url("http://a.test/x?id=1&utm=web", policy)) is None


def test_what_is_stored_again_is_remembered_once() -> None:
    now = [1e9]
    browser = Browser('params=("utm")')
    browser.cache.clock = lambda: now[0]
    for _ in range(2):
        browser.get("http://a.test/x?utm=mail")
        now[0] += 100
    records = [key for key, item in browser.store.items() if isinstance(item, Variants)]
    revisions = {key: browser.store.read(key).revision for key in records}
    browser.get("http://a.test/x?utm=mail")
    assert {key: browser.store.read(key).revision for key in revisions} == revisions
    assert len(browser.asked) == 3
