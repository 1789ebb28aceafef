"""Verbs about the policy: policy show|activate."""

from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import Parameter

from aggregates.policy import Policy
from identity_engine.cli.activation import Shipped, in_order, put_in_force, rules_shown
from identity_engine.cli.group import group
from identity_engine.cli.options import DryRun, Json, Store
from identity_engine.cli.terminal.output import answer, show_lines


def show_(*, shipped: Shipped = False, store: Store = None, json: Json = False) -> None:
    """Show the policy in force, and the versions of policy and model."""
    rules = rules_shown(store, shipped=shipped)
    content = in_order(rules.policy_content, Policy)
    found = {
        "policy_version": rules.policy_version,
        "model_version": rules.model_version,
        "policy": content,
    }
    said = (
        f"policy {rules.policy.name} {rules.policy_version}\n"
        f"model  {rules.model.name} {rules.model_version}\n"
        f"{orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()}"
    )
    answer(found, lambda _: show_lines(said), json=json)


def activate(
    file: Annotated[Path, Parameter(help="A policy file.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put a policy in force for decisions from now on. It is an event; old decisions keep theirs."""
    put_in_force("policy", file, store=store, dry_run=dry_run, json=json)


policy = group("policy", "The rules in force: identifier classes, channels, caps.", show_, activate)
