"""How a contact is shown."""

from identity_engine.cli.terminal.output import day, show, show_table, timestamp
from matchers.scoring import MILLIBITS
from projections.profile.query import HeldClaim, Profile


def _called(one: HeldClaim) -> str:
    return ", ".join(filter(None, (one.label, "primary" if one.primary else "")))


def show_profile(profile: Profile) -> None:
    """Write a profile for people."""
    show(f"Contact {profile.contact_id}", "bold")
    known = "" if profile.revision is None else f", revision {profile.revision}"
    since = timestamp(profile.first_seen)
    show(f"{profile.stage}, division {profile.division}, first seen {since}{known}")
    if profile.since is not None:
        show(
            f"This contact is {profile.presence} since {timestamp(profile.since)}. Its history stays."
        )
        if profile.is_restorable:
            show(f"To bring it back: contact restore {profile.contact_id}")
        elif profile.is_restorable is not None:
            show("It was gone for too long to be brought back.")
        return
    if profile.cases:
        show(f"cases {', '.join(profile.cases)}")
    if profile.fields:
        show()
        show_table(
            ("field", "value", "from", "as of", "also"),
            [
                (
                    name,
                    values[0].value,
                    values[0].origins[0].source or f"by hand, {values[0].origins[0].actor}",
                    day(values[0].origins[0].time),
                    ", ".join(other.value for other in values[1:]),
                )
                for name, values in profile.fields.items()
            ],
            none="",
        )
    if profile.identifiers:
        show()
        called = any(one.label or one.primary for one in profile.identifiers)
        show_table(
            ("identifier", "value", "verified", "held from", "until", *(["called"] * called)),
            [
                (
                    one.type,
                    one.value,
                    "yes" if one.verified else "no",
                    day(one.valid_from),
                    day(one.valid_to) if one.valid_to else ("shared" if one.shared else ""),
                    *([_called(one)] * called),
                )
                for one in profile.identifiers
            ],
            none="",
        )
    show()
    show_table(
        ("interaction", "channel", "time", "linked by", "bits"),
        [
            (
                one.interaction_id,
                one.channel,
                timestamp(one.time),
                one.decision,
                one.weight / MILLIBITS if one.weight else None,
            )
            for one in profile.interactions
        ],
        none="No interactions.",
    )
