"""What counts as JSON here, and the two ways it is written."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import JsonValue

from tieline.protocol.plain_json import MAX_DEPTH, check_json, dump_json

Json: TypeAlias = JsonValue
JsonObject: TypeAlias = dict[str, JsonValue]

__all__ = ["MAX_DEPTH", "Json", "JsonObject", "check_json", "dump_json"]
