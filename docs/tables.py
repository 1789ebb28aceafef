"""How tables of the reference are written: one row for each field of a model, by its type and limits."""

import inspect
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields as fields_of
from pydantic import AwareDatetime, BaseModel

WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    AwareDatetime: "time",
    datetime: "time",
}


def fields(model: type[BaseModel]) -> str:
    """Return the fields of a model as a table."""
    rows = [
        row(f"`{name}`", type_of(field.annotation) + range_of(field), default_of(field))
        for name, field in model.model_fields.items()
    ]
    return table("field | type | default", rows)


def default_of(field: Any) -> str:
    """Say what a field of a model is where nothing is given."""
    if field.is_required():
        return "required"
    return _default_text(field.get_default(call_default_factory=True))


def stored_fields(struct: type[Struct]) -> str:
    """Return the fields of what is stored as a table."""
    rows = [
        row(f"`{field.name}`", type_of(kind), "required" if field.required else _default_text(said))
        for field, kind in zip(fields_of(struct), kinds_of(struct).values(), strict=True)
        for said in [None if field.default is NODEFAULT else field.default]
    ]
    return table("field | type | default", rows)


def kinds_of(struct: type[Struct]) -> dict[str, Any]:
    """Return the annotation of each field of a struct."""
    hints = get_type_hints(struct)
    return {name: hints[name] for name in struct.__struct_fields__}


def _default_text(default: Any) -> str:
    if isinstance(default, BaseModel):
        return "those of its fields"
    return "none" if default in (None, (), {}) else f"`{default}`"


def type_of(annotation: Any) -> str:
    """Say the type of a field."""
    return f"`{_type_text(annotation)}`"


def _type_text(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_text(inner[0])
    if origin in (Union, UnionType):
        return " | ".join(_type_text(one) for one in inner if one is not NoneType) + (
            ", optional" if NoneType in inner else ""
        )
    if origin is Literal:
        return " | ".join(f'"{one}"' for one in inner)
    if origin is tuple:
        return f"list of {_type_text(inner[0])}"
    if origin is dict:
        return f"{_type_text(inner[0])} -> {_type_text(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " | ".join(f'"{one.value}"' for one in annotation)
    return WORDS.get(annotation) or str(annotation.__name__)


def range_of(field: Any) -> str:
    """Say the limits of a number, as declared on the field."""
    limits = {type(limit): limit for limit in field.metadata}
    if Ge in limits and Le in limits:
        return f", {limits[Ge].ge:,} to {limits[Le].le:,}"
    return ""


def doc(described: type) -> str:
    """Return the docstring of a class."""
    return inspect.cleandoc(described.__doc__ or "")


def table(titles: str, rows: Iterable[str]) -> str:
    """Return a table of rows under titles with bars between."""
    return "\n".join([f"| {titles} |", "|" + "---|" * (titles.count("|") + 1), *rows])


def row(*cells: str) -> str:
    """Return one row."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
