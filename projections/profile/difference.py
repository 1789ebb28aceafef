"""What moved in a contact between two looks at it: the difference that a stale save is shown (BP-2)."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from projections.profile.query import HeldClaim, Profile

Kind = Literal["field", "identifier", "contact"]
Said = dict[tuple[Kind, str], tuple[str, ...]]


class Moved(Struct, frozen=True):
    """One thing of a contact that is not what it was.

    `kind` is `field`, `identifier` or `contact`; `name` the field, the type of the identifier, or of the
    contact itself: `stage`, `division`, `presence`, `members`. `before` and `now` are its values, the
    one that is shown first in front; none where it has none.
    """

    kind: Kind
    name: str
    before: tuple[str, ...]
    now: tuple[str, ...]


def moved(before: Profile, now: Profile) -> tuple[Moved, ...]:
    """Return what moved between two looks at one contact, fields first."""
    old, new = _said_of(before), _said_of(now)
    return tuple(
        Moved(*key, old.get(key, ()), new.get(key, ()))
        for key in {**old, **new}
        if old.get(key, ()) != new.get(key, ())
    )


def _said_of(profile: Profile) -> Said:
    said: Said = {
        ("field", name): tuple(one.value for one in profile.fields[name])
        for name in sorted(profile.fields)
    }
    for type_ in sorted({one.type for one in profile.identifiers if one.type is not None}):
        said["identifier", type_] = tuple(_claims(profile, type_))
    for name in ("stage", "division", "presence"):
        said["contact", name] = (getattr(profile, name),)
    said["contact", "members"] = tuple(sorted(profile.members))
    return said


def _claims(profile: Profile, type_: str) -> Iterator[str]:
    """Yield the values of a type that the contact holds now, with what is particular about each."""
    for one in profile.identifiers:
        if one.type == type_ and one.value is not None and one.valid_to is None:
            yield ", ".join((one.value, *_particulars(one)))


def _particulars(claim: HeldClaim) -> Iterator[str]:
    if claim.verified:
        yield "verified"
    if claim.shared:
        yield "shared"
    if claim.primary:
        yield "primary"
    if claim.label:
        yield claim.label
