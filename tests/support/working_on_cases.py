"""What tests of cases share: settings, mail that comes in, and looking at what came of it."""

import orjson

from identity_engine.application.rules import shipped_settings
from tests.support.resolving import mailed

ANNA = "anna.berger@gmail.com"
BEN = "ben.klein@gmail.com"
OUTGOING = {"host": "127.0.0.1", "sender": "desk@centre.example", "tls": "none"}


def configure(engine, cases=None, outgoing_mail=None):
    """Put settings in force that differ from the shipped ones."""
    content = orjson.loads(shipped_settings())
    content["cases"] = cases or {}
    content["outgoing_mail"] = outgoing_mail or OUTGOING
    engine.policies.activate({"settings": orjson.dumps(content)})


def mail_opens_cases(engine, **cases):
    """Let inbound mail open cases."""
    configure(engine, {"channels": ["email"], **cases})


def mail(id_, sender=ANNA, subject="Rechnung 17", time="2026-02-01T09:00:00Z", **headers):
    """An inbound mail; its message id is made of its id unless the headers say otherwise."""
    block = {"message_id": f"<{id_}@mail.example>", "subject": subject, **headers}
    return mailed(id_, sender, mail=block, time=time)


def shown(engine, number):
    """A case as its reader sees it."""
    return engine.desk.reading_cases.show(number)


def all_cases(engine):
    """Every case, in the order of their numbers."""
    found = engine.desk.reading_cases.find(limit=1_000)
    return sorted(found, key=lambda one: one.number)
