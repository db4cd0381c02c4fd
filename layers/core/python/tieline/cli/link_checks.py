"""Tries links and says in plain words what is wrong with each, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tieline.cli.checks import Check
from tieline.cli.client import Client, object_of, path_to
from tieline.cli.link_health import MUCH_SKEW_SECONDS, Health, LinkHealth
from tieline.cli.links import RESOURCE, fetch_status, steps_of
from tieline.cli.wording import ago, duration
from tieline.protocol.values import Json, JsonObject

CURES: Mapping[str, str] = {
    "enabled": "enable it: `tieline link set {name} --enable`; the other side enables its own",
    "keys": (
        "save the key that `tieline key show` prints on the other side: "
        "`tieline link set {name} --remote-key FILE`"
    ),
    "name": "check the host in the remote URL, and that this machine can resolve names (DNS)",
    "connection": (
        "check that the other workspace runs, the port in the remote URL, and that no firewall "
        "keeps HTTPS from leaving this machine"
    ),
    "tls": (
        "for a self-signed certificate give its PEM with `tieline link set {name} --ca FILE`; "
        "for a pinned one check --pin; else renew the other side's certificate"
    ),
    "signature": (
        "one side does not know the other's key, or the link has another name there: compare the "
        "fingerprints of `tieline link show` on both sides, and the name in the remote URL"
    ),
    "clock": "set the clocks of both machines (NTP): they may differ by 300 seconds at most",
    "exchange": (
        "the other side was reached but did not accept the post: look at `tieline link status` "
        "and the log there, and that its link is enabled"
    ),
    "control": "allow it: `tieline link set {name} --control both`, or outgoing or incoming",
}
"""By the step that failed; the step's own detail comes first, this is what to do."""

ANSWERING_CURE = (
    "this side cannot call the other one. Check there: does its workspace run, is its link "
    "enabled, does its remote URL end in /api/latest/sync_config/{name}/sync of this workspace, "
    "does it know this workspace's key ({fingerprint}), what does `tieline link status` say"
)


def check_link(client: Client, link: JsonObject, now: datetime | None = None) -> list[Check]:
    """Tries one link; gives what was found, the first problem last."""
    name = str(link["name"])
    result = object_of(client.request("POST", path_to(RESOURCE, str(link["id"]), "test"), body={}))
    facts, health = fetch_status(client, link)
    subject = f"link {name}"
    failed = next((step for step in steps_of(result) if not step["is_ok"]), None)
    if failed is not None:
        cure = _cure(link, str(failed["name"]))
        detail = f"{failed['name']}: {failed['detail']}"
        return [Check(subject=subject, is_ok=False, detail=detail, cure=cure)]
    checks = [_judge(subject, link, facts, health, now or datetime.now(UTC))]
    skew = facts.get("clock_offset_seconds")
    if isinstance(skew, int | float) and abs(skew) > MUCH_SKEW_SECONDS:
        detail = f"the two clocks differ by {duration(abs(skew))}"
        checks.append(Check(subject=subject, is_ok=False, detail=detail, cure=CURES["clock"]))
    checks += [
        Check(subject=subject, is_ok=True, detail=str(step["detail"]))
        for step in steps_of(result)
        if step["name"] == "control"
    ]
    return checks


def _judge(
    subject: str, link: JsonObject, facts: JsonObject, health: LinkHealth, now: datetime
) -> Check:
    if link["remote_url"]:
        return Check(subject=subject, is_ok=True, detail="a signed exchange worked just now")
    # The test of a link that only answers is about its past, so its age decides.
    heard: Json = facts.get("last_contact_in")
    when = ago(heard, now) or "never"
    detail = f"it only answers; the other side was last heard {when}"
    is_ok = health.health == Health.WORKING
    cure = "" if is_ok else _cure(link, "exchange")
    return Check(subject=subject, is_ok=is_ok, detail=detail, cure=cure)


def _cure(link: JsonObject, step: str) -> str:
    is_answering = step == "exchange" and not link["remote_url"]
    text = ANSWERING_CURE if is_answering else CURES.get(step, "")
    return text.format(name=link["name"], fingerprint=link["own_fingerprint"])
