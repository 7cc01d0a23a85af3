from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest

from cachespec import Policy, Request, Wish
from cachespec.keys import NORMALISE, NORMALISE_STRICT
from cachespec.policy import DISABLE, HEURISTICALLY_CACHEABLE, Override

URL = "https://www.example.com/api/x?y"


# --- defaults


def test_by_default_it_is_a_private_cache() -> None:
    policy = Policy()
    assert policy.shared is False
    assert policy.enabled is True
    assert policy.heuristics is True
    assert policy.honour_request is True
    assert policy.credentials == "partition"
    assert policy.set_cookie == "store"
    assert policy.targets == ()
    assert policy.cache_status is None
    assert policy.collapse_wait == 1.0
    assert policy.methods == {"GET"}
    assert policy.stale_if_error is None
    assert policy.normalisers is NORMALISE


def test_a_shared_cache_follows_the_rfc_where_credentials_are_concerned() -> None:
    assert Policy(shared=True).credentials == "rfc"


def test_a_gateway_is_careful() -> None:
    policy = Policy.gateway()
    assert policy.shared is True
    assert policy.heuristics is False
    assert policy.honour_request is False
    assert policy.credentials == "explicit"
    assert policy.set_cookie == "bypass"
    assert policy.targets == ("cachespec-cache-control",)
    assert policy.refuse_vary == {"cookie", "authorization", "user-agent"}
    assert policy.cache_status == "cachespec"
    assert policy.debug is False
    assert policy.collapse_wait == 5.0


def test_each_default_of_a_gateway_has_a_switch() -> None:
    policy = Policy.gateway(heuristics=True, credentials="rfc", targets=(), cache_status=None)
    assert (policy.heuristics, policy.credentials, policy.targets, policy.cache_status) == (True, "rfc", (), None)
    assert policy.set_cookie == "bypass"


@pytest.mark.parametrize("shared", [False, True])
def test_strict_is_all_that_the_rfcs_allow(shared: bool) -> None:
    policy = Policy.strict(shared=shared)
    assert policy.shared is shared
    assert policy.heuristics
    assert policy.honour_request
    assert policy.post_as_get
    assert policy.set_cookie == "store"
    assert policy.credentials == ("rfc" if shared else "partition")
    assert ("cdn-cache-control" in policy.targets) is shared
    assert policy.normalisers is NORMALISE_STRICT
    assert Policy.strict(shared=shared, heuristics=False).heuristics is False


def test_private_and_shared_caches_have_key_spaces_of_their_own() -> None:
    policies = [Policy(), Policy(shared=True), Policy(namespace="x"), Policy(shared=True, namespace="x")]
    assert len({policy.space for policy in policies}) == 4


