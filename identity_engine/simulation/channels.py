"""What each upstream system publishes about one contact of one person.

`verified` stands only where the publisher knows: a login, a customer number confirmed by
questions, an e-mail address confirmed by a link; false for what was only quoted in passing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .chance import opaque, pick
from .people import Organisation, Person
from .writing import Pen

Content = dict[str, Any]
Identifier = dict[str, Any]

SITE = "shop.example"
UNRESOLVABLE = "unresolvable"
"""The trouble noted when an interaction holds nothing that could tell who it is."""

_NO_NUMBER = ("anonymous", "0000", "unknown", "-1", "0000000000")
_NO_EMAIL = ("test@test.com", "noreply@example.com", "a@a.com")
_QUEUES = ("billing", "orders", "support", "contracts")
_OUR_ADDRESS = "service@shop.example"


def voice(pen: Pen) -> Content:
    """A call: a number at most, and perhaps what the agent typed."""
    person = pen.person
    profile: dict[str, str] = {}
    identifiers: list[Identifier] = []
    employer = None
    if pen.happens("withheld"):
        pass
    elif pen.happens("anonymous"):
        identifiers.append({"type": "phone", "value": pick(pen.random, _NO_NUMBER)})
    else:
        employer = _via_hub(pen)
        identifiers.append(_caller(pen, employer, profile))
    if pen.often(0.45):
        profile["full_name"] = pen.spoken_name()
        if pen.often(0.3):
            profile["date_of_birth"] = person.date_of_birth
        if pen.often(0.15):
            profile["postcode"] = person.address(pen.day).postcode
        if employer:
            profile["organisation"] = employer.name
        if person.customer_id and pen.often(0.45):
            identifiers.append(_customer_id(pen, person.customer_id))
    elif employer or not identifiers or "anonymous" in pen.troubles:
        pen.troubles.append(UNRESOLVABLE)
    if pen.often(0.3):
        profile["language"] = person.language.code
    attributes = {
        "queue": pick(pen.random, _QUEUES),
        "duration_seconds": 20 + int(pen.random.random() * 900),
    }
    return _content("voice", identifiers, profile, attributes, outbound=0.08, pen=pen)


def email(pen: Pen) -> Content:
    """A mail: the sender's address, mostly with a display name. The thread is added outside."""
    person = pen.person
    employer = _via_hub(pen)
    profile: dict[str, str] = {}
    if employer:
        address = employer.hub_email
    elif person.work_email and pen.often(0.35):
        address = person.work_email
    else:
        address = person.private_email
    identifiers: list[Identifier] = [{"type": "email", "value": address}]
    if pen.often(0.35 if employer else 0.8):
        profile["full_name"] = pen.display_name()
    elif employer:
        pen.troubles.append(UNRESOLVABLE)
    if employer or (address == person.work_email and pen.often(0.3)):
        assert person.organisation
        profile["organisation"] = person.organisation.name
    identifiers += _quoted(pen)
    content = _content("email", identifiers, profile, {}, outbound=0.06, pen=pen)
    to = address if content["direction"] == "outbound" else _OUR_ADDRESS
    content["mail"] = {"to": [to], "subject": pick(pen.random, person.language.subjects)}
    return content


def chat(pen: Pen) -> Content:
    """A chat on the site: logged in, or a name and address typed before the first word."""
    person = pen.person
    profile: dict[str, str] = {}
    if person.login and pen.often(0.5):
        identifiers = [_cookie(pen, known=True), *_account(pen, person.login)]
        profile |= pen.with_gaps({"full_name": pen.display_name()})
    else:
        identifiers = [_cookie(pen, known=False)]
        if pen.often(0.82):
            profile["full_name"] = pen.typed_name()
            if not pen.happens("missing_field"):
                identifiers.append(_typed_email(pen))
        elif "private_browsing" in pen.troubles:
            pen.troubles.append(UNRESOLVABLE)
        identifiers += _quoted(pen)
    profile["language"] = person.language.code
    return _content("chat", identifiers, profile, {}, outbound=0.0, pen=pen)


def web(pen: Pen) -> Content:
    """A visit to the site: a cookie, and only now and then who it belongs to."""
    person = pen.person
    profile: dict[str, str] = {}
    if person.login and pen.often(0.3):
        identifiers = [_cookie(pen, known=True), *_account(pen, person.login)]
    elif pen.often(0.12):
        identifiers = [_cookie(pen, known=True), _typed_email(pen)]
        profile |= pen.with_gaps({"full_name": pen.typed_name()})
    else:
        identifiers = [_cookie(pen, known=False)]
        if "private_browsing" in pen.troubles:
            pen.troubles.append(UNRESOLVABLE)
    attributes = {
        "pages": 1 + int(pen.random.random() * 12),
        "session": opaque(pen.random),
    }
    return _content("web", identifiers, profile, attributes, outbound=0.0, pen=pen)


def messaging(pen: Pen) -> Content:
    """A message: the service's own id, or for WhatsApp the mobile number."""
    person = pen.person
    profile: dict[str, str] = {}
    service = int(person.handle[0], 16)
    if person.language.code == "ja" and service < 13:
        identifier: Identifier = {"type": "line", "value": f"U{person.handle}"}
    elif service < 5:
        identifier = {"type": "messenger", "value": str(int(person.handle[:13], 16))}
    else:
        identifier = {"type": "whatsapp", "value": _mobile(pen)}
    if pen.often(0.85):
        profile["full_name"] = pen.display_name()
    identifiers = [identifier, *_quoted(pen)]
    if pen.often(0.5):
        profile["language"] = person.language.code
    return _content("messaging", identifiers, profile, {}, outbound=0.05, pen=pen)


