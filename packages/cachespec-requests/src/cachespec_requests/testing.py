"""A scripted origin behind a session of requests, for tests of programs that cache."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from requests import ConnectionError as Unreachable
from requests import PreparedRequest, ReadTimeout, Response
from requests.adapters import HTTPAdapter

from cachespec.testing import Origin

from .messages import reason_of, request_of

# The urllib3 that requests itself uses: requests is the one thing that this package depends on beside the core.
if TYPE_CHECKING:
    from urllib3.response import HTTPResponse
if not TYPE_CHECKING:
    from requests.packages.urllib3.response import HTTPResponse

__all__ = ["OriginAdapter"]


class OriginAdapter(HTTPAdapter):
    """An adapter that answers as `origin` says: ``CachedSession(adapter=OriginAdapter(origin))``.

    What stands for a server that cannot be reached or is too slow is raised as `requests.ConnectionError` and
    `requests.ReadTimeout`, any other exception as it is.
    """

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin: Origin = origin

    def send(self, request: PreparedRequest, *_args: Any, **_options: Any) -> Response:
        """Answer `request`, whatever the options."""
        try:
            reply = self.origin.answer(request_of(request))
        except ConnectionError as error:
            raise Unreachable(error, request=request) from error
        except TimeoutError as error:
            raise ReadTimeout(error, request=request) from error
        lines: Any = reply.head.headers.lines
        raw = HTTPResponse(
            body=BytesIO(reply.content),
            headers=lines,
            status=reply.head.status,
            reason=reason_of(reply.head),
            preload_content=False,
            decode_content=False,
            request_method=request.method,
        )
        response: Response = self.build_response(request, raw)
        return response
