"""Verbs that ask about cases: case show|list|history."""

from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from identity_engine.cli.case.entry import Case
from identity_engine.cli.case.view import show_view, state_text
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Lang, Store, at_most
from identity_engine.cli.terminal.output import (
    answer,
    answer_rows,
    language,
    timestamp,
)
from identity_engine.cli.usage import not_both


def show_(case_: Case, *, store: Store = None, json: Json = False) -> None:
    """Show a case: whose it is, its state, interactions, notes and mails."""
    with opened(store) as engine:
        view = engine.desk.reading_cases.show(case_)
    answer(view, show_view, json=json)


def list_(
    text: Annotated[
        Sequence[str], Parameter(name="TEXT", help="A number, or words of subject, notes, mails.")
    ] = (),
    *,
    contact: Annotated[str | None, Parameter(help="Of the person that this contact is.")] = None,
    queue: Annotated[str | None, Parameter(help="In this team's queue.")] = None,
    agent: Annotated[str | None, Parameter(help="In this agent's personal queue.")] = None,
    mine: Annotated[bool, Parameter(negative="", help="In your own personal queue.")] = False,
    pinned: Annotated[bool, Parameter(negative="", help="That you have pinned.")] = False,
    state: Annotated[
        Sequence[Literal["new", "open", "pending", "resolved", "closed"]],
        Parameter(negative="", help="In this state; may be given several times."),
    ] = (),
    limit: Annotated[int, at_most("the last changed first")] = 50,
    store: Store = None,
    json: Json = False,
) -> None:
    """List the cases that meet every condition."""
    not_both(mine=mine, agent=agent)
    with opened(store) as engine:
        found = engine.desk.reading_cases.find(
            contact=contact,
            queue=queue,
            agent_id=agent,
            mine=mine,
            pinned=pinned,
            states=state,
            text=" ".join(text) or None,
            limit=limit,
        )
    answer_rows(
        found,
        ("case", "state", "subject", "contact", "queue", "changed"),
        lambda one: (
            one.number,
            state_text(one.state, one.reason or one.disposition),
            one.subject,
            one.contact_id,
            one.agent or one.queue,
            timestamp(one.changed),
        ),
        none="No case found.",
        json=json,
    )


def history(
    case_: Annotated[
        str | None, Parameter(name="CASE", help="The case's number or id; without one, all cases.")
    ] = None,
    *,
    state: Annotated[str | None, Parameter(help="Only changes to this state.")] = None,
    by: Annotated[str | None, Parameter(help="Only what this actor did.")] = None,
    since: Annotated[str | None, Parameter(help="From this time on, ISO 8601.")] = None,
    until: Annotated[str | None, Parameter(help="Before this time, ISO 8601.")] = None,
    limit: Annotated[int, at_most("the newest")] = 200,
    store: Store = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Show every event of a case, or search the events of all cases."""
    with opened(store) as engine:
        changes = engine.desk.reading_cases.history(
            case_,
            state=state,
            actor=by,
            since=since,
            until=until,
            limit=limit,
            language=language(lang),
        )
    answer_rows(
        changes,
        ("case", "true from", "actor", "event", "what"),
        lambda c: (c.number, timestamp(c.valid_from), c.actor, c.topic, c.summary),
        none="Nothing has happened, or nothing that meets these conditions.",
        json=json,
    )
