"""Mail going out: one mail handed to a server, and what is certain of it afterwards."""

from typing import NamedTuple, Protocol

from msgspec import Struct


class Outgoing(NamedTuple):
    """One mail. `content` is the whole message as RFC 5322 wants it, its Message-ID included; lines
    end in CRLF."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Sent(Struct, frozen=True):
    """The server answered that it took the mail, for all recipients but the `refused`; for those of
    them in `later` it may take it another time."""

    refused: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


class NotSent(Struct, frozen=True):
    """The server certainly did not take the mail. `for_good`: trying again would not help.

    `code` is stable and holds nothing personal: `smtp_NNN`, `unreachable`, `tls_refused`,
    `login_refused`, `needs_smtputf8`.
    """

    code: str
    for_good: bool


class Unsure(Struct, frozen=True):
    """The mail left, or may have left, and no answer came: the server may have taken it or not."""

    code: str


Delivery = Sent | NotSent | Unsure


class MailPort(Protocol):
    """A server that takes mail."""

    def send(self, mail: Outgoing) -> Delivery:
        """Hand over one mail, once, and say what is certain of it. Never raises for what a server or
        a line does."""
        ...
