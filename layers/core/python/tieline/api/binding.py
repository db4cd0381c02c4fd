"""Gives route functions their arguments: the body as its model, the query as typed values.

Powertools could do this (`enable_validation`), at the price of a larger import, slower requests
and error documents of another shape. The signatures stay the ones that its OpenAPI facility reads.
"""

from __future__ import annotations

import base64
import binascii
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from tieline.errors import InvalidFieldError, MalformedError, OutputError, TooLargeError
from tieline.protocol.values import check_json

MAX_BODY_BYTES = 1024 * 1024
"""Four times the largest value of a record, which base64 and JSON escapes can nearly double."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a route function takes: perhaps a body, and typed parameters of the query."""

    body_name: str | None
    body_model: type[BaseModel] | None
    query: Mapping[str, TypeAdapter[Any]]


@cache
def signature_of(function: Callable[..., Any], path_names: tuple[str, ...]) -> Signature:
    """Gives what a route function takes beside the parameters of its path."""
    hints = get_type_hints(function, include_extras=True)
    body_name: str | None = None
    body_model: type[BaseModel] | None = None
    query: dict[str, TypeAdapter[Any]] = {}
    for name in inspect.signature(function).parameters:
        hint = hints[name]
        if name in path_names:
            continue
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            body_name, body_model = name, hint
        else:
            query[name] = _adapter(hint)
    return Signature(body_name, body_model, query)


def bind(
    function: Callable[..., Any], path: Mapping[str, str], event: Mapping[str, Any]
) -> dict[str, Any]:
    """Gives the arguments of a route function for one request.

    Raises:
        MalformedError: the body is no JSON object.
        InvalidFieldError: names the field or query parameter that is wrong.
        TooLargeError: the body is over its cap.
    """
    signature = signature_of(function, tuple(sorted(path)))
    arguments: dict[str, Any] = dict(path)
    arguments.update(_read_query(signature, event.get("queryStringParameters") or {}))
    body = read_body_bytes(event)
    if signature.body_model is not None and signature.body_name is not None:
        arguments[signature.body_name] = validate(signature.body_model, parse_object(body))
    return arguments


def read_body_bytes(event: Mapping[str, Any]) -> bytes:
    """Gives the body as it was sent.

    Raises:
        TooLargeError: over `MAX_BODY_BYTES`.
        MalformedError: said to be base64 and is not.
    """
    text = event.get("body") or ""
    if len(text) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise _too_large()
    if not event.get("isBase64Encoded"):
        body = text.encode(errors="surrogatepass")
    else:
        try:
            body = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error) as error:
            raise MalformedError("the body is not the base64 that it is said to be") from error
    if len(body) > MAX_BODY_BYTES:
        raise _too_large()
    return body


def parse_object(body: bytes) -> dict[str, Any]:
    """Gives the JSON object in a body.

    Raises:
        MalformedError: not JSON, or another JSON value than an object.
        InvalidFieldError: names the member that is nested too deep or is not Unicode.
    """
    try:
        found = json.loads(body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedError("the body is not JSON") from error
    if not isinstance(found, dict):
        raise MalformedError("the body must be a JSON object")
    for name, value in found.items():
        try:
            check_json(name, "a name")
            check_json(value, name)
        except OutputError as error:
            raise InvalidFieldError(_printable(name), _printable(str(error))) from error
    return found


def validate(model: type[BaseModel], value: Mapping[str, Any]) -> BaseModel:
    """Gives the model of a body.

    Raises:
        InvalidFieldError: names the first field that is wrong, never its value.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # Not chained: the library's error quotes the value, which may be a private key.
        raise _invalid(error, "body") from None


def _read_query(signature: Signature, query: Mapping[str, str]) -> dict[str, Any]:
    unknown = sorted(set(query) - {_spoken(name) for name in signature.query})
    if unknown:
        raise InvalidFieldError(_printable(unknown[0]), "is not a parameter of this request")
    found = {}
    for name, adapter in signature.query.items():
        if _spoken(name) in query:
            try:
                found[name] = adapter.validate_python(query[_spoken(name)])
            except ValidationError as error:
                raise _invalid(error, _spoken(name)) from None
    return found


def _spoken(name: str) -> str:
    # `from` and `all` cannot or should not be names of arguments; Python says `from_`, `all_`.
    return name.removesuffix("_")


def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


def _invalid(error: ValidationError, whole: str) -> InvalidFieldError:
    first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or whole
    message = first["msg"]
    if first["type"] == "extra_forbidden":
        message = "is not a field that can be set here"
    return InvalidFieldError(_printable(place), message)


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()[:200]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _too_large() -> TooLargeError:
    return TooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes")
