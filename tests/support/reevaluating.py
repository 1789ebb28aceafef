"""What tests of re-evaluation share: what arrives, and who is one with whom afterwards."""

import csv

from tests.support.interactions import email, event, phone
from tests.support.resolving import ANNA, MAIL, arrive

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
