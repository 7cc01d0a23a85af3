"""https://pypi.org/project/Django/"""

from __future__ import annotations

from application import HEADERS, PIECEWISE, Asked, stream, text
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path as route

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x" * 50, MIDDLEWARE=[])


def asked(request: HttpRequest) -> Asked:
    return Asked(request.path, request.META["QUERY_STRING"], request.headers.get("accept-language", ""))


async def whole(request: HttpRequest) -> HttpResponse:
    return HttpResponse(await text(asked(request)), headers=HEADERS[request.path])


async def piecewise(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(stream(asked(request)), headers=HEADERS[request.path])


urlpatterns = [route(path.lstrip("/"), piecewise if path in PIECEWISE else whole) for path in HEADERS]
app = get_asgi_application()
