"""Whether a store is sound: its views, its index, and what must hold between them."""

from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.match_index.states import unpack_contact, unpack_identifier


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
