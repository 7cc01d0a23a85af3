"""Choosing among stored responses, and placing a new one among them.  RFC 9111 §4.1, §4

`find` and `publish` are the two ends of one arrangement, told at the head of `keys`: a plain response at the primary
key, or a record there that leads to variants.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from .entries import Entry, Variants
from .equivalents import equivalent_url, remember_equivalence
from .keys import (
    Selecting,
    keyed_digest,
    normalise_url,
    primary_key,
    selecting_values,
    variant_key,
    vary_names,
    with_params,
)
from .languages import preferred_language
from .messages import Request
from .policy import NO_WISH, Policy, Wish
from .steps import Discard, Plan, Read, Secret, StoreFlow, Swap
from .stores.contract import Reading

SETS: Final = 4
"""How many sets of names a record keeps: the newest ones."""
TAGS: Final = 8
"""How many entity-tags it keeps for one conditional request."""
ATTEMPTS: Final = 4
"""How often a record that others keep changing is tried again."""
URL_LIMIT: Final = 16 * 1024
"""Characters of the longest URL that has a key."""


@dataclass(slots=True)
class Keys:
    """Where everything about one request lies."""

    url: str
    primary: bytes
    base: Selecting
    """The selecting values that do not depend on Vary: method, content, principal, `Policy.vary_by`."""
    secret: bytes


@dataclass(slots=True)
class Candidate:
    """A stored response, where it lies, and the revision it has there."""

    entry: Entry
    key: bytes
    revision: int


@dataclass(slots=True)
class Found:
    """What lies there."""

    root: Reading
    """At the primary key."""
    candidate: Candidate | None = None
    """The response that matches the request; of several, the one to prefer."""
    varies: bool = False
    """Whether anything lies there that other requests may match."""
    key: bytes = b""
    """Where the variant for this request would lie, by the newest Vary."""
    tagged: tuple[tuple[str, bytes], ...] = ()
    """Entity-tags of variants and their keys."""


def key_url(request: Request, policy: Policy, wish: Wish = NO_WISH) -> str | None:
    """The normalised URL that stands for `request` in the key; None where there is none."""
    url: str | None = request.url
    if wish.key is not None:
        url = wish.key
    elif policy.key is not None:
        url = policy.key(request)
    return None if url is None else kept_url(url, policy)


def kept_url(url: str, policy: Policy) -> str | None:
    """`url` as it stands in keys; None where it is too long for that."""
    if len(url) > URL_LIMIT:
        return None
    url = normalise_url(url)
    if (policy.ignore_params or policy.sort_params) and "?" in url:
        url = with_params(url, policy.ignore_params, sort=policy.sort_params)
    return url


def keys_for(request: Request, policy: Policy, wish: Wish = NO_WISH) -> StoreFlow[Keys | None]:
    """The keys of `request`; None for one that has none and so must bypass the cache."""
    url = key_url(request, policy, wish)
    if url is None:
        return None
    fields = request.headers.fields
    base: list[tuple[str, str | None]] = []
    if request.method not in ("GET", "HEAD"):
        if request.content is None:
            return None
        # RFC 10008 §2.7: the content and its metadata are part of the key.
        base.append(("@method", request.method))
        base.append(("@content", sha256(request.content).hexdigest()))
        base.extend((name, fields.get(name)) for name in ("content-type", "content-encoding"))
    secret = b""
    partition = policy.credentials == "partition" and "authorization" in fields
    if partition or wish.partition is not None or any(name in fields for name in policy.vary_by):
        secret = yield Secret()
        if secret is None:
            return None
        if partition:
            # Ruling D26: every principal has entries of its own.
            base.append(("@principal", keyed_digest(secret, fields["authorization"])))
        if wish.partition is not None:
            base.append(("@partition", keyed_digest(secret, wish.partition)))
        named = tuple([name for name in policy.vary_by if name in fields])
        base.extend(selecting_values(named, fields, policy.normalisers, secret))
    return Keys(url, primary_key(url, policy.space), tuple(base), secret)


def find(request: Request, keys: Keys, policy: Policy, root: Reading | None = None) -> StoreFlow[Found]:
    """The stored response that matches `request`, if there is one.  RFC 9111 §4.1

    `root` is what lies at the primary key, if somebody has looked.
    """
    found = yield from _find_at(request, keys, policy, root)
    if found.root.item is None and policy.no_vary_search:
        url = yield from equivalent_url(keys.url, policy)
        if url is not None:
            there = replace(keys, url=url, primary=primary_key(url, policy.space))
            found.candidate = (yield from _find_at(request, there, policy, None)).candidate
    return found


def stored(request: Request, policy: Policy) -> StoreFlow[Entry | None]:
    """What is stored for `request`, fresh or not; None where nothing is."""
    keys = yield from keys_for(request, policy)
    if keys is None:
        return None
    candidate = (yield from find(request, keys, policy)).candidate
    return None if candidate is None else candidate.entry


def _find_at(request: Request, keys: Keys, policy: Policy, root: Reading | None) -> StoreFlow[Found]:
    if root is None:
        root = yield Read(keys.primary)
    item = root.item
    # The recipe is compared, not only its digest: a mismatch is a miss.
    if item is None or item.url != keys.url:
        return Found(root)
    if isinstance(item, Entry):
        if keys.base:
            return Found(root, varies=True)
        return Found(root, Candidate(item, keys.primary, root.revision))
    found = Found(root, varies=True, tagged=item.tags)
    for names in item.names:
        selecting = yield from _selecting(names, request, keys, policy)
        if selecting is None:
            continue
        key = variant_key(keys.primary, item.generation, selecting)
        found.key = found.key or key
        reading: Reading = yield Read(key)
        entry = reading.item
        if isinstance(entry, Entry) and entry.selecting == selecting and entry.url == keys.url:
            if found.candidate is None or _preferred(entry, found.candidate.entry):
                found.candidate = Candidate(entry, key, reading.revision)
    if found.candidate is None and policy.select_language:
        found.candidate = yield from _by_language(request, item, keys, policy)
    return found


def _by_language(request: Request, record: Variants, keys: Keys, policy: Policy) -> StoreFlow[Candidate | None]:
    """The variant in the language that `request` wants most, if all else matches.  RFC 9111 §4.1"""
    language = preferred_language(request.headers.get("accept-language"))
    for known, key in record.languages:
        if known != language:
            continue
        reading: Reading = yield Read(key)
        entry = reading.item
        if isinstance(entry, Entry):
            names = vary_names(entry.headers.get("vary")) or ()
            selecting = yield from _selecting(names, request, keys, policy)
            if selecting is not None and _but_language(selecting) == _but_language(entry.selecting):
                return Candidate(entry, key, reading.revision)
    return None


def _but_language(selecting: Selecting) -> Selecting:
    return tuple([pair for pair in selecting if pair[0] != "accept-language"])


def _preferred(entry: Entry, other: Entry) -> bool:
    """Whether `entry` goes before `other`: with Vary before without, then the more recent.  RFC 9111 §4, §4.1"""
    varies, other_varies = "vary" in entry.headers, "vary" in other.headers
    return varies if varies != other_varies else entry.date > other.date


def candidates(found: Found, keys: Keys) -> StoreFlow[list[Candidate]]:
    """The stored responses that a conditional request may ask about.  RFC 9111 §4.3.1

    The one that matches; where none does, the variants that have entity-tags, for the server may choose one of them.
    Never another principal's, though: its fields are nobody else's business, whatever the server says of its content.
    """
    if found.candidate is not None:
        return [found.candidate]
    nominated: list[Candidate] = []
    for tag, key in found.tagged:
        reading: Reading = yield Read(key)
        entry = reading.item
        if isinstance(entry, Entry) and entry.etag == tag:
            varying = vary_names(entry.headers.get("vary")) or ()
            if entry.selecting[: len(entry.selecting) - len(varying)] == keys.base:
                nominated.append(Candidate(entry, key, reading.revision))
    return nominated


def _selecting(names: tuple[str, ...], request: Request, keys: Keys, policy: Policy) -> StoreFlow[Selecting | None]:
    """The selecting values of `request` where Vary says `names`; None where the store's secret cannot be had."""
    fields = request.headers.fields
    if not keys.secret and any(name in fields for name in ("authorization", "cookie", "proxy-authorization")):
        secret = yield Secret()
        if secret is None:
            return None
        keys.secret = secret
    return keys.base + selecting_values(names, fields, policy.normalisers, keys.secret)