# --- what is wrong is named


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"shared": 1}, TypeError, "shared"),
        ({"shared": "yes"}, TypeError, "shared"),
        ({"enabled": None}, TypeError, "enabled"),
        ({"namespace": 5}, TypeError, "namespace"),
        ({"methods": "GET"}, TypeError, "methods"),
        ({"methods": [1]}, TypeError, "methods"),
        ({"methods": {"GET", "HEAD"}}, ValueError, "methods.*HEAD"),
        ({"methods": {"PUT", "DELETE"}}, ValueError, "methods.*DELETE, PUT"),
        ({"methods": {"GET", "POST"}}, ValueError, "methods.*body_in_key"),
        ({"credentials": "partition", "shared": True}, ValueError, "credentials"),
        ({"credentials": "guess"}, ValueError, "credentials.*partition, explicit, rfc"),
        ({"set_cookie": "eat"}, ValueError, "set_cookie.*store, bypass, strip"),
        ({"revalidate": "never"}, ValueError, "revalidate"),
        ({"heuristic_fraction": 1.1}, ValueError, "heuristic_fraction"),
        ({"heuristic_fraction": -0.1}, ValueError, "heuristic_fraction"),
        ({"heuristic_fraction": float("nan")}, ValueError, "heuristic_fraction"),
        ({"heuristic_fraction": "0.1"}, TypeError, "heuristic_fraction"),
        ({"heuristic_fraction": True}, TypeError, "heuristic_fraction"),
        ({"heuristic_cap": 1.5}, TypeError, "heuristic_cap"),
        ({"heuristic_cap": True}, TypeError, "heuristic_cap"),
        ({"heuristic_cap": -1}, ValueError, "heuristic_cap"),
        ({"statuses": {100}}, ValueError, "statuses"),
        ({"statuses": {600}}, ValueError, "statuses"),
        ({"statuses": {"200"}}, TypeError, "statuses"),
        ({"statuses": 200}, TypeError, "statuses"),
        ({"targets": ("CDN-Cache-Control",)}, ValueError, "targets"),
        ({"targets": ("a b",)}, ValueError, "targets"),
        ({"targets": "x"}, TypeError, "targets"),
        ({"targets": (1,)}, TypeError, "targets"),
        ({"vary_by": ("X-Tenant",)}, ValueError, "vary_by"),
        ({"refuse_vary": {"Cookie"}}, ValueError, "refuse_vary"),
        ({"key": "url"}, TypeError, "key"),
        ({"request_filter": 1}, TypeError, "request_filter"),
        ({"normalise": len}, TypeError, "normalise"),
        ({"stale_if_error": -1}, ValueError, "stale_if_error"),
        ({"stale_if_error": 1.0}, TypeError, "stale_if_error"),
        ({"collapse_wait": -1.0}, ValueError, "collapse_wait"),
        ({"overrides": (1,)}, TypeError, "overrides"),
        ({"overrides": Override(ttl=1)}, TypeError, "overrides"),
        ({"cache_status": "my cache"}, ValueError, "cache_status"),
        ({"cache_status": ""}, ValueError, "cache_status"),
        ({"from_cache_field": "a:b"}, ValueError, "from_cache_field"),
        ({"max_body": None}, TypeError, "max_body"),
        ({"no_such_option": 1}, TypeError, "no_such_option"),
    ],
)
def test_a_wrong_option_is_named(options: Any, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        Policy(**options)


def test_sets_and_sequences_may_be_of_any_type() -> None:
    policy = Policy(methods=["GET", "QUERY"], targets=["a"], refuse_vary=("b",), statuses={200}, vary_by=["c"])
    assert policy.methods == frozenset({"GET", "QUERY"})
    assert policy.targets == ("a",)
    assert policy.refuse_vary == frozenset({"b"})
    assert policy.statuses == frozenset({200})
    assert policy.vary_by == ("c",)
    assert isinstance(policy.methods, frozenset)
    assert hash(policy.targets) is not None


def test_a_whole_number_may_stand_for_a_float() -> None:
    assert Policy(collapse_wait=2, heuristic_fraction=0).collapse_wait == 2


def test_it_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Policy().shared = True  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Wish().mode = "reload"  # type: ignore[misc]


def test_every_option_says_what_it_is() -> None:
    for option in fields(Policy):
        with pytest.raises((TypeError, ValueError), match=option.name):
            Policy(**{option.name: object()})


@pytest.mark.parametrize(("value", "enabled"), [("1", False), ("0", True), ("", True)])
def test_the_environment_may_switch_every_cache_off(value: str, enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE, value)
    assert Policy().enabled is enabled
    assert Policy.gateway().enabled is enabled


# --- wishes


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"mode": "reloaded"}, ValueError, "mode.*force-cache"),
        ({"mode": None}, ValueError, "mode"),
        ({"ttl": -1}, ValueError, "ttl"),
        ({"ttl": 1.5}, TypeError, "ttl"),
        ({"ttl": timedelta(seconds=-1)}, ValueError, "ttl"),
        ({"sliding": True}, ValueError, "sliding"),
        ({"sliding": 1, "ttl": 1}, TypeError, "sliding"),
        ({"key": "a"}, ValueError, "key"),
        ({"key": 5}, TypeError, "key"),
        ({"groups": "g"}, TypeError, "groups"),
        ({"partition": 5}, TypeError, "partition"),
        ({"body_in_key": "x"}, TypeError, "body_in_key"),
        ({"stale_if_error": -5}, ValueError, "stale_if_error"),
        ({"overrides": 0}, TypeError, "overrides"),
    ],
)
def test_a_wrong_wish_is_named(options: Any, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        Wish(**options)


def test_a_length_of_time_may_be_a_timedelta() -> None:
    wish = Wish(ttl=timedelta(minutes=2), stale_if_error=timedelta(hours=1), sliding=True, groups=["g"])
    assert (wish.ttl, wish.stale_if_error, wish.groups) == (120, 3600, ("g",))


# --- overrides


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({}, ValueError, "ttl, directives"),
        ({"ttl": 1, "directives": "max-age=1"}, ValueError, "ttl, directives"),
        ({"ttl": -1}, ValueError, "ttl"),
        ({"ttl": "1"}, TypeError, "ttl"),
        ({"ttl": 1, "when": "sometimes"}, ValueError, "when"),
        ({"ttl": 1, "host": None}, TypeError, "host"),
        ({"ttl": 1, "methods": "GET"}, TypeError, "methods"),
        ({"ttl": 1, "statuses": ["200"]}, TypeError, "statuses"),
        ({"directives": "max-age=1", "sliding": True}, ValueError, "sliding"),
    ],
)
def test_a_wrong_override_is_named(options: Any, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        Override(**options)


def test_an_override_is_directives() -> None:
    assert Override(ttl=5).text == "max-age=5"
    assert Override(ttl=timedelta(minutes=1)).text == "max-age=60"
    assert Override(directives="no-store").text == "no-store"
    assert Override(ttl=0).statuses == HEURISTICALLY_CACHEABLE - {206}


@pytest.mark.parametrize(
    ("options", "matches"),
    [
        ({}, True),
        ({"host": "www.example.com"}, True),
        ({"host": "WWW.*"}, True),
        ({"host": "*.example.com"}, True),
        ({"host": "example.com"}, False),
        ({"path": "/api/*"}, True),
        ({"path": "/api"}, False),
        ({"path": "/API/*"}, False),
        ({"path": "*y*"}, False),
        ({"host": "*.example.com", "path": "/other"}, False),
        ({"methods": {"GET"}}, True),
        ({"methods": {"POST"}}, False),
    ],
)
def test_an_override_is_about_some_urls(options: Any, matches: bool) -> None:
    assert Override(ttl=1, **options).matches(Request("GET", URL)) is matches


def test_the_first_override_for_a_url_and_a_status_counts() -> None:
    first = Override(ttl=1, path="/api/*", statuses=frozenset({404}))
    second, third = Override(ttl=2), Override(ttl=3)
    policy = Policy(overrides=(first, second, third))
    request = Request("GET", URL)
    assert [policy.override(request, status) for status in (404, 200, 429)] == [first, second, None]


def test_an_override_is_not_about_what_has_no_host() -> None:
    assert not Override(ttl=1, host="a*").matches(Request("GET", "nothing"))