def form(pen: Pen) -> Content:
    """A web form: much of a person's details, all typed."""
    person = pen.person
    profile = pen.with_gaps(pen.name_fields())
    identifiers: list[Identifier] = []
    if not pen.happens("missing_field") or not profile:
        identifiers.append(_typed_email(pen))
    if pen.often(0.7):
        number = _mobile(pen, national=True)
        identifiers.append({"type": "phone", "value": pen.typed(number)})
    if pen.often(0.75):
        profile |= pen.address_fields()
    if pen.often(0.5):
        profile["date_of_birth"] = pen.typed(person.date_of_birth)
    if pen.often(0.3):
        profile["gender"] = "female" if person.is_female else "male"
    if person.organisation and pen.often(0.3):
        profile["organisation"] = person.organisation.name
    if person.customer_id and pen.often(0.3):
        identifiers.append({"type": "customer_id", "value": pen.typed(person.customer_id)})
    if pen.often(0.9):
        profile["country"] = person.language.country
    attributes = {"form": pick(pen.random, ("contact", "order", "warranty", "newsletter"))}
    return _content("form", identifiers, profile, attributes, outbound=0.0, pen=pen)


CHANNELS: tuple[tuple[Callable[[Pen], Content], str, str, float], ...] = (
    (voice, "telephony", "call", 0.33),
    (email, "mail", "mail", 0.22),
    (web, "web", "visit", 0.15),
    (chat, "chat", "chat", 0.12),
    (messaging, "messaging", "msg", 0.11),
    (form, "forms", "form", 0.07),
)
"""The channel, its `source`, the first part of its ids, and its share of the traffic."""


def _content(
    channel: str,
    identifiers: list[Identifier],
    profile: dict[str, str],
    attributes: dict[str, Any],
    *,
    outbound: float,
    pen: Pen,
) -> Content:
    return {
        "channel": channel,
        "direction": "outbound" if outbound and pen.often(outbound) else "inbound",
        "identifiers": identifiers,
        "profile": profile,
        "attributes": attributes,
    }


def _via_hub(pen: Pen) -> Organisation | None:
    employer = pen.person.organisation
    return employer if employer and pen.happens("hub_address") else None


def _caller(pen: Pen, employer: Organisation | None, profile: dict[str, str]) -> Identifier:
    """The caller's number, mostly in E.164, else as dialled within the country."""
    person = pen.person
    home = person.household
    if employer:
        phone = employer.reception
    elif home.landline and not person.lives_alone(pen.day) and pen.often(0.4):
        phone = home.landline
        if home.size > 1:
            pen.troubles.append("household_phone")
    else:
        return _written(pen, _mobile(pen), _mobile(pen, national=True), profile)
    return _written(pen, phone.e164, phone.national, profile)


def _written(pen: Pen, e164: str, national: str, profile: dict[str, str]) -> Identifier:
    if pen.often(0.12):
        profile["country"] = pen.person.language.country
        return {"type": "phone", "value": national}
    return {"type": "phone", "value": e164}


def _mobile(pen: Pen, *, national: bool = False) -> str:
    person: Person = pen.person
    phone = person.mobile(pen.day)
    if phone is person.taken_over and "recycled_number" not in pen.troubles:
        pen.troubles.append("recycled_number")
    return phone.national if national else phone.e164


def _quoted(pen: Pen) -> list[Identifier]:
    """What people put under a message, so that they can be called back or found."""
    quoted: list[Identifier] = []
    if pen.often(0.15):
        quoted.append({"type": "phone", "value": _mobile(pen), "verified": False})
    customer_id = pen.person.customer_id
    if customer_id and pen.often(0.2):
        quoted.append({"type": "customer_id", "value": customer_id, "verified": False})
    return quoted


def _customer_id(pen: Pen, customer_id: str) -> Identifier:
    """A number read out on the phone; after security questions the agent marks it verified."""
    identifier: Identifier = {"type": "customer_id", "value": customer_id}
    return identifier | {"verified": True} if pen.often(0.6) else identifier


def _account(pen: Pen, login: str) -> list[Identifier]:
    """A login, and often what the site keeps in the account: confirmed when it was opened."""
    person = pen.person
    known: list[Identifier] = [{"type": "login_id", "value": login, "verified": True}]
    if pen.often(0.5):
        known.append({"type": "email", "value": person.private_email, "verified": True})
    if person.customer_id and pen.often(0.4):
        known.append({"type": "customer_id", "value": person.customer_id, "verified": True})
    return known


def _typed_email(pen: Pen) -> Identifier:
    if pen.happens("anonymous"):
        return {"type": "email", "value": pick(pen.random, _NO_EMAIL)}
    confirmed = pen.often(0.15)
    address = pen.person.private_email
    identifier: Identifier = {
        "type": "email",
        "value": address if confirmed else pen.typed(address),
    }
    return identifier | {"verified": True} if confirmed else identifier


def _cookie(pen: Pen, *, known: bool) -> Identifier:
    """The browser's cookie; whoever logs in is not browsing privately."""
    person = pen.person
    value = person.cookie
    if not known and pen.happens("private_browsing"):
        value = opaque(pen.random)
    elif person.household.device and not person.lives_alone(pen.day) and pen.often(0.6):
        value = person.household.device
        pen.troubles.append("family_device")
    return {"type": "cookie", "value": value, "scope": SITE}
