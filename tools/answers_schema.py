"""The JSON Schema (2020-12) of every command's answer, made from the records that `commands.COMMANDS` names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from arlo_rec.edge.commands import COMMANDS

OF_ALL = {
    "ok": {"type": "boolean", "description": "whether the exit status is 0 or 3"},
    "error": {"$ref": "#/$defs/Error"},
}
ERROR = {
    "description": "The failure that an answer names; where the command gave no answer, it stands beside `ok` alone.",
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("code", "message", "rule", "reason")}
    | {name: {"type": "integer"} for name in ("exit", "line", "column")}
    | {"keys": {"type": "array", "items": {"type": "string"}}},
    "required": ["code", "exit", "message"],
    "additionalProperties": False,
}


def kinds() -> dict[str, Any]:
    """The record of each command's answer."""
    return {name: _record(listed.answer) for name, listed in COMMANDS.items() if listed.answer}


def document() -> bytes:
    """The schema as JSON: under `commands` the answer of each, or `error` alone where the command failed."""
    by_command = kinds()
    made = list(dict.fromkeys(by_command.values()))
    references, parts = msgspec.json.schema_components(made, schema_hook=_written, ref_template="#/$defs/{name}")
    names = {kind: str(reference["$ref"]).rpartition("/")[2] for kind, reference in zip(made, references, strict=True)}
    for name in names.values():
        parts[name]["properties"] = OF_ALL | parts[name].get("properties", {})
        parts[name]["required"] = ["ok", *parts[name].get("required", [])]
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The answers of arlo-rec with --json",
        "commands": {name: {"$ref": f"#/$defs/{names[kind]}"} for name, kind in by_command.items()},
        "$defs": {"Error": ERROR} | {name: _as_written(part) for name, part in sorted(parts.items())},
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


def _record(address: str) -> Any:
    module, _, name = address.partition(":")
    return getattr(import_module(f"arlo_rec.{module}"), name)


def _written(kind: type) -> dict[str, str]:
    """A path, as a text."""
    if issubclass(kind, Path):
        return {"type": "string"}
    raise NotImplementedError(kind)


def _as_written(part: Any) -> Any:
    """A part with bytes as the program writes them, in hex; an object has no other members than those it names."""
    if isinstance(part, list):
        return [_as_written(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("contentEncoding") == "base64":
        return {"type": "string", "pattern": "^[0-9a-f]*$"}
    if "properties" in part:
        part = {"additionalProperties": False, **part}
    return {name: _as_written(each) for name, each in part.items() if name != "title"}
