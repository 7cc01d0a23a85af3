"""A scripted origin behind a client of httpx, for tests of programs that cache."""

from __future__ import annotations

from cachespec.testing import Origin

from .messages import Conversion
from .target import ConnectError, MockTransport, ReadTimeout, Request, Response

__all__ = ["OriginTransport"]


class OriginTransport(MockTransport):
    """A transport, sync and async, that answers as `origin` says: ``CacheClient(transport=OriginTransport(origin))``.

    What stands for a server that cannot be reached or is too slow is raised as `httpx.ConnectError` and
    `httpx.ReadTimeout`, any other exception as it is.
    """

    def __init__(self, origin: Origin) -> None:
        super().__init__(self._answer)
        self.origin: Origin = origin
        self._asked = Conversion()

    def _answer(self, request: Request) -> Response:
        try:
            reply = self.origin.answer(self._asked(request))
        except ConnectionError as error:
            raise ConnectError(str(error), request=request) from error
        except TimeoutError as error:
            raise ReadTimeout(str(error), request=request) from error
        return Response(reply.head.status, headers=reply.head.headers.raw, content=reply.content)
