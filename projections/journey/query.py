"""Reading interactions: one with its changes, lists by division or agent, the journey of a contact."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from msgspec import Struct

from projections.scope import among, within
from projections.sql import Connection

State = Literal["open", "ended", "wrapped_up", "retracted"]
COLUMNS = (
    "i.interaction_id, c.canonical_id, i.division, i.source, i.id, i.channel, i.direction, i.time, "
    "i.session, i.identifiers FROM journey_interaction i "
    "LEFT JOIN identity_contact c ON c.contact_id = i.contact_id"
)


class ChangeView(Struct, frozen=True):
    """One change of an interaction. `said` is what it says about the person."""

    kind: str
    time: str
    agent: str | None
    to_agent: str | None
    to_queue: str | None
    direction: str | None
    said: Mapping[str, Any]


class InteractionView(Struct, frozen=True):
    """An interaction as it stands. `contact_id` stands for its contact's identity, None where it has
    none; `agent` has it now, `last` is the time of its last change, UTC text."""

    interaction_id: str
    contact_id: str | None
    division: str
    source: str | None
    id: str | None
    channel: str
    direction: str
    time: str
    session: str | None
    identifiers: tuple[tuple[str, str], ...]
    state: State
    agent: str | None
    last: str
    changes: tuple[ChangeView, ...]


class Session(Struct, frozen=True):
    """Interactions of one sitting: the publisher's `session`, else one `device` without long gaps."""

    session: str | None
    device: str | None
    started: str
    ended: str
    interactions: tuple[InteractionView, ...]


def find_interaction(views: Connection, interaction_id: str) -> InteractionView | None:
    """Return an interaction with its changes by time, None where there is none."""
    rows = views.execute(f"SELECT {COLUMNS} WHERE i.interaction_id = ?", (interaction_id,))
    return next(_read(views, rows.fetchall()), None)


def division_of(views: Connection, interaction_id: str) -> str | None:
    """Return where an interaction lies, None where there is none."""
    row = views.execute(
        "SELECT division FROM journey_interaction WHERE interaction_id = ?", (interaction_id,)
    ).fetchone()
    return str(row[0]) if row is not None else None


def interactions_in(
    views: Connection, divisions: Collection[str] | None, limit: int
) -> list[InteractionView]:
    """Return the newest interactions of these divisions (None for all)."""
    rows = views.execute(
        f"SELECT {COLUMNS} WHERE {within('i.division')} "
        "ORDER BY i.time DESC, i.interaction_id LIMIT :limit",
        {"divisions": among(divisions), "limit": limit},
    ).fetchall()
    return list(_read(views, rows))


def interactions_given_to(
    views: Connection, agent: str, divisions: Collection[str] | None, limit: int
) -> list[InteractionView]:
    """Return the newest interactions that an agent accepted or was given, of these divisions."""
    rows = views.execute(
        f"SELECT {COLUMNS} WHERE {within('i.division')} AND i.interaction_id IN "
        "(SELECT interaction_id FROM journey_agent WHERE agent = :agent) "
        "ORDER BY i.time DESC, i.interaction_id LIMIT :limit",
        {"divisions": among(divisions), "agent": agent, "limit": limit},
    ).fetchall()
    return list(_read(views, rows))


def was_given_to(views: Connection, agent: str, interaction_id: str) -> bool:
    """Tell whether an agent ever had an interaction."""
    row = views.execute(
        "SELECT 1 FROM journey_agent WHERE agent = ? AND interaction_id = ?",
        (agent, interaction_id),
    ).fetchone()
    return row is not None


def interactions_of(views: Connection, members: Sequence[str]) -> list[InteractionView]:
    """Return all interactions of an identity, the earliest first."""
    rows = views.execute(
        f"SELECT {COLUMNS} WHERE i.contact_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY i.time, i.source NULLS FIRST, i.id NULLS FIRST, i.interaction_id",
        (orjson.dumps(list(members)).decode(),),
    ).fetchall()
    return list(_read(views, rows))


def sessions_of(
    interactions: Iterable[InteractionView], devices: Collection[str], gap: timedelta
) -> list[Session]:
    """Group interactions into sessions, the earliest first.

    Args:
        interactions: by time.
        devices: identifier types that name a device.
        gap: a session of a device ends before a pause of this length.
    """
    found: list[list[InteractionView]] = []
    last: dict[tuple[str, str], list[InteractionView]] = {}
    for one in interactions:
        key = _sitting(one, devices)
        group = last.get(key) if key is not None else None
        if group is None or (key is not None and key[0] == "device" and _pause(group, one) >= gap):
            group = []
            found.append(group)
        group.append(one)
        if key is not None:
            last[key] = group
    return [_session(group, devices) for group in found]


def _sitting(one: InteractionView, devices: Collection[str]) -> tuple[str, str] | None:
    if one.session is not None:
        return "session", f"{one.source}\0{one.session}"
    device = next((value for type_, value in one.identifiers if type_ in devices), None)
    return ("device", device) if device is not None else None


def _pause(group: Sequence[InteractionView], then: InteractionView) -> timedelta:
    end = max(one.last for one in group)
    return datetime.fromisoformat(then.time) - datetime.fromisoformat(end)


def _session(group: Sequence[InteractionView], devices: Collection[str]) -> Session:
    key = _sitting(group[0], devices)
    device = key[1] if key is not None and key[0] == "device" else None
    return Session(
        group[0].session,
        device,
        group[0].time,
        max(one.last for one in group),
        tuple(group),
    )


def _read(views: Connection, rows: Sequence[tuple[Any, ...]]) -> Iterator[InteractionView]:
    changes: dict[str, list[ChangeView]] = {}
    ids = orjson.dumps([row[0] for row in rows]).decode()
    for interaction_id, *told, said in views.execute(
        "SELECT interaction_id, kind, time, agent, to_agent, to_queue, direction, said "
        "FROM journey_change WHERE interaction_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY interaction_id, time, version",
        (ids,),
    ):
        changes.setdefault(interaction_id, []).append(ChangeView(*(*told, orjson.loads(said))))
    for *row, identifiers in rows:
        own = changes.get(row[0], [])
        given = tuple((type_, value) for type_, value in orjson.loads(identifiers))
        last = max([row[7], *(one.time for one in own)])
        yield InteractionView(*(*row, given, _state(own), _agent(own), last, tuple(own)))


def _state(changes: Sequence[ChangeView]) -> State:
    kinds = {one.kind for one in changes}
    if "retracted" in kinds:
        return "retracted"
    if "wrapped_up" in kinds:
        return "wrapped_up"
    return "ended" if "ended" in kinds else "open"


def _agent(changes: Sequence[ChangeView]) -> str | None:
    """Return who has the interaction by the last change that gave or took it."""
    agent: str | None = None
    for one in changes:
        match one.kind:
            case "accepted":
                agent = one.agent
            case "transferred":
                agent = one.to_agent
            case "unassigned":
                agent = None
    return agent
