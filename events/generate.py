"""Writes the sample events of every function: events/<function>/<case>.json.

Everything in them follows from fixed keys and one fixed moment, so a second run changes nothing.
The workspace that gets them is called `factory`; its peer `cloud` signs the posts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "layers/core/python")]

from fixed_keys import FixedSigner, fixed_key  # noqa: E402 - found by the line above

from tieline.protocol.execution import Control, Execution, Half, Mark, Role  # noqa: E402
from tieline.protocol.keys import thumbprint  # noqa: E402
from tieline.protocol.messages import Request, encode, record_of  # noqa: E402
from tieline.protocol.signing import make_nonce, sign_request  # noqa: E402

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
WORKSPACE, PEER = "factory", "cloud"
EPOCH, PEER_EPOCH = 1, 2
EXECUTION_ID = "019df1e4-2a00-7000-8000-000000000001"
LINK_ID = "019df1e4-2a00-7000-8000-0000000000aa"
FLOW = "restart_service"
TOKEN = "not-a-token"  # noqa: S105 - nobody accepts it
SYNC_PATH = f"/api/latest/sync_config/{PEER}/sync"
ACCOUNT, REGION = "000000000000", "eu-central-1"
API_HOST = f"a1b2c3d4e5.execute-api.{REGION}.amazonaws.com"
STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/tieline/stream/2026-05-04T12:00:00.000"

Event = dict[str, Any]


def key_id(name: str) -> str:
    """Gives the thumbprint of a fixed key."""
    return thumbprint(fixed_key(name).public_key())


def post_body(*, starts: bool) -> bytes:
    """Gives the body of a post from the cloud; one that `starts` asks for an execution."""
    control = Control(flow_name=FLOW, input_value={"host": "m7"}, target_epoch=EPOCH)
    execution = Execution(
        id=EXECUTION_ID,
        role=Role.CONTROLLER,
        created_at=NOW,
        control=control,
        control_mark=Mark(rev=1, dirty=1),
    )
    return encode(
        Request(
            v=1,
            link=PEER,
            from_=key_id(PEER),
            to=key_id(WORKSPACE),
            epoch=PEER_EPOCH,
            peer_epoch=EPOCH,
            s=NOW_MS,
            seen=0,
            instance="sample",
            version="sample",
            records=(record_of(execution, Half.CONTROL),) if starts else (),
            n=NOW_MS,
        )
    )


def signed_headers(body: bytes) -> dict[str, str]:
    """Gives the headers of a post, signed by the cloud for the factory."""
    headers, _ = sign_request(
        body,
        key=cast("Any", FixedSigner(fixed_key(PEER))),
        key_id=key_id(PEER),
        to=key_id(WORKSPACE),
        created=int(NOW.timestamp()),
        nonce=make_nonce(hashlib.sha256(body).digest()[:16]),
    )
    return {name.lower(): value for name, value in headers.items()}


def http_event(
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    is_base64: bool = False,
    stage: str = "$default",
    host: str = API_HOST,
    route: str = "$default",
) -> Event:
    """Gives an event of the HTTP API, payload format 2.0."""
    event: Event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": host, "x-forwarded-for": "192.0.2.1", **(headers or {})},
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_HOST.split(".", maxsplit=1)[0],
            "domainName": host,
            "domainPrefix": host.split(".", maxsplit=1)[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "sample",
            },
            "requestId": "sample",
            "routeKey": route,
            "stage": stage,
            "time": NOW.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": NOW_MS,
        },
        "isBase64Encoded": is_base64,
    }
    return event if body is None else {**event, "body": body}


def post_event(body: bytes, *, prefix: str = "", is_base64: bool = False, **more: Any) -> Event:
    """Gives the event of a signed post."""
    text = base64.b64encode(body).decode() if is_base64 else body.decode()
    return http_event(
        "POST",
        prefix + SYNC_PATH,
        headers=signed_headers(body),
        body=text,
        is_base64=is_base64,
        route="POST /api/latest/sync_config/{name}/sync",
        **more,
    ) | {"pathParameters": {"name": PEER}}


def receive_post_samples() -> dict[str, Event]:
    """Gives posts, however they come in front of the function."""
    hello = post_body(starts=False)
    unsigned = http_event("POST", SYNC_PATH, body="{}", route="POST /api/latest/sync_config/x/sync")
    return {
        "start_execution": post_event(post_body(starts=True)),
        "default_stage": post_event(hello),
        "named_stage": post_event(hello, prefix="/prod", stage="prod"),
        "custom_domain": post_event(hello, prefix="/tieline", host="automation.example.com"),
        "base64_body": post_event(hello, is_base64=True),
        "unsigned": unsigned,
    }


def api_samples() -> dict[str, Event]:
    """Gives requests to the REST interface, and the one that makes the first token."""
    bearer = {"authorization": f"Bearer {TOKEN}"}
    return {
        "alive": http_event("GET", "/alive"),
        "alive_on_stage": http_event("GET", "/prod/alive", stage="prod"),
        "list_flows": http_event("GET", "/api/latest/flow", headers=bearer),
        "list_flows_on_custom_domain": http_event(
            "GET", "/tieline/api/latest/flow", headers=bearer, host="automation.example.com"
        ),
        "unknown_path": http_event("GET", "/api/latest/nothing"),
        "make_token": {"make_token": "first-admin"},
    }


def stream_record(number: int, row_id: str, *, is_dirty: bool = True) -> Event:
    """Gives one record of the table's stream."""
    dirty = {"dirty_link": {"S": LINK_ID}, "dirty_key": {"S": f"02#{row_id}"}}
    image = {
        "pk": {"S": "execution"},
        "sk": {"S": row_id},
        "row_version": {"N": "1"},
        "stamp": {"S": "sample"},
        "body": {"S": "{}"},
        **(dirty if is_dirty else {}),
    }
    return {
        "eventID": f"sample-{number}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": int(NOW.timestamp()),
            "Keys": {"pk": {"S": "execution"}, "sk": {"S": row_id}},
            "NewImage": image,
            "SequenceNumber": f"{number:021}",
            "SizeBytes": 200,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": STREAM,
    }


