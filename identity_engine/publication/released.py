"""JSON Schemas of the public contracts: those of the classes, and those that were released.

The released ones lie beside this module, one file for each type, and ship with the package. What a class
says may differ from them only as far as subscribers do not notice.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from identity_engine.publication.contracts import EVENTS, PROFILES, Public

FOLDER: Final = Path(__file__).with_name("schemas")
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PROSE: Final = frozenset({"title", "description", "default"})
"""Keywords that say nothing of what is valid."""


def schema_of(contract: type[Public]) -> dict[str, Any]:
    """Return the JSON Schema of a contract, named after its type."""
    return {"$schema": DIALECT, **contract.model_json_schema(), "title": contract.TYPE}


def released_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas that were released, by type."""
    return {path.stem: orjson.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}


def release() -> list[str]:
    """Write the schemas of all contracts down, and return the types whose subscribers it would break:
    then nothing is written of them."""
    before = released_schemas()
    broken = []
    for contract in (*EVENTS, *PROFILES):
        schema = schema_of(contract)
        if contract.TYPE in before and list(breaks(before[contract.TYPE], schema)):
            broken.append(contract.TYPE)
            continue
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{contract.TYPE}.json").write_bytes(readable(schema))
    return broken


def readable(schema: Mapping[str, Any]) -> bytes:
    """Return a schema as the text of its file."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(schema, option=options)


def breaks(released: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of a schema would break its subscribers: they read what is sent now by the schema that
    was released, and what was sent before by the one of now.

    A new field must be optional. A field that is there keeps its type, and stays required if it was.
    """
    yield from _breaks(_inlined(released, released), _inlined(current, current), "")


def _breaks(released: Mapping[str, Any], current: Mapping[str, Any], place: str) -> Iterator[str]:
    fields, now = released.get("properties"), current.get("properties")
    if fields is None or now is None:
        if "items" in released and "items" in current:
            yield from _breaks(released["items"], current["items"], f"{place}[]")
            released = {**released, "items": None}
            current = {**current, "items": None}
        if _shape(released) != _shape(current):
            yield f"{place or 'it'} has another type"
        return
    required, required_now = (set(one.get("required", ())) for one in (released, current))
    for name, field in fields.items():
        where = f"{place}.{name}".lstrip(".")
        if name not in now:
            yield f"{where} is gone"
            continue
        if (name in required) != (name in required_now):
            yield f"{where} is {'optional' if name in required else 'required'} now"
        yield from _breaks(field, now[name], where)
    for name in sorted(now.keys() - fields.keys()):
        if name in required_now:
            yield f"{place}.{name} is new and required".lstrip(".")


def _inlined(part: Any, root: Mapping[str, Any]) -> Any:
    """Return a part of a schema with what it refers to in its place."""
    if isinstance(part, list):
        return [_inlined(one, root) for one in part]
    if not isinstance(part, Mapping):
        return part
    if "$ref" in part:
        return _inlined(root["$defs"][part["$ref"].rpartition("/")[2]], root)
    return {name: _inlined(one, root) for name, one in part.items() if name != "$defs"}


def _shape(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: _shape(one) if isinstance(one, Mapping) else one
        for name, one in schema.items()
        if name not in PROSE
    }
