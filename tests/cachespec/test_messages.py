from __future__ import annotations

from cachespec.headers import Headers
from cachespec.messages import Request, Response


def test_a_request_has_no_fields_and_no_content_unless_given() -> None:
    request = Request("GET", "https://example.com/")
    assert (request.method, request.url, request.headers.lines, request.content) == (
        "GET",
        "https://example.com/",
        (),
        b"",
    )


def test_a_response_has_no_fields_and_no_reason_unless_given() -> None:
    response = Response(200)
    assert (response.status, response.headers.lines, response.reason) == (200, (), "")


def test_fields_may_be_given_in_any_form() -> None:
    for form in ([("Vary", "a")], {"Vary": "a"}, [(b"Vary", b"a")], Headers([("Vary", "a")])):
        assert Request("GET", "https://example.com/", form).headers == Headers([("Vary", "a")])
        assert Response(200, form).headers == Headers([("Vary", "a")])


def test_headers_are_taken_as_they_are() -> None:
    headers = Headers([("Vary", "a")])
    assert Request("GET", "https://example.com/", headers).headers is headers
    assert Response(200, headers).headers is headers


def test_messages_are_equal_if_all_their_parts_are() -> None:
    assert Request("GET", "https://a/", {"A": "1"}) == Request("GET", "https://a/", {"a": "1"})
    assert Request("GET", "https://a/") != Request("GET", "https://b/")
    assert Request("POST", "https://a/", content=b"1") != Request("POST", "https://a/", content=None)
    assert Response(200, {"A": "1"}, "OK") == Response(200, {"a": "1"}, "OK")
    assert Response(200) != Response(204)
    assert Response(200) != Response(200, reason="OK")


# RFC 9110 §9.1
def test_the_method_keeps_its_case() -> None:
    assert Request("get", "https://a/").method == "get"
    assert Request("get", "https://a/") != Request("GET", "https://a/")


def test_secrets_are_not_shown() -> None:
    request = Request("POST", "https://a/", {"Cookie": "secret"}, b"secret")
    assert repr(request) == "Request(method='POST', url='https://a/', headers=<Headers Cookie>)"
    assert "secret" not in repr(Response(200, {"Set-Cookie": "secret"}))
