"""`token`: who may call this interface; the text of a token is shown once."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response

from tieline.api.bodies import TokenBody
from tieline.api.listing import DEFAULT_LIMIT, Limit, list_answer, read_query
from tieline.api.resolver import new_router, workspace_now
from tieline.operations.manage_tokens import (
    TOKEN_FIELDS,
    create_token,
    find_token,
    revoke_token,
    token_of,
    view_token,
)
from tieline.operations.records import TOKEN
from tieline.ports import Row
from tieline.protocol.values import JsonObject

router = new_router()


@router.get("/api/latest/token", tags=["token"])
def list_tokens(
    limit: Limit = DEFAULT_LIMIT,
    after: str | None = None,
    filter: str | None = None,  # noqa: A002 - the parameter's name in the URL
) -> JsonObject:
    """Lists tokens in the order of their creation, without their text."""
    query = read_query(TOKEN_FIELDS, limit, after, filter)
    return list_answer(workspace_now().store, TOKEN, query, _view_row)


@router.post("/api/latest/token", tags=["token"], status_code=201)
def create_api_token(body: TokenBody) -> JsonObject:
    """Creates a token; this answer is the only one that holds its text."""
    made = create_token(workspace_now(), body.name, body.role, body.expires_in_days)
    return {**view_token(made.token), "token": made.text}


@router.get("/api/latest/token/<name>", tags=["token"])
def get_api_token(name: str) -> JsonObject:
    """Gives a token by id or name, without its text."""
    return view_token(find_token(workspace_now().store, name))


@router.delete("/api/latest/token/<name>", tags=["token"], status_code=204)
def delete_api_token(name: str) -> Response[str]:
    """Revokes a token; it is refused from now on."""
    revoke_token(workspace_now(), name)
    return Response(status_code=204)


def _view_row(row: Row) -> JsonObject:
    return view_token(token_of(row))
