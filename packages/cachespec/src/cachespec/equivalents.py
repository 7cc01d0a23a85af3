"""Finding what is stored for an equivalent URL.  draft-ietf-httpbis-no-vary-search §7, ruling D52

Only asked with `Policy.no_vary_search`, and only where nothing lies under the very URL.  Beside the responses, which
lie under their own URLs, two kinds of records are kept, both in a key space of their own:

    at the URL without its query              the values of No-Vary-Search that were seen there, newest first
    at the URL with its query made canonical  the URL of the newest response with one such value
"""

from __future__ import annotations

from typing import Final

from .entries import Entry, Variants
from .keys import primary_key, variant_key
from .no_vary_search import NoVarySearch, equivalent, parse
from .policy import Policy
from .steps import Read, StoreFlow, Swap
from .stores.contract import Reading

VALUES: Final = 4
"""How many values of the field are remembered for one path."""


def equivalent_url(url: str, policy: Policy) -> StoreFlow[str | None]:
    """The URL of a stored response that may answer for `url`, where its own No-Vary-Search says so."""
    path, _, query = url.partition("?")
    seen: Reading = yield Read(_seen_key(path, policy))
    for (value,) in seen.item.names if isinstance(seen.item, Variants) else ():
        said = parse(value)
        if said is None:
            continue
        pointer: Reading = yield Read(_pointer_key(_canonical(path, query, said), value, policy))
        if isinstance(pointer.item, Variants):
            [(other,)] = pointer.item.names
            if equivalent(other, url, said):
                return other
    return None


def remember_equivalence(entry: Entry, mark: int, policy: Policy) -> StoreFlow[None]:
    """Let a response that was just stored be found for equivalent URLs."""
    value = entry.headers.get("no-vary-search")
    said = parse(value)
    if value is None or said is None:
        return
    path, _, query = entry.url.partition("?")
    key = _seen_key(path, policy)
    seen: Reading = yield Read(key)
    names = seen.item.names if isinstance(seen.item, Variants) else ()
    if names[:1] != ((value,),):
        newest = ((value,), *(name for name in names if name != (value,)))[:VALUES]
        yield Swap(key, Variants(path, b"", newest, 0), seen.revision, mark)
    canonical = _canonical(path, query, said)
    key = _pointer_key(canonical, value, policy)
    pointer: Reading = yield Read(key)
    if not isinstance(pointer.item, Variants) or pointer.item.names != ((entry.url,),):
        yield Swap(key, Variants(canonical, b"", ((entry.url,),), 0), pointer.revision, mark)


def _canonical(path: str, query: str, said: NoVarySearch) -> str:
    return f"{path}?{said.equivalent_query(query)}"


def _seen_key(path: str, policy: Policy) -> bytes:
    return primary_key(path, f"{policy.space}:no-vary-search")


def _pointer_key(canonical: str, value: str, policy: Policy) -> bytes:
    return variant_key(_seen_key(canonical, policy), b"", (("no-vary-search", value),))
