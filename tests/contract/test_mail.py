"""What the mail port promises, held by the fake and by a real SMTP conversation."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aggregates.case_settings import OutgoingMail
from identity_engine.adapters.mail_smtp import SmtpMail
from identity_engine.errors import ConfigurationError
from identity_engine.ports.mail import NotSent, Outgoing, Sent, Unsure
from tests.support.mail import FakeMail, LocalServer

CONTENT = b"Subject: Ihre Frage\r\nMessage-ID: <m1@centre.example>\r\n\r\n.Guten Tag\r\nbis bald"
MAIL = Outgoing("desk@centre.example", ("anna@example.com",), CONTENT)


class MailContract:
    """One test for each promise; a subclass says which port and which server."""

    @pytest.fixture
    def server(self):
        """What takes the mail."""
        raise NotImplementedError

    @pytest.fixture
    def port(self, server):
        """What hands it over."""
        raise NotImplementedError

    def away(self, server):
        """Let nobody answer."""
        server.answer = "away"

    def test_a_mail_is_taken_as_it_is(self, server, port):
        assert port.send(MAIL) == Sent()
        (message,) = server.messages
        assert message["Message-ID"] == "<m1@centre.example>"
        assert message.get_content().split() == [".Guten", "Tag", "bis", "bald"]

    def test_recipients_that_are_refused_are_named(self, server, port):
        server.unknown = {"gone@example.com"}
        mail = MAIL._replace(recipients=("anna@example.com", "gone@example.com"))
        assert port.send(mail) == Sent(refused=("gone@example.com",))
        assert len(server.taken) == 1

    def test_recipients_for_whom_it_is_too_early_are_told_from_those_that_are_not_known(
        self, server, port
    ):
        server.unknown, server.later = {"gone@example.com"}, {"grey@example.com"}
        to = ("anna@example.com", "gone@example.com", "grey@example.com")
        sent = port.send(MAIL._replace(recipients=to))
        assert sent == Sent(refused=to[1:], later=to[2:])
        assert server.envelopes == [["anna@example.com"]]

    def test_a_mail_for_which_it_is_too_early_is_not_sent_for_now(self, server, port):
        server.later = {"anna@example.com"}
        assert port.send(MAIL) == NotSent("smtp_450", for_good=False)

    def test_a_mail_that_nobody_can_get_is_not_sent_for_good(self, server, port):
        server.unknown = {"anna@example.com"}
        assert port.send(MAIL) == NotSent("smtp_550", for_good=True)
        assert server.taken == []

    def test_a_server_that_says_never_means_it(self, server, port):
        server.answer = "refuse"
        assert port.send(MAIL) == NotSent("smtp_550", for_good=True)
        assert server.taken == []

    def test_a_server_that_says_later_may_be_tried_again(self, server, port):
        server.answer = "busy"
        assert port.send(MAIL) == NotSent("smtp_451", for_good=False)
        assert server.taken == []

    def test_a_server_that_is_away_took_nothing(self, server, port):
        self.away(server)
        assert port.send(MAIL) == NotSent("unreachable", for_good=False)
        assert server.taken == []

    def test_a_server_that_vanishes_before_it_answers_leaves_it_unsure(self, server, port):
        server.answer = "vanish"
        assert port.send(MAIL) == Unsure("no_answer")

    def test_a_server_whose_answer_means_nothing_leaves_it_unsure(self, server, port):
        server.answer = "babble"
        assert port.send(MAIL) == Unsure("odd_answer")
        assert len(server.taken) == 1

    def test_an_address_in_any_script_is_taken(self, server, port):
        mail = MAIL._replace(recipients=("büro@例え.jp",))
        assert port.send(mail) == Sent()


class TestFake(MailContract):
    """The fake that other tests use."""

    @pytest.fixture
    def server(self):
        return FakeMail()

    @pytest.fixture
    def port(self, server):
        return server


class TestSmtp(MailContract):
    """The adapter, over a real connection."""

    @pytest.fixture
    def server(self):
        with LocalServer() as server:
            yield server

    @pytest.fixture
    def port(self, server):
        return SmtpMail(OutgoingMail(host="127.0.0.1", port=server.port, tls="none", seconds=5))

    def away(self, server):
        server.stop()

    def test_a_server_without_tls_is_not_spoken_to_where_tls_is_wanted(self, server):
        port = SmtpMail(OutgoingMail(host="127.0.0.1", port=server.port, tls="starttls", seconds=5))
        assert port.send(MAIL) == NotSent("tls_refused", for_good=False)
        assert server.taken == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of our own for the loopback interface: its file, and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def over_tls(server, password, context=None):
    """The adapter with a login, over STARTTLS."""
    settings = OutgoingMail(
        host="127.0.0.1",
        port=server.port,
        user_variable="MAIL_USER",
        password_variable="MAIL_PASSWORD",
        seconds=5,
    )
    return SmtpMail(settings, {"MAIL_USER": "desk", "MAIL_PASSWORD": password}, context)


def test_a_login_over_tls_is_taken_or_refused(certificate):
    believed = ssl.create_default_context(cafile=certificate[0])
    with LocalServer(certificate, {"desk": "open sesame"}) as server:
        assert over_tls(server, "wrong", believed).send(MAIL) == NotSent(
            "login_refused", for_good=False
        )
        assert server.taken == []
        assert over_tls(server, "open sesame", believed).send(MAIL) == Sent()
        assert len(server.taken) == 1


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_login_and_no_mail(certificate):
    with LocalServer(certificate, {"desk": "open sesame"}) as server:
        assert over_tls(server, "open sesame").send(MAIL) == NotSent("tls_refused", for_good=False)
        assert server.taken == []


def test_without_a_server_nothing_can_be_sent():
    with pytest.raises(ConfigurationError, match=r"outgoing_mail\.host"):
        SmtpMail(OutgoingMail())


def test_a_login_that_is_not_set_names_its_variable_and_no_secret():
    settings = OutgoingMail(host="h", user_variable="MAIL_USER", password_variable="MAIL_PASSWORD")
    with pytest.raises(ConfigurationError, match="MAIL_PASSWORD"):
        SmtpMail(settings, environment={"MAIL_USER": "desk"})


def test_a_login_is_never_sent_in_the_clear():
    with pytest.raises(ValueError, match="TLS only"):
        OutgoingMail(host="h", tls="none", user_variable="U", password_variable="P")