def select(
    entry: Entry, names: tuple[str, ...], request: Request, keys: Keys, policy: Policy
) -> StoreFlow[Entry | None]:
    """`entry` with the selecting values that `request` has for `names`; None where they cannot be told.

    At a validation they are taken anew from the validating request (ruling D24).
    """
    selecting = keys.base
    if names:
        found = yield from _selecting(names, request, keys, policy)
        if found is None:
            return None
        selecting = found
    return entry if entry.selecting == selecting else replace(entry, selecting=selecting)


def place_of(plan: Plan) -> StoreFlow[tuple[Reading, Reading]]:
    """What lies at the primary key by now, with the mark of the exchange, and what lies where `plan.entry` belongs."""
    now: Reading = yield Read(plan.primary)
    root = Reading(now.item, now.revision, plan.root.mark)
    if isinstance(root.item, Variants):
        there: Reading = yield Read(variant_key(plan.primary, root.item.generation, plan.entry.selecting))
        return root, there
    return root, (Reading(None, 0, root.mark) if plan.names or plan.entry.selecting else root)


def publish(plan: Plan, entry: Entry, policy: Policy, there: Reading | None = None) -> StoreFlow[bool]:
    """Put `entry`, whose body is complete, where later requests find it; whether that came about.

    `there` is what lies there already, if somebody has looked.
    """
    root = plan.root
    mark = root.mark
    if mark < 0:
        return False
    if not entry.selecting and not plan.names and not isinstance(root.item, Variants):
        stored = yield Swap(plan.primary, entry, root.revision, mark)
        if stored:
            if root.item is not None:
                yield from _let_go(root.item, entry)
            if policy.no_vary_search:
                yield from remember_equivalence(entry, mark, policy)
        return bool(stored)
    for _ in range(ATTEMPTS):
        record = root.item if isinstance(root.item, Variants) else None
        generation = record.generation if record is not None else secrets.token_bytes(16)
        key = variant_key(plan.primary, generation, entry.selecting)
        found: Reading = (yield Read(key)) if there is None else there
        there = None
        wanted = _with_variant(record, generation, plan.names, entry, key, found.revision == 0, policy)
        if wanted is not record:
            if not (yield Swap(plan.primary, wanted, root.revision, mark)):
                root = yield Read(plan.primary)
                continue
            yield from _let_go(root.item, entry)
            if wanted.generation != generation:
                root = yield Read(plan.primary)
                continue
        stored = yield Swap(key, entry, found.revision, mark)
        if stored:
            yield from _let_go(found.item, entry)
            if policy.no_vary_search:
                yield from remember_equivalence(entry, mark, policy)
        return bool(stored)
    return False