def message(number: int, body: Mapping[str, str] | str, queue: str) -> Event:
    """Gives one record of a queue."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "messageId": f"sample-{number}",
        "receiptHandle": "sample",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "ApproximateFirstReceiveTimestamp": str(NOW_MS),
            "SenderId": "sample",
            "SentTimestamp": str(NOW_MS),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "awsRegion": REGION,
    }


def bell_event(route: str, kind: str) -> Event:
    """Gives an event of the WebSocket API."""
    return {
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "connectionId": "sample=",
            "stage": "bell",
            "requestId": "sample",
            "domainName": API_HOST,
            "connectedAt": NOW_MS,
        },
        "isBase64Encoded": False,
    }


def samples() -> dict[str, Event]:
    """Gives every sample by its path below this folder, without the ending."""
    other = EXECUTION_ID[:-1] + "2"
    found = {
        "receive_post": receive_post_samples(),
        "api": api_samples(),
        "send_changes": {
            "stream": {"Records": [stream_record(1, EXECUTION_ID), stream_record(2, other)]},
            "message": {"Records": [message(1, {"send": LINK_ID}, "send")]},
            "poison": {"Records": [message(1, "no json", "send")]},
        },
        "run_due": {"schedule": {"source": "tieline.schedule"}},
        "run_flow": {
            "run": {"Records": [message(1, {"run": EXECUTION_ID}, "run")]},
            "cancel": {"Records": [message(1, {"cancel": EXECUTION_ID}, "run")]},
            "poison": {"Records": [message(1, "no json", "run")]},
        },
        "doorbell": {
            "connect": bell_event("$connect", "CONNECT"),
            "disconnect": bell_event("$disconnect", "DISCONNECT"),
            "keep_alive": bell_event("$default", "MESSAGE") | {"body": "{}"},
        },
    }
    return {
        f"{name}/{case}": event for name, cases in found.items() for case, event in cases.items()
    }


def text_of(event: Event) -> str:
    """Gives the text of a sample's file."""
    return json.dumps(event, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Writes all samples."""
    for name, event in samples().items():
        path = HERE / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text_of(event))


if __name__ == "__main__":
    main()
