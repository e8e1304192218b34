"""Which schemas structured outputs take: a strict part of JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.openai.refusals import Refused, bad_request

# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
UNSUPPORTED = frozenset(
    {"allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "contains"}
    | {"patternProperties", "unevaluatedProperties", "propertyNames", "minProperties", "maxProperties"}
    | {"uniqueItems"}
)
DEEPEST, MOST_PROPERTIES = 10, 5_000
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)

Path = tuple[str, ...]


def strict_schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that a request asks for, None when it asks for text; Refused when OpenAI refuses it."""
    wanted = body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    format_ = wanted.get("json_schema")
    if not isinstance(format_, dict) or not _NAME.fullmatch(str(format_.get("name", ""))):
        raise bad_request("Missing required parameter: 'response_format.json_schema'.", "response_format")
    schema = format_.get("schema")
    if not isinstance(schema, dict):
        raise bad_request(
            "Missing required parameter: 'response_format.json_schema.schema'.",
            "response_format.json_schema.schema",
        )
    if format_.get("strict"):
        _check(schema, str(format_["name"]))
    return schema


def _check(schema: Mapping[str, Any], name: str) -> None:
    if schema.get("type") != "object" or "anyOf" in schema:
        raise _invalid(name, (), "schema must be a JSON Schema of 'type: \"object\"', got 'type: None'.")
    properties = 0
    for path, node in _nodes(schema, ()):
        properties += len(node.get("properties", ()))
        problem = _problem(node)
        if problem or len(path) > 2 * DEEPEST or properties > MOST_PROPERTIES:
            raise _invalid(name, path, problem or "the schema is too large.")


def _problem(node: Mapping[str, Any]) -> str | None:
    for word in sorted(UNSUPPORTED & node.keys()):
        return f"'{word}' is not permitted."
    if node.get("type") == "object" or "properties" in node:
        return _object_problem(node)
    if node.get("type") == "array" and not isinstance(node.get("items"), dict):
        return "array schema missing items."
    if not {"type", "anyOf", "$ref", "enum", "const"} & node.keys():
        return "schema must have a 'type' key."
    return None


def _object_problem(node: Mapping[str, Any]) -> str | None:
    if node.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    names, required = list(node.get("properties", {})), node.get("required", [])
    missing = next((name for name in names if name not in required), None)
    if missing is not None:
        return (
            "'required' is required to be supplied and to be an array including every key in properties."
            f" Missing '{missing}'."
        )
    extra = next((name for name in required if name not in names), None)
    return f"'required' names '{extra}', which is no property." if extra is not None else None


def _nodes(schema: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield path, schema
    for group in ("properties", "$defs", "definitions"):
        for key, part in schema.get(group, {}).items():
            yield from _nodes(part, (*path, group, key))
    if isinstance(schema.get("items"), dict):
        yield from _nodes(schema["items"], (*path, "items"))
    for place, part in enumerate(schema.get("anyOf", ())):
        yield from _nodes(part, (*path, "anyOf", str(place)))


def _invalid(name: str, path: Path, problem: str) -> Refused:
    return bad_request(
        f"Invalid schema for response_format '{name}': In context={path!r}, {problem}", "response_format"
    )
