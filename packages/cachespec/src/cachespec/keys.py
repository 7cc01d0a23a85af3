"""Cache keys: the target URI, and the selecting values beside it.  RFC 9111 §2, §4.1

The primary key is the URI alone.  What else tells responses apart (method, principal, content of the request, the
fields that Vary names) are *selecting values*: pairs of a name and a value, where None says that the request had no
such field, which is not the same as an empty one (§4.1).

    at primary_key(url)                      the response to a plain GET that has no selecting values, or
                                             a `Variants` record: which sets of names to ask for, and a generation
    at variant_key(primary, generation, …)   a response with selecting values

Dropping what lies at the primary key drops every variant with it, for nobody knows the generation any more.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Final, TypeAlias
from urllib.parse import urljoin, urlsplit

from .fields import members
from .headers import is_token

Selecting: TypeAlias = tuple[tuple[str, str | None], ...]
"""Selecting values: names and values in a fixed order; None is an absent field."""
Normalise: TypeAlias = Callable[[str], str]
"""What makes two values of one field equal that mean the same."""

FORMAT: Final = b"cachespec-1"
"""Part of every key: what a later format writes is never read by this one."""
SECRET_FIELDS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Request fields whose values are only ever kept as a keyed digest."""
LATELY: Final = 512
"""How many primary keys are remembered in each key space, before all of them are forgotten."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# Nearly every URL: lower case, no port, a path, no fragment, no user information.
_NORMAL = re.compile(r"https?://[a-z0-9.\-]+/[^#\s]*\Z")
_PORT = re.compile(r"[0-9]{1,6}\Z")
# No URL holds these (RFC 3986 §2); urlsplit() would drop some of them, and two URLs would become one.
_NO_URL = re.compile(r"[\x00-\x20\x7f]")
# RFC 9110 §5.6.3: the optional white space around the delimiters of a list and of its parameters.  A run of white space
# is looked at once, from its beginning.
_LIST_SPACE = re.compile(r"(?<=[,;])[ \t]++|(?<![ \t])[ \t]++(?=[,;])")


def normalise_url(url: str) -> str:
    """`url` as it is compared and stored.  RFC 9110 §4.2.3, ruling D38

    Scheme and host in lower case, no default port, no fragment (§4.2.5), no user information, ``/`` for an empty
    path.  Percent-encoding and the query stay as they are.  What is no URL comes back as it is.
    """
    return url if _NORMAL.match(url) else _normalised(url)


@lru_cache(maxsize=512)
def _normalised(url: str) -> str:
    split = _split(url)
    if split is None:
        return url
    scheme, host, port, rest = split
    authority = host if port is None or port == DEFAULT_PORTS.get(scheme) else f"{host}:{port}"
    return f"{scheme}://{authority}{rest}"


def resolve(base: str, reference: str) -> str:
    """The URL that `reference` is from `base`, normalised; empty where it is none.  RFC 9110 §8.7, §10.2.2"""
    try:
        return normalise_url(urljoin(base, reference))
    except ValueError:
        return ""


def with_params(url: str, ignored: Iterable[str], *, sort: bool = False) -> str:
    """`url` without the query parameters in `ignored`, whose names may end in ``*``, and in order where `sort`.

    Names compare as they stand, percent-encoding and all; values of one name keep their order.
    """
    path, _, query = url.partition("?")
    patterns = tuple(ignored)
    kept = [
        param
        for param in query.split("&")
        if not any(_is_named(param.partition("=")[0], pattern) for pattern in patterns)
    ]
    if sort:
        kept.sort(key=lambda param: param.partition("=")[0])
    return f"{path}?{'&'.join(kept)}" if kept else path


def _is_named(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def origin_of(url: str) -> str | None:
    """The origin of `url` as ``scheme://host:port``, the port always given; None where it has none.  RFC 9110 §4.3.1"""
    split = _split(url)
    if split is None:
        return None
    scheme, host, port, _ = split
    port = DEFAULT_PORTS.get(scheme) if port is None else port
    return None if port is None else f"{scheme}://{host}:{port}"


