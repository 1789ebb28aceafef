"""The latest public profile of contacts, read from the views at one position of the log.

A contact that another one stands for has a redirect in place of a profile. What is read says the
position that it was read at, which is never before the event that it is read for.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from aggregates.values import ContactId
from identity_engine.publication.contracts import ContactProfile, ContactRedirect, HeldIdentifier
from identity_engine.publication.touching import Touched
from projections.identity.query import IdentityView, find_identity
from projections.profile.query import HeldClaim, Profile, find_profile
from projections.runner import Views
from projections.sql import Connection

ERASED: Final = "erased"
MOST_VALUES: Final = 20
MOST_IDENTIFIERS: Final = 200
MOST_MEMBERS: Final = 500

Told = ContactProfile | ContactRedirect | None
"""What a topic is told of a contact; None once it is erased, and then only."""


@contextmanager
def one_moment(views: Views) -> Iterator[int]:
    """Let what is read within be of one moment, and yield the position of the views then."""
    views.connection.execute("BEGIN")
    try:
        yield views.position()
    finally:
        views.connection.execute("COMMIT")


def latest(
    views: Connection, touched: Touched, position: int, preferred: Sequence[str]
) -> Mapping[str, Told]:
    """Return what is to be told of everybody who was touched, by contact.

    Args:
        views: at one moment.
        touched: by the events since what was told last.
        position: of the views.
        preferred: sources whose values come first.
    """
    touched.resolve(views)
    told: dict[str, Told] = {}
    for contact_id in sorted(touched.contacts | touched.identities):
        identity = find_identity(views, contact_id)
        if identity is None or (contact_id in told and contact_id not in touched.identities):
            continue
        everyone = identity.members if contact_id in touched.identities else (contact_id,)
        for member in (identity.canonical_id, *everyone):
            if member not in told:
                told[member] = _told(views, identity, member, position, preferred)
    return told


def _told(
    views: Connection,
    identity: IdentityView,
    member: ContactId | str,
    position: int,
    preferred: Sequence[str],
) -> Told:
    if identity.presence == ERASED:
        return None
    if member != identity.canonical_id:
        return ContactRedirect(
            contact_id=member, position=position, replaced_by=identity.canonical_id
        )
    profile = find_profile(views, identity.canonical_id, preferred)
    assert profile is not None
    return public_profile(profile, position)


def last_contact(views: Connection) -> str:
    """Return the last of all contacts in the order of their ids, nothing where there is none."""
    (last,) = views.execute("SELECT MAX(contact_id) FROM identity_contact").fetchone()
    return last or ""


def contacts_between(views: Connection, after: str, until: str, limit: int) -> list[str]:
    """Return the ids of contacts behind one, up to another, in their order."""
    rows = views.execute(
        "SELECT contact_id FROM identity_contact WHERE contact_id > ? AND contact_id <= ? "
        "ORDER BY contact_id LIMIT ?",
        (after, until, limit),
    )
    return [one for (one,) in rows]


def public_profile(profile: Profile, position: int) -> ContactProfile:
    """Return what subscribers see of a profile."""
    held = [claim for claim in profile.identifiers if claim.valid_to is None]
    return ContactProfile.model_validate(
        {
            "contact_id": profile.contact_id,
            "position": position,
            "division": profile.division,
            "stage": profile.stage,
            "presence": profile.presence,
            "first_seen": profile.first_seen,
            "since": profile.since,
            "members": profile.members[:MOST_MEMBERS],
            "fields": {name: values[:MOST_VALUES] for name, values in profile.values.items()},
            "identifiers": [_held(claim) for claim in held[:MOST_IDENTIFIERS]],
            "interactions": len(profile.interactions),
            "is_cut": _is_cut(profile, held),
        }
    )


def _is_cut(profile: Profile, held: Collection[HeldClaim]) -> bool:
    return (
        len(profile.members) > MOST_MEMBERS
        or len(held) > MOST_IDENTIFIERS
        or any(len(values) > MOST_VALUES for values in profile.values.values())
    )


def _held(claim: HeldClaim) -> HeldIdentifier:
    return HeldIdentifier(
        identifier_id=claim.identifier_id,
        type=claim.type,
        scope=claim.scope,
        value=claim.value,
        label=claim.label,
        verified=claim.verified,
        shared=claim.shared,
        primary=claim.primary,
    )
