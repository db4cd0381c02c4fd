"""HTTP becomes an HTTP API event and back without a loss."""

import base64

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tieline.embedded.bridge import from_result, to_event


def event(method="GET", path="/a", query=b"", headers=(), body=b""):
    return to_event(method, path, query, headers, body, "192.0.2.7")


def test_request_line_is_where_the_gateway_puts_it():
    found = APIGatewayProxyEventV2(event("patch", "/api/x", b"a=1"))
    assert (found.http_method, found.path, found.raw_query_string) == ("PATCH", "/api/x", "a=1")
    assert found.request_context.http.source_ip == "192.0.2.7"
    assert found["version"] == "2.0"


def test_path_is_decoded_as_the_gateway_does():
    assert event(path="/file/a%2Fb%20c%C3%BC%2525")["rawPath"] == "/file/a/b cü%25"


def test_path_that_is_no_text_does_not_fail():
    assert event(path="/%ff")["rawPath"] == "/\ufffd"


def test_query_is_decoded_and_also_kept_raw():
    found = event(query=b"filter=%7B%7D&a=1&a=2&empty=&plus=a+b")
    assert found["rawQueryString"] == "filter=%7B%7D&a=1&a=2&empty=&plus=a+b"
    assert found["queryStringParameters"] == {
        "filter": "{}",
        "a": "1,2",
        "empty": "",
        "plus": "a b",
    }


def test_headers_are_lower_case_and_repeated_ones_joined():
    found = event(headers=[(b"X-One", b"1"), (b"x-one", b"2"), (b"Host", b"h.example")])
    assert found["headers"] == {"x-one": "1,2", "host": "h.example"}
    assert found["requestContext"]["domainName"] == "h.example"


def test_cookies_are_apart_from_the_headers():
    found = event(headers=[(b"Cookie", b"a=1; b=2"), (b"cookie", b"c=3")])
    assert found["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in found["headers"]


def test_text_body_stays_text():
    found = event("POST", body='{"ü": 1}'.encode())
    assert (found["body"], found["isBase64Encoded"]) == ('{"ü": 1}', False)


def test_other_body_is_base64():
    found = event("POST", body=b"\xff\x00")
    assert found["isBase64Encoded"] is True
    assert base64.b64decode(found["body"]) == b"\xff\x00"


@pytest.mark.parametrize("key", ["body", "cookies", "queryStringParameters"])
def test_what_is_empty_is_left_out_as_by_the_gateway(key):
    assert key not in event()


def test_result_becomes_status_headers_and_body():
    result = {"statusCode": 201, "headers": {"Content-Type": "text/x"}, "body": "ü"}
    assert from_result(result) == (201, [(b"content-type", b"text/x")], "ü".encode())


def test_base64_result_is_decoded():
    result = {"statusCode": 200, "body": "//8=", "isBase64Encoded": True}
    assert from_result(result) == (200, [], b"\xff\xff")


def test_each_cookie_becomes_a_header():
    _, headers, _ = from_result({"statusCode": 204, "cookies": ["a=1", "b=2"], "body": None})
    assert headers == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]


def test_result_without_a_status_is_a_json_body():
    assert from_result({"a": 1}) == (200, [(b"content-type", b"application/json")], b'{"a": 1}')


def test_no_line_break_gets_into_a_header():
    _, headers, _ = from_result({"statusCode": 200, "headers": {"X": "a\r\nSet-Cookie: b"}})
    assert headers == [(b"x", b"a  Set-Cookie: b")]
