"""No-Vary-Search: which differences between queries do not matter.  draft-ietf-httpbis-no-vary-search §3, §5, §6

`parse` reads the field, `NoVarySearch.equivalent_query` gives a text that is the same for all queries that the field
makes equal.  It is asked only where no response to the very same URL is found (D52).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .keys import normalise_url
from .structured import InnerList, Item, Member, parse_dictionary
from .verdicts import Verdict

SAME = Verdict(True, "same-url", "RFC 9111 §4", "The URLs are the same.")
EQUIVALENT = Verdict(True, "equivalent-url", "No-Vary-Search §6", "The queries differ only in what does not matter.")
OTHER_QUERY = Verdict(False, "other-query", "No-Vary-Search §6", "The queries differ in what matters.")
OTHER_RESOURCE = Verdict(False, "other-url", "No-Vary-Search §6", "The URLs differ in more than their queries.")

MAX_QUERY: Final = 8192
"""Characters of the longest query that is taken apart; a longer one is equivalent to itself only."""
MAX_NAMES: Final = 128
"""How many names a field may list; with more it says nothing."""

# RFC 3986 §3.2.1
#   authority = [ userinfo "@" ] host [ ":" port ]
_USERINFO: Final = re.compile(r"[^/?#]*+//([^/?#]*)@")


@dataclass(frozen=True, slots=True)
class NoVarySearch:
    """What a No-Vary-Search field says, if it is not the default.  §5"""

    params: frozenset[str] | None = None
    """The names of parameters that do not matter; None where none is listed."""
    except_: frozenset[str] | None = None
    """The names of the only parameters that matter; None where there is no such list."""
    key_order: bool = False
    """True where the order of different names does not matter; the order of one name's values always does."""

    def equivalent_query(self, query: str) -> str:
        """A text that two queries, without their ``?``, have in common if and only if they are equivalent.  §6

        It is one of those queries itself.  One that is too long, or not in ASCII and so of unknown octets, comes back
        as it is.
        """
        if len(query) > MAX_QUERY or not query.isascii():
            return query
        parameters = _parameters(query)
        if self.except_ is not None:
            parameters = [each for each in parameters if each[0] in self.except_]
        elif self.params is not None:
            parameters = [each for each in parameters if each[0] not in self.params]
        if self.key_order:
            parameters.sort(key=_name)  # A stable sort: the values of one name keep their order.
        # Octets that are no UTF-8 are all one to the text of §6; here they are told apart, which costs a hit at most.
        return "&".join(
            [f"{quote_from_bytes(name, '')}={quote_from_bytes(value, '')}" for _, name, value in parameters]
        )


def parse(value: str | None) -> NoVarySearch | None:
    """What No-Vary-Search says, or None for the default: every difference between queries matters.  §5.1

    That is also what a malformed field says, one with a wrong type for a key that is known, and one with both lists.
    """
    fields = parse_dictionary(value)
    if not fields:
        return None
    # §3: what other keys there are does not matter.
    order, listed, excepted = fields.get("key-order"), fields.get("params"), fields.get("except")
    if order is not None and not (isinstance(order, Item) and isinstance(order.value, bool)):
        return None
    if listed is not None and excepted is not None:
        return None
    # D52: `key-order` counts with neither list beside it.
    params, except_ = _names(listed), _names(excepted)
    if (listed is not None and params is None) or (excepted is not None and except_ is None):
        return None
    key_order = isinstance(order, Item) and order.value is True
    if not params and except_ is None and not key_order:
        return None
    return NoVarySearch(params or None, except_, key_order)


def equivalent(one: str, other: str, said: NoVarySearch | None) -> Verdict:
    """Whether the response to the URL `one` may answer for the URL `other`, given what it `said`.  §6, §7"""
    ours, theirs = normalise_url(one), normalise_url(other)
    if _userinfo(one) != _userinfo(other):
        return OTHER_RESOURCE
    if ours == theirs:
        return SAME
    (ours, _, query), (theirs, _, other_query) = ours.partition("?"), theirs.partition("?")
    if ours != theirs:
        return OTHER_RESOURCE
    if said is not None and said.equivalent_query(query) == said.equivalent_query(other_query):
        return EQUIVALENT
    return OTHER_QUERY


def _userinfo(url: str) -> str | None:
    """The user information in `url`, which a normalised URL has not."""
    found = _USERINFO.match(url)
    return found[1] if found else None


def _names(member: Member | None) -> frozenset[str] | None:
    """The names in an inner list of Strings, decoded as those in a query are; None if it is anything else.  §5.3

    D52: a Boolean was allowed once and no longer is.
    """
    if not isinstance(member, InnerList) or len(member.items) > MAX_NAMES:
        return None
    names: set[str] = set()
    for item in member.items:
        # Tokens and display strings are texts, too, but not Strings.
        if type(item.value) is not str:
            return None
        names.add(_text(_decoded(item.value)))
    return frozenset(names)


def _parameters(query: str) -> list[tuple[str, bytes, bytes]]:
    """Name, and name and value in octets, of each parameter.  URL Standard, application/x-www-form-urlencoded"""
    found: list[tuple[str, bytes, bytes]] = []
    for sequence in query.split("&"):
        if sequence:
            name, _, value = sequence.partition("=")
            octets = _decoded(name)
            found.append((_text(octets), octets, _decoded(value)))
    return found


def _decoded(text: str) -> bytes:
    """`text` with plus signs and percent-encoding undone; a percent sign that begins no octet stays."""
    return unquote_to_bytes(text.replace("+", " "))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _name(parameter: tuple[str, bytes, bytes]) -> str:
    return parameter[0]
