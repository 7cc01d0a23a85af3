"""Against cache deception: a path that looks like a file, and a response that is none.

A page at ``/account`` that an application also serves at ``/account/x.css`` may be lured into a cache whose rules go by
file name.  This cache has no such rules; whoever has one behind it (a CDN, say) can add this armour.
"""

from __future__ import annotations

from mimetypes import MimeTypes
from typing import Final
from urllib.parse import unquote, urlsplit

from cachespec import Request, Response

# Python's own table, and nothing that the machine has configured.
_TYPES: Final = MimeTypes()


def type_fits_path(request: Request, response: Response) -> bool:
    """Whether the response's Content-Type is what the extension of the path promises, if it promises any.

    For `Policy.response_filter`: ``Policy.gateway(response_filter=type_fits_path)``.
    """
    promised, _ = _TYPES.guess_type(unquote(urlsplit(request.url).path).rpartition("/")[2])
    if promised is None or not 200 <= response.status <= 299:
        return True
    given = response.headers.get("content-type", "") or ""
    return _alike(given.partition(";")[0].strip(" \t").lower(), promised)


def _alike(given: str, promised: str) -> bool:
    """Whether two media types are the same, or two names of one (text/javascript, application/javascript)."""
    return given == promised or given.partition("/")[2].removeprefix("x-") == promised.partition("/")[2].removeprefix(
        "x-"
    )
