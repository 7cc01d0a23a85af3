"""Cache-Status: what each cache on the way did with a request.  RFC 9211

The field is a List whose first member is of the cache nearest to the origin server; each cache adds its own at the end
(§2).  Whether a member is sent at all, and with which parameters, is the policy's business (D50).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

from .structured import BareItem, Item, Parameters, Token, is_structured_token, parse_list, serialise_item

# RFC 9211 §2.2
FwdReason: TypeAlias = Literal["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"]
"""Why a request went forward.

``bypass``: the cache was configured not to handle it.  ``method``: its method required it.  ``uri-miss``: nothing is
stored for its URI.  ``vary-miss``: nothing that is stored for its URI fits its header fields.  ``miss``: one of these
two.  ``request``: the request itself asked for it.  ``stale``: what is stored is no longer fresh.  ``partial``: what is
stored lacks some of the content.
"""
FWD_REASONS: Final[Mapping[str, FwdReason]] = {reason: reason for reason in get_args(FwdReason)}
"""All of them, by their text."""

# RFC 9651 §3.3.1, §3.3.3: what an Integer and a String can hold.
_LARGEST: Final = 999_999_999_999_999
_NOT_IN_STRINGS: Final = re.compile(r"[^ -~]")


# Not frozen: one is built on every hit, and freezing would double its price.  Treat it as immutable.
@dataclass(slots=True)
class CacheStatus:
    """One member of Cache-Status; what is None is not said.  ``str()`` gives the text of the member.

    Raises ValueError, which names the argument, for what no cache may say: `hit` together with `fwd`, or one of the
    details of a forwarded request without `fwd`.
    """

    cache: str
    """The name of the cache."""
    hit: bool = False
    """The request was answered without going forward (§2.1)."""
    fwd: FwdReason | None = None
    """Why the request went forward (§2.2)."""
    fwd_status: int | None = None
    """The status that the next hop answered, where it is not the one that is sent (§2.3)."""
    ttl: int | None = None
    """Seconds for which the response stays fresh; negative when it is stale (§2.4)."""
    stored: bool | None = None
    """Whether the cache stored what it got (§2.5)."""
    collapsed: bool | None = None
    """True if the request was answered by that of another, False if in the end it went forward by itself (§2.6)."""
    key: str | None = None
    """The key under which the cache looked (§2.7)."""
    detail: str | None = None
    """Anything else, in the words of the cache (§2.8)."""

    def __post_init__(self) -> None:
        if self.fwd is None:
            # §2.3, §2.5, §2.6: these have a meaning beside fwd only.
            for name in ("fwd_status", "stored", "collapsed"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} tells of a request that went forward: give fwd as well")
        elif self.hit:
            # §2.1: satisfied without going forward.
            raise ValueError("hit and fwd exclude each other: give one of them")
        elif self.fwd not in FWD_REASONS:
            raise ValueError(f"fwd is one of {', '.join(FWD_REASONS)}, not {self.fwd!r}")

    def __str__(self) -> str:
        # A space before each parameter, as RFC 9211 writes them; every reader skips it (RFC 9651 §1.2, §4.2.3.2).
        text = _name(self.cache)
        if self.hit:
            text += "; hit"
        elif self.fwd is not None:
            text += f"; fwd={self.fwd}"
            if self.fwd_status is not None:
                text += f"; fwd-status={_held(self.fwd_status)}"
        if self.ttl is not None:
            text += f"; ttl={_held(self.ttl)}"
        if self.stored is not None:
            text += "; stored" if self.stored else "; stored=?0"
        if self.collapsed is not None:
            text += "; collapsed" if self.collapsed else "; collapsed=?0"
        if self.key is not None:
            text += f"; key={_string(self.key)}"
        if self.detail is not None:
            text += f"; detail={_name(self.detail)}"
        return text


def parse_cache_status(value: str | None) -> list[CacheStatus]:
    """The members of a Cache-Status field, the cache nearest to the origin server first; empty if there is none.

    The field is other people's: a void one reads as empty, a member whose identifier is neither String nor Token is
    left out, and so is a parameter of the wrong type.  Where `hit` stands beside `fwd`, the request went forward.
    """
    return [
        _status(str(member.value), member.params)
        for member in parse_list(value) or ()
        if isinstance(member, Item) and type(member.value) in (str, Token)
    ]


def _status(cache: str, params: Parameters) -> CacheStatus:
    reason, detail, key = params.get("fwd"), params.get("detail"), params.get("key")
    fwd = FWD_REASONS.get(reason) if isinstance(reason, Token) else None
    return CacheStatus(
        cache,
        hit=fwd is None and params.get("hit") is True,
        fwd=fwd,
        fwd_status=_integer(params.get("fwd-status")) if fwd else None,
        ttl=_integer(params.get("ttl")),
        stored=_boolean(params.get("stored")) if fwd else None,
        collapsed=_boolean(params.get("collapsed")) if fwd else None,
        key=key if type(key) is str else None,
        detail=str(detail) if type(detail) in (str, Token) else None,
    )


def _integer(value: BareItem | None) -> int | None:
    return value if type(value) is int else None


def _boolean(value: BareItem | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _held(number: int) -> int:
    """`number`, or the nearest one that an Integer can hold."""
    return number if -_LARGEST <= number <= _LARGEST else min(max(number, -_LARGEST), _LARGEST)


@lru_cache(maxsize=64)
def _name(text: str) -> str:
    """`text` as a Token, or as a String where it can be none."""
    return text if is_structured_token(text) else _string(text)


def _string(text: str) -> str:
    """`text` as a String.  What a String cannot hold is percent-encoded, because a note fails no response."""
    return serialise_item(_NOT_IN_STRINGS.sub(_percent, text))


def _percent(character: re.Match[str]) -> str:
    return "".join([f"%{octet:02X}" for octet in character[0].encode("utf-8", "surrogatepass")])
