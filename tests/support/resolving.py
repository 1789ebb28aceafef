"""What tests of the decisions share: who arrives, what was written, which rules are in force."""

import orjson
from msgspec.structs import replace

from identity_engine.application.rules import shipped_policy
from identity_engine.ingestion.faults import Rejected
from tests.support.interactions import email, event

ANNA = {"given_name": "Anna", "family_name": "Berger", "date_of_birth": "1980-05-06"}
KENTA = {"given_name": "Kenta", "family_name": "Moriyama", "date_of_birth": "1955-11-30"}
MAIL = "anna.berger@gmail.com"
NUMBER = "+81312345678"


def arrive(engine, *events):
    """Resolve events one after another, as on the day they came; none of them is a dead letter."""
    outcomes = [engine.ingest([one])[0] for one in events]
    assert not [one for one in outcomes if isinstance(one, Rejected)]
    return outcomes


def facts(engine, topic):
    """The facts of a topic, in log order."""
    log = engine.store.read_positions(range(1, engine.store.head() + 1))
    return [one.fact for one in log if topic == one.fact.TOPIC]


def evidence(engine):
    """The evidence of the newest link."""
    return facts(engine, "interaction.linked")[-1].evidence


def mailed(id_, address=MAIL, verified=None, **more):
    """A mail that came from an address."""
    return event(id_, email(address, verified), channel="email", **more)


def cookie(value="c-1"):
    """A browser's cookie."""
    return {"type": "cookie", "value": value}


def change_policy(engine, **changes):
    """Put a policy in force that differs from the shipped one."""
    changed = orjson.loads(shipped_policy()) | changes
    engine.policies.activate({"policy": orjson.dumps(changed)})


def capped_at(cap):
    """The shipped identifier classes, where so many contacts may hold one strong value."""
    classes = orjson.loads(shipped_policy())["classes"]
    return classes | {"strong": classes["strong"] | {"cap": cap}}


def with_window(days, **rules):
    """The shipped identifier classes, where people count together within so many days only."""
    classes = orjson.loads(shipped_policy())["classes"]
    return {name: rule | {"window_days": days} | rules for name, rule in classes.items()}


def with_channel(name, **rules):
    """The shipped channels, one of them treated differently."""
    channels = orjson.loads(shipped_policy())["channels"]
    return channels | {name: channels.get(name, {}) | rules}


def change_channel(engine, name, **rules):
    """Put a policy in force that treats one channel differently."""
    change_policy(engine, channels=with_channel(name, **rules))


def unrevised(engine, contact_id, as_of=None):
    """What a contact shows, or showed then, apart from its revision."""
    return replace(engine.profile(contact_id, as_of), revision=None)
