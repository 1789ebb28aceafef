"""A contact centre with a CRM on this machine: who calls, what happens to the call, what the CRM has."""

import json
from datetime import UTC, datetime

from aggregates.access import Action
from aggregates.contact import ContactMerged, ContactUnmerged, MergeEdge
from aggregates.interaction import InteractionLinked, InteractionUnlinked
from aggregates.values import Evidence, instant_text
from tests.support.crm_servers import TOKEN
from tests.support.interactions import change, event, phone

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


def happens(engine, interaction_id, *kinds, agent="agent-7", at=ENDED):
    """Let an interaction go on, as its publisher tells it."""
    received = engine.store.read_stream(interaction_id)[0].fact.personal
    said = {} if agent is None else {"agent": agent}
    for kind in kinds:
        number = engine.store.head()
        told = {**said, "to_queue": "billing"} if kind == "transferred" else said
        moment = instant_text(at)
        (outcome,) = engine.ingest(
            [change(f"change-{number}", received.id, kind, time=moment, **told)]
        )
        assert outcome.interaction_id == interaction_id


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


def moved(engine, interaction_id, contact_id):
    """Give an interaction to another contact, as the rules do when more is known."""
    with engine.desk.crm.under(Action.CRM_LINK).command() as command:
        before = command.interaction(interaction_id).contact_id
        command.contacts([before, contact_id])
        rules = command.rules
        evidence = Evidence(
            rule="score", model=rules.model_version, policy=rules.policy_version, weight=1
        )
        command.write(
            interaction_id,
            InteractionUnlinked(contact_id=before),
            InteractionLinked(contact_id=contact_id, evidence=evidence),
        )
