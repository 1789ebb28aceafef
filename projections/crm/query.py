"""Reading what the CRM knows: links, creations, the ledger, and what is still to be sent."""

from collections.abc import Collection

import orjson
from msgspec import Struct

from aggregates.values import ContactId
from projections.scope import among, within
from projections.sql import Connection

PENDING = "linked AND due > settled AND record_id IS NOT NULL"
CORRECTING = "correction IS NOT NULL AND approved AND record_id IS NOT NULL"
OF_MEMBERS = (
    "interaction_id IN (SELECT interaction_id FROM profile_contribution "
    "WHERE contact_id IN (SELECT value FROM json_each(:members)))"
)
DIVISION = (
    "(SELECT i.division FROM journey_interaction i WHERE i.interaction_id = crm.interaction_id)"
)


class LinkedRecord(Struct, frozen=True):
    """A record of the CRM and an interaction.

    `state` is `waiting` (nothing was due yet), `due`, `written` or `unlinked`; `failure` is the reason
    why the last attempt failed. `correction` is `rewrite` or `withdraw` while one is proposed, and
    `approved` is 1 if it is to be sent.
    """

    link_id: str
    interaction_id: str
    record_type: str
    record_id: str | None
    label: str | None
    address: str | None
    state: str
    failure: str | None
    correction: str | None
    approved: int

    @property
    def is_linked(self) -> bool:
        """Tell whether the record belongs to the interaction now."""
        return self.state != "unlinked"


class AskedRecord(Struct, frozen=True):
    """A record that somebody wants made: `state` is `waiting`, `created` or `failed`."""

    creation_id: str
    interaction_id: str
    record_type: str
    state: str
    failure: str | None = None
    record_id: str | None = None
    label: str | None = None
    address: str | None = None


class LedgerEntry(Struct, frozen=True):
    """One thing that happened between us and the CRM. `named` is the link or creation, `at` the
    recorded time, UTC text; `detail` is a trigger, a reason or a correction."""

    position: int
    interaction_id: str
    named: str
    record_type: str
    topic: str
    detail: str | None
    activity_id: str | None
    version: str | None
    sent_as: str | None
    actor: str
    at: str


class Task(Struct, frozen=True):
    """Something to send: `kind` is `write`, `correct` or `create`, `named` the link or creation."""

    kind: str
    named: str
    interaction_id: str


def pending_write_back(views: Connection, members: Collection[ContactId]) -> bool:
    """Tell whether the CRM is still to be told something about a contact.

    Args:
        views: the view file, followed up to the head.
        members: all members of the contact's identity.
    """
    listed = {"members": orjson.dumps(sorted(members)).decode()}
    found = views.execute(
        f"SELECT EXISTS (SELECT 1 FROM crm_link WHERE ({PENDING} OR {CORRECTING}) "
        f"AND {OF_MEMBERS}) OR EXISTS (SELECT 1 FROM crm_creation "
        f"WHERE NOT is_settled AND {OF_MEMBERS})",
        listed,
    ).fetchone()
    return bool(found[0])


def tasks(views: Connection) -> list[Task]:
    """Return everything to be sent, in the order in which it was asked for."""
    rows = views.execute(
        f"SELECT 'write', link_id, interaction_id FROM crm_link WHERE {PENDING} "
        f"UNION ALL SELECT 'correct', link_id, interaction_id FROM crm_link WHERE {CORRECTING} "
        "UNION ALL SELECT 'create', creation_id, interaction_id FROM crm_creation "
        "WHERE NOT is_settled ORDER BY 2, 1"
    )
    return [Task(*row) for row in rows]


def first_link(views: Connection) -> int | None:
    """Return the log position of the first link there ever was, None where there is none."""
    row = views.execute(
        "SELECT position FROM crm_ledger WHERE topic = 'crm.record_linked' "
        "ORDER BY position LIMIT 1"
    ).fetchone()
    return int(row[0]) if row is not None else None


