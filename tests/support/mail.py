"""Mail servers for tests: one in memory behind the port, and a real one on the loopback interface."""

import ssl
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from identity_engine.ports.mail import NotSent, Sent, Unsure


class FakeMail:
    """Takes mail into memory, or answers as it is told to."""

    def __init__(self) -> None:
        self.taken = []
        self.answer = "take"
        self.unknown = set()
        self.later = set()
        self.envelopes = []

    def send(self, mail):
        """Take a mail, or not."""
        if self.answer == "away":
            return NotSent("unreachable", for_good=False)
        if self.answer in ("busy", "refuse"):
            for_good = self.answer == "refuse"
            return NotSent("smtp_550" if for_good else "smtp_451", for_good=for_good)
        refused = tuple(one for one in mail.recipients if one in self.unknown | self.later)
        later = tuple(one for one in refused if one in self.later)
        if len(refused) == len(mail.recipients):
            return NotSent("smtp_450" if later else "smtp_550", for_good=not later)
        self.taken.append(mail.content)
        self.envelopes.append([one for one in mail.recipients if one not in refused])
        unsure = {"vanish": Unsure("no_answer"), "babble": Unsure("odd_answer")}
        return unsure.get(self.answer) or Sent(refused, later)

    @property
    def messages(self):
        """What was taken, parsed."""
        return [message_from_bytes(one, policy=policy.default) for one in self.taken]


class LocalServer(FakeMail):
    """A real SMTP server that behaves like the fake.

    Args:
        certificate: its file and that of its key; then STARTTLS is offered.
        logins: passwords by user; then one is needed.
    """

    def __init__(self, certificate=None, logins=None):
        super().__init__()
        self.certificate, self.logins = certificate, logins

    def __enter__(self):
        self._controller = _Controller(self, hostname="127.0.0.1", port=0)
        self._controller.start()
        self.port = self._controller.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Be away."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        """Know a recipient, or not."""
        if address in self.unknown:
            return "550 no such mailbox"
        if address in self.later:
            return "450 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        """Take the content, or not."""
        if self.answer == "busy":
            return "451 try later"
        if self.answer == "refuse":
            return "550 no"
        self.taken.append(envelope.content)
        self.envelopes.append(envelope.rcpt_tos)
        if self.answer == "vanish":
            server.transport.abort()
        return "354 go on" if self.answer == "babble" else "250 taken"


class _Controller(Controller):
    def factory(self):
        how = {}
        if self.handler.certificate is not None:
            how["tls_context"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            how["tls_context"].load_cert_chain(*self.handler.certificate)
        if self.handler.logins is not None:
            how |= {"authenticator": self._knows, "auth_required": True}
        return SMTP(self.handler, hostname="localhost", enable_SMTPUTF8=True, **how)

    def _knows(self, server, session, envelope, mechanism, login):
        known = self.handler.logins.get(login.login.decode())
        return AuthResult(success=known == login.password.decode(), handled=False)

    def _trigger_server(self):
        # The one of the library connects to the port it was given, and it was given none.
        host, port = self.server.sockets[0].getsockname()[:2]
        self.hostname, self.port = host, port
        super()._trigger_server()
