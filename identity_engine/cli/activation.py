"""What the verbs have in common that put rules in force: policy, model and settings."""

from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import Parameter
from pydantic import BaseModel

from aggregates.policy import PolicyKind
from identity_engine.application.rules import (
    Rules,
    content_version,
    rules_from,
    shipped_model,
    shipped_policy,
)
from identity_engine.cli.opening import opened, opened_or_begun
from identity_engine.cli.terminal.output import DRY_RUN, answer, read_content, show
from identity_engine.cli.usage import not_both

Shipped = Annotated[bool, Parameter(help="Show what a new store starts with; it takes no store.")]


def rules_shown(store: str | None, *, shipped: bool) -> Rules:
    """Return the rules in force, or those that a new store starts with."""
    not_both(store=store, shipped=shipped)
    if shipped:
        return rules_from(shipped_policy(), shipped_model())
    with opened(store) as engine:
        return engine.policies.rules


def in_order(content: bytes, kind: type[BaseModel]) -> dict[str, object]:
    """Return what was put in force and nothing else, so that it has the same version if it is put in
    force again; its parts in the order of the reference."""
    said = orjson.loads(content)
    return {name: said[name] for name in kind.model_fields if name in said}


def put_in_force(
    kind: PolicyKind, file: Path, *, store: str | None, dry_run: bool, json: bool
) -> None:
    """Put what a file says in force, or say that it would be, or is already."""
    content = read_content(file)
    with opened_or_begun(store, dry_run=dry_run) as engine:
        changed = engine.desk.administration.activate(kind, content, dry_run=dry_run)
    told: dict[str, object] = {"kind": kind, "changed": bool(changed)}
    said = "The settings are in force"
    if kind != "settings":
        version = content_version(content)
        told = {"kind": kind, "version": version, "changed": bool(changed)}
        said = f"{kind} {version} is in force"
    said = (
        f"{DRY_RUN if dry_run else ''}{said}." if changed else f"{said} already; nothing changed."
    )
    answer(told, lambda _: show(said), json=json)
