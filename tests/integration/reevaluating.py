"""What tests of re-evaluation share: what arrives, and who is one with whom afterwards."""

import csv

from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.match_index.states import unpack_contact, unpack_identifier
from tests.integration.resolving import ANNA, MAIL, arrive
from tests.support.interactions import email, event, phone

SAID = ANNA | {"postcode": "10115", "city": "Berlin"}
LOUISE = {"given_name": "Louise", "family_name": "Fontaine", "date_of_birth": "1990-01-02"}


def form(id_, *identifiers, day=1, **said):
    """What somebody typed into a form, on a day of February."""
    return event(
        id_, *identifiers, channel="form", time=f"2026-02-{day:02}T09:00:00Z", profile=said
    )


def anna_twice(engine):
    """Anna is known by an address, and elsewhere by name; then one form names both."""
    return arrive(
        engine,
        form("1", email(MAIL), day=1),
        form("2", phone(), day=2, **SAID),
        form("3", email(MAIL), day=3, **SAID),
    )


def together(engine, folder, as_of=None):
    """The ids of the interactions that belong together, as the export shows them."""
    engine.export_links(folder / "links.csv", as_of)
    groups = {}
    with (folder / "links.csv").open() as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["contact_id"], set()).add(row["interaction_id"])
    return sorted(sorted(group) for group in groups.values())


def is_sound(engine):
    """Whether a replay agrees with the live index and with the live views, nobody is vouched for by an
    interaction of others, and every interaction lies where its contact is."""
    engine.follow()
    replayed = engine.verify_index().is_sound and all(view.is_sound for view in engine.verify())
    return replayed and not vouched_for_by_others(engine) and not astray(engine)


def astray(engine):
    """The numbers of interactions that are linked to a contact of another division."""
    with engine.store.reading() as cursor:
        rows = cursor.execute(
            "SELECT number, division, state FROM interaction JOIN contact USING (contact_id)"
        ).fetchall()
    return [n for n, where, state in rows if unpack_contact(bytes(state)).division != where]


def vouched_for_by_others(engine):
    """Claims that are verified by an interaction which does not belong to their holder."""
    with engine.store.reading() as cursor:
        states = cursor.execute("SELECT state FROM identifier").fetchall()
        links = dict(
            cursor.execute("SELECT interaction_id, contact_id FROM interaction").fetchall()
        )
    return [
        held
        for (state,) in states
        for held in unpack_identifier(bytes(state)).holdings
        if held.verified_by is not None
        and held.valid_to is None
        and links.get(id_bytes(held.verified_by)) != id_bytes(held.contact_id)
    ]
