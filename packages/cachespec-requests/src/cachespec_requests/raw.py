"""`Response.raw`: the server's, recorded on its way through, or one made from the store.

requests reads content through urllib3, and so do users who take hold of `raw`.  For all of it to behave as without a
cache, a server's response stays what it is and is only listened to, and what comes out of the store is a response of
urllib3's, too.  What is recorded are the octets as they came, content codings and all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from requests import PreparedRequest, Response
from requests.cookies import extract_cookies_to_jar

from cachespec import Answer, CacheInfo, Content
from cachespec import Response as Head

from .live import DECODED, Live
from .messages import reason_of

# The urllib3 that requests itself uses: requests is the one thing that this package depends on beside the core.
if TYPE_CHECKING:
    from urllib3.response import HTTPResponse
if not TYPE_CHECKING:
    from requests.packages.urllib3.response import HTTPResponse

take_cookies: Final[Any] = extract_cookies_to_jar
LISTENS: Final = all(hasattr(HTTPResponse, name) for name in ("_raw_read", "_handle_chunk", "_update_chunk_length"))
"""Whether urllib3 reads as `Recorded` expects it to."""


class Recorded(HTTPResponse):
    """urllib3's own response, whose octets are recorded as they are read, however that is done.

    An instance of urllib3's class becomes one of this: connection, pool, decoder and length stay what they were.
    """

    _live: Live
    _record: Content

    def _raw_read(self, amt: int | None = None, **how: Any) -> bytes:
        """Where octets come in that are not chunked, or that `http.client` has put together."""
        try:
            octets = super()._raw_read(amt, **how)
        except BaseException as error:
            self._live.passes(error, self._record)
            raise
        if octets:
            self._live.passes(octets, self._record)
        # http.client closes itself at the end, and raises where it comes too early.
        if (not octets and amt != 0) or self.closed:
            self._live.passes(b"", self._record)
        return octets

    def _handle_chunk(self, amt: int | None) -> bytes:
        """Where chunks come in, each for itself."""
        try:
            octets = super()._handle_chunk(amt)
        except BaseException as error:
            self._live.passes(error, self._record)
            raise
        self._live.passes(octets, self._record)
        return octets

    def _update_chunk_length(self) -> None:
        """Where the last chunk is seen.  RFC 9112 §8: with it, the content is complete."""
        try:
            super()._update_chunk_length()
        except BaseException as error:
            self._live.passes(error, self._record)
            raise
        if self.chunk_left == 0:
            self._live.passes(b"", self._record)

    def close(self) -> None:
        """Close it; what is not complete is not stored."""
        # In this order: what can be read from a closed response looks like an end.
        self._record.close()
        super().close()


class Octets:
    """A file of the octets of `content`, for urllib3 to read from."""

    def __init__(self, content: Content) -> None:
        self.closed: bool = False
        self.left: int | None = None
        """How many octets are to come, where that is known: like http.client's, this file closes itself after them."""
        self._content = content
        self._chunk = b""
        self._at = 0

    def read(self, amt: int | None = None) -> bytes:
        """`amt` octets, fewer only at the end; all that is left for None."""
        parts: list[bytes] = []
        wanted = amt
        while wanted != 0 and (part := self.read1(wanted)):
            parts.append(part)
            wanted = None if wanted is None else wanted - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read1(self, amt: int | None = None) -> bytes:
        """Up to `amt` octets, as many as are at hand; b"" at the end."""
        if self._at == len(self._chunk):
            self._chunk, self._at = b"" if self.closed else next(self._content, b""), 0
        start = self._at
        self._at = len(self._chunk) if amt is None else min(start + amt, len(self._chunk))
        part = self._chunk[start : self._at]
        if self.left is not None:
            self.left -= len(part)
        if not part or self.left == 0:
            self.close()
        return part

    def close(self) -> None:
        """Let go of the content, read or not."""
        self.closed = True
        self._content.close()


def put_content(
    response: Response, prepared: PreparedRequest, answer: Answer[Any, Content], stream: bool, server: Any, retries: Any
) -> None:
    """Give `response` the content of a stored one; `server` is what confirmed it, if anything did."""
    head, content = answer.head, answer.content
    if stream or server is not None or content.whole is None or "content-encoding" in response.headers:
        response.raw = made(head, prepared, content, server, retries)
        # What the server has just set is new; what it set when the response was stored is not set again (ruling D25).
        take_cookies(response.cookies, prepared, response.raw)
    else:
        response.raw = Replayed(head, prepared, content, retries)
        # Where requests itself puts what it has read.
        response.__dict__.update(_content=content.whole, _content_consumed=True)


class Replayed(HTTPResponse):
    """A response of urllib3's out of the store, which becomes one only when somebody looks at it.

    Nearly nobody does, because requests has the content; and making one takes longer than finding what it is made of.
    """

    # What `Session.send` asks for every time: a stored response sets no cookies (ruling D25).
    _original_response = None

    def __init__(self, head: Head, prepared: PreparedRequest, content: Content, retries: Any) -> None:
        self._parts = head, prepared, content, retries
        self._shut = False

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there, such as all that urllib3's `__init__` sets.
        parts = self.__dict__.pop("_parts", None)
        if parts is None:
            raise AttributeError(name)
        head, prepared, content, retries = parts
        fill(self, head, prepared, content, None, retries)
        if self._shut:
            super().close()
        return getattr(self, name)

    @property
    def closed(self) -> bool:
        """See `urllib3.HTTPResponse.closed`."""
        return self._shut if "_parts" in self.__dict__ else super().closed

    def close(self) -> None:
        """See `urllib3.HTTPResponse.close`."""
        if "_parts" in self.__dict__:
            self._shut = True
        else:
            super().close()


def made(head: Head, prepared: PreparedRequest, content: Content, like: Any, retries: Any = None) -> HTTPResponse:
    """A response of urllib3's with `head` and `content`; `like` the server's, where there is one."""
    raw = HTTPResponse.__new__(HTTPResponse)
    fill(raw, head, prepared, content, like, retries)
    return raw


def fill(raw: HTTPResponse, head: Head, prepared: PreparedRequest, content: Content, like: Any, retries: Any) -> None:
    """Make `raw` a response with `head` and `content`.

    `like` is the server's where there is one: cookies are taken from that, never from what is stored.
    """
    octets = Octets(content)
    lines: Any = head.headers.lines
    HTTPResponse.__init__(
        raw,
        body=octets,  # type: ignore[arg-type]
        headers=lines,
        status=head.status,
        version=getattr(like, "version", 11),
        reason=reason_of(head),
        preload_content=False,
        decode_content=False,
        original_response=getattr(like, "_original_response", None),
        retries=getattr(like, "retries", retries),
        request_method=prepared.method,
        request_url=prepared.path_url,
    )
    raw.version_string = getattr(like, "version_string", "HTTP/1.1")
    octets.left = raw.length_remaining


def recorded(live: Live, prepared: PreparedRequest, content: Content, info: CacheInfo) -> Any:
    """What to read from instead of `live.raw`, so that `content` records it."""
    raw: Any = live.raw
    if live.decoded:
        # Neither recorded nor touched.
        info.verdicts.append(DECODED)
        live.listen()
        content.close()
    elif live.whole is not None:
        # It is all here.
        for _ in content:
            pass
    elif LISTENS and type(raw) is HTTPResponse:
        live.listen()
        listening: Any = raw
        listening.__class__ = Recorded
        listening._live, listening._record = live, content
    else:
        return made(live.head, prepared, content, raw)
    return raw