def linked_interactions(views: Connection, interaction_ids: Collection[str]) -> list[str]:
    """Return those of these interactions that have or had a record of the CRM."""
    rows = views.execute(
        "SELECT DISTINCT interaction_id FROM crm_link "
        "WHERE interaction_id IN (SELECT value FROM json_each(?)) ORDER BY interaction_id",
        (orjson.dumps(sorted(interaction_ids)).decode(),),
    )
    return [interaction_id for (interaction_id,) in rows]


def written_interactions(views: Connection, members: Collection[str]) -> list[str]:
    """Return the interactions of some contacts of which the CRM has an activity."""
    rows = views.execute(
        f"SELECT DISTINCT interaction_id FROM crm_link WHERE written AND {OF_MEMBERS} "
        "ORDER BY interaction_id",
        {"members": orjson.dumps(sorted(members)).decode()},
    )
    return [interaction_id for (interaction_id,) in rows]


def never_due(views: Connection) -> list[str]:
    """Return the interactions with a linked record for which nothing has fallen due yet."""
    rows = views.execute(
        "SELECT DISTINCT interaction_id FROM crm_link WHERE linked AND due = 0 "
        "ORDER BY interaction_id"
    )
    return [interaction_id for (interaction_id,) in rows]


def links_of(
    views: Connection,
    interaction_id: str | None = None,
    divisions: Collection[str] | None = None,
    limit: int = 500,
) -> list[LinkedRecord]:
    """Return links, of one interaction and of these divisions if given."""
    rows = views.execute(
        "SELECT link_id, interaction_id, record_type, record_id, label, address, CASE "
        "WHEN NOT linked THEN 'unlinked' WHEN due > settled THEN 'due' WHEN written THEN 'written' "
        "ELSE 'waiting' END, failure, correction, approved FROM crm_link crm "
        "WHERE (CAST(:interaction_id AS TEXT) IS NULL OR interaction_id = :interaction_id) "
        f"AND {within(DIVISION)} ORDER BY link_id LIMIT :limit",
        {
            "interaction_id": interaction_id,
            "divisions": among(divisions),
            "limit": limit,
        },
    )
    return [LinkedRecord(*row) for row in rows]


def interaction_of(
    views: Connection, link_id: str, divisions: Collection[str] | None = None
) -> str | None:
    """Return the interaction of a link, if it lies in these divisions; None where there is none."""
    row = views.execute(
        f"SELECT interaction_id FROM crm_link crm WHERE link_id = :link_id AND {within(DIVISION)}",
        {"link_id": link_id, "divisions": among(divisions)},
    ).fetchone()
    return str(row[0]) if row is not None else None


def creations_of(
    views: Connection,
    interaction_id: str | None = None,
    divisions: Collection[str] | None = None,
    limit: int = 500,
) -> list[AskedRecord]:
    """Return records that were asked for, of one interaction and of these divisions if given."""
    rows = views.execute(
        "SELECT creation_id, interaction_id, record_type, CASE WHEN NOT is_settled THEN 'waiting' "
        "WHEN failure IS NULL THEN 'created' ELSE 'failed' END, failure, record_id, label, address "
        "FROM crm_creation crm "
        "WHERE (CAST(:interaction_id AS TEXT) IS NULL OR interaction_id = :interaction_id) "
        f"AND {within(DIVISION)} ORDER BY creation_id LIMIT :limit",
        {
            "interaction_id": interaction_id,
            "divisions": among(divisions),
            "limit": limit,
        },
    )
    return [AskedRecord(*row) for row in rows]


def ledger(
    views: Connection,
    interaction_id: str | None = None,
    divisions: Collection[str] | None = None,
    limit: int = 100,
) -> list[LedgerEntry]:
    """Return what happened, the newest first; of one interaction and of these divisions if given."""
    rows = views.execute(
        "SELECT position, interaction_id, named, record_type, topic, detail, activity_id, version, "
        "sent_as, actor, at FROM crm_ledger crm "
        "WHERE (CAST(:interaction_id AS TEXT) IS NULL OR interaction_id = :interaction_id) "
        f"AND {within(DIVISION)} ORDER BY position DESC LIMIT :limit",
        {
            "interaction_id": interaction_id,
            "divisions": among(divisions),
            "limit": limit,
        },
    )
    return [LedgerEntry(*row) for row in rows]
