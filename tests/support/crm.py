"""A contact centre with a CRM on this machine: who calls, what happens to the call, what the CRM has."""

import json
from datetime import UTC, datetime

from aggregates.access import Action
from aggregates.change import Change, ChangePersonal, InteractionChanged
from aggregates.contact import ContactMerged, ContactUnmerged, MergeEdge
from aggregates.values import InteractionId
from tests.support.crm_servers import TOKEN
from tests.support.interactions import event, phone

ENDED = datetime(2026, 2, 1, 9, 10, tzinfo=UTC)


def connect(engine, server, monkeypatch=None, **changes):
    """Put settings in force that connect the CRM behind `server`."""
    if monkeypatch is not None:
        monkeypatch.setenv("CRM_TOKEN", TOKEN)
    crm = {"kind": "rest", "url": server.url, "token_env": "CRM_TOKEN", "allow_private": True}
    content = {"format": 1, "name": "crm", "crm": crm | changes}
    engine.desk.administration.activate("settings", json.dumps(content).encode())


def arrives(engine, id_="call-1", number="+81312345678", **more):
    """Let an interaction arrive and return its id."""
    more = {"profile": {"given_name": "Anna", "family_name": "Berger"}} | more
    (outcome,) = engine.ingest([event(id_, phone(number), **more)])
    return outcome.interaction_id


def happens(engine, interaction_id, *kinds, agent="agent-7", at=ENDED, **more):
    """Let an interaction go on."""
    operations = engine.desk.crm.under(Action.CRM_LINK)
    for kind in kinds:
        with operations.command(effective_at=at) as command:
            row = command.interaction(InteractionId(interaction_id))
            number = len(command.stream(interaction_id))
            change = Change(
                kind=kind,
                natural_key=f"{number:032x}",
                content_digest=f"{number:032x}",
                agent=agent,
                **more,
            )
            command.write(
                interaction_id,
                InteractionChanged(
                    change=change,
                    contact_id=row.contact_id,
                    personal=ChangePersonal(source="//centre/calls", id=f"change-{number}"),
                ),
            )


def activities(server):
    """What the CRM has, in the order in which it was made."""
    return list(server.rows.tables["activity"].values())


def topics(engine, interaction_id=None):
    """What happened between us and the CRM, the oldest first."""
    entries = engine.desk.crm.ledger(interaction_id)
    return [one.topic.removeprefix("crm.") for one in reversed(entries)]


def merged(engine, one, other):
    """Merge two contacts as the rules would, and return the merge's facts."""
    operations = engine.desk.crm.under(Action.CRM_LINK)
    with operations.command() as command:
        command.contacts([one, other])
        merge_id = command.new_id()
        edge = MergeEdge(one=one, other=other)
        command.write(other, ContactMerged(merge_id=merge_id, edges=(edge,), survivor=other))
    return other, merge_id, edge


def unmerged(engine, merge):
    """Take a merge back."""
    stream, merge_id, edge = merge
    with engine.desk.crm.under(Action.CRM_LINK).command() as command:
        command.contacts([edge.one, edge.other])
        command.write(stream, ContactUnmerged(merge_id=merge_id, edges=(edge,)))