def _with_variant(
    record: Variants | None,
    generation: bytes,
    names: tuple[str, ...],
    entry: Entry,
    key: bytes,
    new: bool,
    policy: Policy,
) -> Variants:
    """The record as it has to be for `entry` to be found at `key`: the same object where it is so already."""
    tags = () if entry.etag is None else ((entry.etag, key),)
    language = entry.headers.get("content-language")
    languages = () if language is None or "accept-language" not in names else ((language.lower(), key),)
    if record is None:
        return Variants(entry.url, generation, (names,), 1, tags, languages)
    count = record.count + new
    if count > policy.max_variants:
        # Too many: a new generation, and none of the old ones is found any more.
        return Variants(entry.url, secrets.token_bytes(16), (names,), 0)
    if names in record.names and not new and {*tags, *languages} <= {*record.tags, *record.languages}:
        return record
    return Variants(
        entry.url,
        generation,
        (names, *(others for others in record.names if others != names))[:SETS],
        count,
        (*tags, *(tag for tag in record.tags if tag[1] != key))[:TAGS],
        (*languages, *(known for known in record.languages if known[1] != key))[:TAGS],
    )


def withdraw(candidate: Candidate, mark: int) -> StoreFlow[None]:
    """Remove a stored response with its bodies, unless another has taken its place."""
    if (yield Swap(candidate.key, None, candidate.revision, mark)):
        for body_id in candidate.entry.body_ids:
            yield Discard(body_id)


def _let_go(replaced: object, entry: Entry) -> StoreFlow[None]:
    """Discard the bodies of what was replaced, but for those that live on."""
    if isinstance(replaced, Entry):
        for body_id in replaced.body_ids:
            if body_id not in entry.body_ids:
                yield Discard(body_id)
