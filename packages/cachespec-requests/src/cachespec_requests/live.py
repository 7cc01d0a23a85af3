"""The server's response as the core knows it: a head, and octets that are pulled or only repeated."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from requests import Response

from cachespec import Content, Verdict
from cachespec import Response as Head

from .messages import head_of

CHUNK: Final = 64 * 1024
"""Bytes that are read at a time where nobody says how many they want."""
EMPTY: Final = frozenset({204, 304})
"""Statuses without content (RFC 9110 §6.4.1): there is no end to wait for."""
DECODED = Verdict(
    False, "decoded", "RFC 9110 §8.4", "An adapter has read and decoded it: the octets that came are not known."
)


class Live:
    """A server's response (`cachespec.LiveResponse`): `response`, until somebody else has it.

    Its octets are pulled from `raw`; once it is `listening`, they are those that pass while the user reads.
    """

    __slots__ = ("_passing", "head", "listening", "raw", "response", "whole")

    def __init__(self, response: Response) -> None:
        self.head: Head = head_of(response)
        self.response: Response = response
        self.raw: Any = response.raw
        self.whole: bytes | None = content_read(response)
        """The content, where an adapter further in has read it already."""
        self.listening: bool = False
        self._passing: bytes | BaseException = b""

    def handed_over(self) -> Response:
        """The response, which is not kept alive from here any longer: dropped unread, it closes itself."""
        response = self.response
        del self.response
        return response

    @property
    def decoded(self) -> bool:
        """Whether the octets that came are not known: read by others, or from a file that is none of urllib3's."""
        known = self.whole is None and hasattr(self.raw, "stream")
        return not known and "content-encoding" in self.head.headers

    def chunks(self) -> Iterator[bytes]:
        """See `LiveResponse.chunks`."""
        if self.listening:
            return self
        if self.decoded:
            raise ValueError(DECODED.sentence)
        return octets_of(self.raw) if self.whole is None else iter((self.whole,))

    def close(self) -> None:
        """See `LiveResponse.close`."""
        raw, self.raw = self.raw, None
        if raw is None or self.listening:
            return
        if self.head.status in EMPTY:
            # Read to its end, which is here, the connection can be used again.
            deque(octets_of(raw), maxlen=0)
        raw.close()
        release = getattr(raw, "release_conn", None)
        if release is not None:
            release()

    # --- listening

    def listen(self) -> None:
        """From now on only repeat what passes: `raw` is its reader's."""
        self.raw, self.listening = None, True

    def passes(self, octets: bytes | BaseException, content: Content) -> None:
        """Have `content`, which records this response, take note of what was read: b"" for the end, or a failure."""
        self._passing = octets
        try:
            next(content)
        except StopIteration:
            pass
        except BaseException as error:
            # The reader gets its failure from where it came.
            if error is not octets:
                raise
        finally:
            self._passing = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if isinstance(self._passing, BaseException):
            raise self._passing
        if not self._passing:
            raise StopIteration
        return self._passing


def octets_of(raw: Any) -> Iterator[bytes]:
    """What can be read from `raw`, a response of urllib3's or any file, without undoing content codings."""
    if hasattr(raw, "stream"):
        octets: Iterator[bytes] = raw.stream(CHUNK, decode_content=False)
        return octets
    return iter(partial(raw.read, CHUNK), b"")


def content_read(response: Response) -> bytes | None:
    """The content of `response` if it has been read, else None."""
    # requests has no public name for this; asking for `content` would read it.
    content = getattr(response, "_content", False)
    return None if content is False else bytes(content or b"")
