"""Trust: one secret, nothing secret at rest, nothing damaged handed out, nothing after the end."""

from __future__ import annotations

import unittest
from functools import partial

from ... import codec
from ...drive_sync import Cache
from ...keys import keyed_digest
from ...messages import Request
from ..live import Live
from ..samples import NOW, entry
from .acts import KEY, LONG, SECRETS, URL, body_at, long_body, put, raises
from .subject import Subject


class Trust(Subject):
    """What a store promises of what is at rest."""

    def test_the_secret_is_one_and_random(self) -> None:
        store = self.store()
        secret = store.secret()
        assert len(secret) >= 32
        assert store.secret() == secret
        assert self.opened(self.make()).secret() != secret or self.again() is not None

    def test_no_request_field_is_at_rest(self) -> None:
        store = self.store()
        cache: Cache = Cache(store, clock=lambda: NOW)
        live = Live(b"x" * LONG, Vary="Cookie")
        for authorization, cookie in (SECRETS, ("Basic dGVzdA==", "other=1")):
            headers = {"Authorization": authorization, "Cookie": cookie}
            answer = cache.fetch(Request("GET", URL, headers), live.answering)
            assert b"".join(answer.content) == live.body
            assert answer.info.stored
        at_rest = b"".join(codec.encode(item) for _, item in store.items()) + (self.octets() or b"")
        assert keyed_digest(store.secret(), SECRETS[1]).encode() in at_rest
        for value in ("abracadabra", "sesame", "dGVzdA"):
            assert value.encode() not in at_rest

    def test_a_damaged_item_is_not_there_and_can_be_replaced(self) -> None:
        store = self.store()
        assert put(store, KEY, entry(URL, b"x" * 1000))
        if not self.damage(KEY):
            raise unittest.SkipTest("damage: cannot be done")
        assert store.read(KEY).item is None
        assert KEY not in dict(store.items())
        store.sweep(NOW)
        assert put(store, KEY, entry(URL, b"new"))
        assert body_at(store, KEY) == b"new"

    def test_a_damaged_body_is_not_handed_out(self) -> None:
        store = self.store()
        item, body = long_body(store)
        assert put(store, KEY, item)
        if not self.damage_body(item.body_id or ""):
            raise unittest.SkipTest("damage_body: cannot be done")
        opened = store.open(item.body_id or "")
        assert opened is not None
        read: list[bytes] = []
        assert raises(lambda: read.extend(opened.chunks(0, LONG)))
        opened.close()
        assert body.startswith(b"".join(read))

    def test_a_closed_store_raises(self) -> None:
        store = self.make()
        opened = self.opened(store)
        opened.read(KEY)
        opened.close()
        opened.close()
        assert raises(partial(opened.read, KEY))
        assert raises(partial(opened.swap, KEY, entry(URL), 0, 0))
