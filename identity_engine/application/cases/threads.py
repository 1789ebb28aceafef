"""What an inbound mail says about where it belongs: its thread, our token, and whether a machine
wrote it."""

import re
from collections.abc import Collection
from typing import NamedTuple

import orjson

from aggregates.interaction import GivenIdentifier, InteractionPersonal

MOST_MESSAGES = 32
"""Of a long thread the newest message ids are kept, as mail programs do themselves."""
TOKEN = re.compile(r"(?<![A-Z0-9])C-([0-9]{6,12})-([A-Z2-7]{10})(?![A-Z0-9])", re.IGNORECASE)
MESSAGE_ID = re.compile(r"[!-;=?-~]{1,900}")
"""What may stand between the brackets (RFC 5322, 3.6.4), on a line of at most 998 characters."""
MACHINES = ("mailer-daemon", "postmaster")


class Token(NamedTuple):
    """A case's number, and the code that only we can have made for it."""

    number: int
    code: str


class InboundMail(NamedTuple):
    """What threading needs of a mail. `answered` are the message ids that it names, the nearest first;
    `automatic` marks what a machine wrote: an automatic reply, a bounce, or our own mail."""

    message_id: str | None
    answered: tuple[str, ...]
    subject: str | None
    tokens: tuple[Token, ...]
    sender: GivenIdentifier | None
    automatic: bool

    @property
    def messages(self) -> tuple[str, ...]:
        """All message ids that lead to this mail's thread, the nearest first."""
        own = () if self.message_id is None else (self.message_id,)
        return (*self.answered, *own)[:MOST_MESSAGES]


def read_mail(personal: InteractionPersonal, own_addresses: Collection[str]) -> InboundMail:
    """Read the mail block of an interaction.

    Args:
        personal: of the interaction; without a mail block only the sender is known.
        own_addresses: what we send from, in lower case: a mail from there is our own coming back.
    """
    said = orjson.loads(personal.mail) if personal.mail is not None else {}
    sender = next((one for one in personal.identifiers if one.type == "email" and one.value), None)
    places = (said.get("subject") or "", *_texts(said.get("to")), *_texts(said.get("cc")))
    return InboundMail(
        message_id=_bare(said.get("message_id") or ""),
        answered=_answered(said),
        subject=" ".join((said.get("subject") or "").split()) or None,
        tokens=tuple(
            Token(int(found[1]), found[2].upper())
            for place in places
            for found in TOKEN.finditer(place)
        ),
        sender=sender,
        automatic=_is_automatic(said.get("auto_submitted"), sender, own_addresses),
    )


def _answered(said: dict[str, list[str] | str | None]) -> tuple[str, ...]:
    named = [*_texts(said.get("in_reply_to")), *reversed(_texts(said.get("references")))]
    bare = [one for one in map(_bare, named) if one is not None]
    return tuple(dict.fromkeys(bare))


def _texts(listed: list[str] | str | None) -> list[str]:
    if isinstance(listed, str):
        return [listed]
    return listed or []


def _bare(message_id: str) -> str | None:
    """Return a message id without its brackets and folds; None where it could not stand in a header."""
    bare = "".join(message_id.split()).strip("<>")
    return bare if MESSAGE_ID.fullmatch(bare) else None


def _is_automatic(
    auto_submitted: str | None, sender: GivenIdentifier | None, own_addresses: Collection[str]
) -> bool:
    """RFC 3834: everything but `no` is automatic. A bounce has an empty sender (RFC 5321, 4.5.5)."""
    word = (auto_submitted or "no").partition(";")[0].strip().lower()
    if word not in ("no", ""):
        return True
    if sender is None:
        return True
    address = (sender.normalised or sender.value).strip().strip("<>").lower()
    local = address.partition("@")[0]
    return not address or local in MACHINES or address in own_addresses