def _split(url: str) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port as given, and path with query; None for what is no absolute URL with a host."""
    if _NO_URL.search(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    authority = parts.netloc.rpartition("@")[2]
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, ""
    if not host or not parts.scheme or (port and not _PORT.match(port)):
        return None
    if ":" in host and not host.endswith("]"):
        return None
    query = f"?{parts.query}" if "?" in url.partition("#")[0] else ""
    if host.isascii():  # str.lower() folds other letters into ASCII ones, such as the Kelvin sign.
        host = host.lower()
    return parts.scheme, host, int(port) if port else None, f"{parts.path or '/'}{query}"


def digest(*parts: bytes) -> bytes:
    """SHA-256 over `parts`, each preceded by its length, so that no two lists of parts collide."""
    return hashlib.sha256(b"".join([_measured(part) for part in parts])).digest()


def _measured(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part


_BEGINNING: Final = hashlib.sha256(_measured(FORMAT))
"""`digest` as far as it is the same for all that begins with the format."""


def primary_key(url: str, space: str) -> bytes:
    """The 32 octets under which everything about the normalised `url` is found, in the key space `space`."""
    end, lately = _space(space)
    key = lately.get(url)
    if key is None:
        # To forget the oldest one each time would take nearly as long as to make a key.
        if len(lately) >= LATELY:
            lately.clear()
        key = lately[url] = url_key(url) + end
    return key


def url_key(url: str) -> bytes:
    """The 24 octets with which the keys of everything about the normalised `url` begin, in whatever key space.

    A store finds by it what a purge of the URL hits.  That two URLs share them takes 2^96 attempts, and then the
    recipe that lies with every response tells them apart.
    """
    # As `digest` does it, in half the time: every request waits for this.
    begun, octets = _BEGINNING.copy(), url.encode("utf-8", "surrogatepass")
    begun.update(len(octets).to_bytes(8, "big") + octets)
    return begun.digest()[:24]


@cache
def _space(space: str) -> tuple[bytes, dict[str, bytes]]:
    """The 8 octets with which the primary keys in `space` end, and those of them that were made lately, by URL."""
    return digest(FORMAT, _octets(space))[:8], {}


def variant_key(primary: bytes, generation: bytes, selecting: Selecting) -> bytes:
    """The 64 octets under which the response with these selecting values lies: `primary` and a digest."""
    parts = [FORMAT, generation]
    for name, value in selecting:
        parts.append(_octets(name))
        # An absent field is told from an empty one by the octet in front (RFC 9111 §4.1).
        parts.append(b"-" if value is None else b"=" + _octets(value))
    return primary + digest(*parts)


def _octets(text: str) -> bytes:
    """`text` in UTF-8, lone surrogates included: no two texts give the same octets, and none fails."""
    return text.encode("utf-8", "surrogatepass")


def keyed_digest(secret: bytes, value: str) -> str:
    """`value` as 64 hexadecimal digits that say nothing about it to who lacks `secret`."""
    return hmac.new(secret, _octets(value), hashlib.sha256).hexdigest()


def vary_names(value: str | None) -> tuple[str, ...] | None:
    """The field names of a Vary field in lower case, sorted; None where it never matches.  RFC 9111 §4.1

    A member ``*`` anywhere never matches, nor does a member that is no field name (ruling D22).
    """
    if not value:
        return ()
    value = value.lower()
    # Nearly always it is one name.
    if is_token(value):
        return None if value == "*" else (value,)
    names = set(members(value))
    if "*" in names or not all(is_token(name) for name in names):
        return None
    return tuple(sorted(names))


def selecting_values(
    names: Iterable[str],
    fields: Mapping[str, str],
    normalise: Mapping[str, Normalise],
    secret: bytes,
) -> Selecting:
    """The values that a request with `fields` has for `names`.  RFC 9111 §4.1, ruling D22

    `normalise` gives by field name, and under ``*`` for all others, how a value is made equal to others of the same
    meaning.
    """
    found: list[tuple[str, str | None]] = []
    for name in names:
        value = fields.get(name)
        if value is not None:
            if name in SECRET_FIELDS:
                value = keyed_digest(secret, value)
            elif (made_equal := normalise.get(name) or normalise.get("*")) is not None:
                value = made_equal(value)
        found.append((name, value))
    return tuple(found)


def without_space(value: str) -> str:
    """A list without the white space around its delimiters, unless it holds quoted strings."""
    if '"' in value:
        return value
    value = value.replace(", ", ",").replace("; ", ";")
    return _LIST_SPACE.sub("", value) if " " in value or "\t" in value else value


def without_list_space(value: str) -> str:
    """A list without the white space around its commas, unless it holds quoted strings."""
    return value if '"' in value else ",".join([member.strip(" \t") for member in value.split(",")])


def in_any_order(value: str) -> str:
    """A list whose order and case mean nothing (RFC 9110 §12.5): lower case, sorted, without white space.

    Parameters stay as they are, for the case of a value may matter.
    """
    if '"' in value:
        return value
    parts = [member.partition(";") for member in without_space(value).split(",")]
    return ",".join(sorted([f"{name.lower()}{semicolon}{rest}" for name, semicolon, rest in parts]))


NORMALISE: Final[Mapping[str, Normalise]] = {
    "accept": without_space,
    "accept-charset": without_space,
    "accept-encoding": without_space,
    "accept-language": without_space,
}
"""What is done to Vary's fields unless told otherwise: white space only (ruling D22)."""
NORMALISE_STRICT: Final[Mapping[str, Normalise]] = dict.fromkeys(NORMALISE, in_any_order) | {"*": without_list_space}
"""What strict mode does beyond: order and case, as far as the fields' definitions make them insignificant, and of
fields that it does not know the white space between the members of a list."""
