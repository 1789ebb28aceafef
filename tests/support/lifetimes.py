"""What tests of lifetimes share: a clock in the past, and who is there."""

from datetime import UTC, datetime

import orjson

from identity_engine.application.rules import shipped_settings

BORN = datetime(2026, 2, 1, 9, tzinfo=UTC)
"""When the interactions of `tests.support.interactions` happen, unless they say otherwise."""

WHY = "she asked for it"


def day(month, number):
    """A morning of the year 2026."""
    return datetime(2026, month, number, tzinfo=UTC)


def change_retention(engine, **retention):
    """Put settings in force that keep contacts differently."""
    content = orjson.loads(shipped_settings()) | {"retention": retention}
    engine.desk.administration.activate("settings", orjson.dumps(content))


def presence(engine, contact_id):
    """Whether a contact is live, expired or deleted."""
    return engine.profile(contact_id).presence


def ids(found):
    """The contacts found."""
    return [one.contact_id for one in found]
