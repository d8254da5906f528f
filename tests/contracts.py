"""Requests held against the providers' published contracts, all that a test's provider is asked.

Stricter than Prism where it matters to us: what a contract does not name is refused as well. Prism
itself stands between us and the simulator in `test_provider_contracts`.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FOLDER = (
    Path(os.environ.get("SHARED_DIR") or Path(__file__).resolve().parents[2] / "shared")
    / "contracts"
)
FILES = ("twilio_api_v2010.json", "tsg_mail_v3.json")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
_WORDS = {"true": True, "false": False}


def problems(method: str, url: str, body: bytes) -> list[str]:
    """What a request has that its contract does not; of a URL that is in no contract, nothing."""
    found = _operation(method, urlsplit(url).path)
    if found is None:
        return []
    contract, operation = found
    return [
        *_query(contract, operation, dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))),
        *_body(contract, operation, body),
    ]


@cache
def _contracts() -> tuple[dict[str, Any], ...]:
    """Those that are here; a clone without them checks nothing."""
    return tuple(
        json.loads((FOLDER / name).read_bytes()) for name in FILES if (FOLDER / name).is_file()
    )


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any], dict[str, Any]]]:
    return [
        (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + r"\Z"), contract, item)
        for contract in _contracts()
        for path, item in contract["paths"].items()
    ]


def _operation(method: str, path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    for pattern, contract, item in _paths():
        if pattern.match(path) and method.lower() in item:
            return contract, item[method.lower()]
    return None


def _query(
    contract: dict[str, Any], operation: dict[str, Any], given: Mapping[str, str]
) -> Iterator[str]:
    named = [_resolved(contract, one) for one in operation.get("parameters", ())]
    schemas = {one["name"]: one["schema"] for one in named if one["in"] == "query"}
    for name, text in given.items():
        if name not in schemas:
            yield f"?{name} is not in the contract"
        else:
            yield from _wrong(contract, schemas[name], _read(contract, schemas[name], text), name)


def _body(contract: dict[str, Any], operation: dict[str, Any], body: bytes) -> Iterator[str]:
    if "requestBody" not in operation:
        return
    content = _resolved(contract, operation["requestBody"])["content"]
    if "application/json" in content:
        schema = content["application/json"]["schema"]
        yield from _wrong(contract, schema, json.loads(body), "body")
        return
    schema = content["application/x-www-form-urlencoded"]["schema"]
    form: dict[str, Any] = {}
    for name, text in parse_qsl(body.decode(), keep_blank_values=True):
        field = _resolved(contract, schema["properties"].get(name, {}))
        if field.get("type") == "array":
            form.setdefault(name, []).append(text)
        else:
            form[name] = _read(contract, field, text)
    yield from _wrong(contract, schema, form, "form")


def _read(contract: dict[str, Any], schema: dict[str, Any], text: str) -> object:
    """What a text in a form or a query stands for; as it is where it does not read so."""
    kind = _resolved(contract, schema).get("type")
    if kind in {"integer", "number"} and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return _WORDS.get(text, text) if kind == "boolean" else text


def _wrong(
    contract: dict[str, Any],
    schema: dict[str, Any],
    value: Any,  # noqa: ANN401  # JSON
    at: str,
) -> Iterator[str]:
    schema = _resolved(contract, schema)
    for part in schema.get("allOf", ()):
        yield from _wrong(contract, part, value, at)
    kind = schema.get("type")
    if value is None and schema.get("nullable"):
        return
    if kind and not _is_a(value, kind):
        yield f"{at} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is none of those named"
    if isinstance(value, str):
        yield from _wrong_text(schema, value, at)
    if isinstance(value, list):
        yield from _wrong_items(contract, schema, value, at)
    if isinstance(value, dict) and "properties" in schema:
        yield from _wrong_fields(contract, schema, value, at)


def _is_a(value: object, kind: str) -> bool:
    """In JSON true is no number."""
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _wrong_fields(
    contract: dict[str, Any], schema: dict[str, Any], value: dict[str, Any], at: str
) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}.{name} is missing"
    for name, item in value.items():
        if name in schema["properties"]:
            yield from _wrong(contract, schema["properties"][name], item, f"{at}.{name}")
        else:
            yield f"{at}.{name} is not in the contract"


def _wrong_items(
    contract: dict[str, Any], schema: dict[str, Any], value: list[Any], at: str
) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at} has {len(value)} items"
    for number, item in enumerate(value):
        yield from _wrong(contract, schema.get("items", {}), item, f"{at}.{number}")


def _wrong_text(schema: dict[str, Any], value: str, at: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{at} has {len(value)} characters"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at} is not of its form"
    if schema.get("format") == "uri" and not urlsplit(value).scheme:
        yield f"{at} is no URL"


def _resolved(contract: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = contract
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema
