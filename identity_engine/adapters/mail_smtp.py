"""Mail over SMTP (RFC 5321), by the standard library's client.

The conversation is led step by step, because it matters where it breaks: before the content has left,
the server has certainly taken nothing; after that, and until its answer, nobody knows.
"""

import os
import re
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress

from aggregates.case_settings import OutgoingMail
from identity_engine.errors import ConfigurationError, SettingsError
from identity_engine.ports.mail import Delivery, NotSent, Outgoing, Sent, Unsure

GO_AHEAD = 354
REFUSING = (4, 5)
"""First digits of the answers that say that nothing was taken."""
FOR_NOW = 4
"""First digit of those after which it may be taken another time."""
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpMail:
    """Sends by one server; each mail has a connection of its own.

    Args:
        settings: where the server is and how it is spoken to.
        environment: where the login is read from.
        context: what certificates are believed; by default those that the system believes.

    Raises:
        ConfigurationError: no server is set, or a variable that holds the login is not.
    """

    def __init__(
        self,
        settings: OutgoingMail,
        environment: Mapping[str, str] = os.environ,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if settings.host is None:
            raise ConfigurationError(
                "No mail server is set. Activate settings that have outgoing_mail.host."
            )
        self._settings = settings
        self._host = settings.host
        self._context = context or ssl.create_default_context()
        self._login: tuple[str, str] | None = None
        if settings.user_variable is not None and settings.password_variable is not None:
            self._login = (
                _variable(environment, settings.user_variable),
                _variable(environment, settings.password_variable),
            )

    def send(self, mail: Outgoing) -> Delivery:
        """Hand over one mail, once, and say what is certain of it."""
        try:
            client = self._connected()
        except smtplib.SMTPAuthenticationError:
            return NotSent("login_refused", for_good=False)
        except (ssl.SSLError, smtplib.SMTPNotSupportedError):
            return NotSent("tls_refused", for_good=False)
        except (OSError, smtplib.SMTPException):
            return NotSent("unreachable", for_good=False)
        try:
            return _hand_over(client, mail)
        finally:
            # What the server took it has taken, whether or not it hears the goodbye.
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        where = (self._host, settings.port)
        client: smtplib.SMTP
        if settings.tls == "tls":
            client = smtplib.SMTP_SSL(*where, timeout=settings.seconds, context=self._context)
        else:
            client = smtplib.SMTP(*where, timeout=settings.seconds)
        try:
            if settings.tls == "starttls":
                client.starttls(context=self._context)
            client.ehlo_or_helo_if_needed()
            if self._login is not None:
                client.login(*self._login)
        except BaseException:
            client.close()
            raise
        return client


def _hand_over(client: smtplib.SMTP, mail: Outgoing) -> Delivery:
    addresses = (mail.sender, *mail.recipients)
    options = []
    if not all(address.isascii() for address in addresses):
        if not client.has_extn("smtputf8"):
            return NotSent("needs_smtputf8", for_good=True)
        options = ["SMTPUTF8", "BODY=8BITMIME"]
    try:
        code, _ = client.mail(mail.sender, options)
        if code // 100 != 2:
            return _refusal(code)
        answers = {one: client.rcpt(one)[0] for one in mail.recipients}
        refused = tuple(one for one, code in answers.items() if code // 100 != 2)
        later = tuple(one for one in refused if answers[one] // 100 == FOR_NOW)
        if len(refused) == len(answers):
            return _refusal(min(answers.values()))  # 4xx before 5xx: one of them may still come
        code, _ = client.docmd("DATA")
        if code != GO_AHEAD:
            return _refusal(code)
    except (OSError, smtplib.SMTPException):
        return NotSent("unreachable", for_good=False)
    try:
        client.send(LEADING_DOT.sub(b"..", mail.content.removesuffix(b"\r\n")) + b"\r\n.\r\n")
        code, _ = client.getreply()
    except (OSError, smtplib.SMTPException):
        return Unsure("no_answer")
    if code // 100 in REFUSING:
        return _refusal(code)
    return Sent(refused, later) if code // 100 == 2 else Unsure("odd_answer")


def _refusal(code: int) -> NotSent:
    return NotSent(f"smtp_{code}", for_good=code // 100 == 5)


def _variable(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise SettingsError(f"The environment variable {name} for the mail login is not set.")
    return value
