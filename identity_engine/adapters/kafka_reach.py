"""Whether brokers can be spoken to as the settings say, and if not, what is wrong.

The client tries again for ever and says at last that it ran out of time. So before it starts, and
whenever somebody asks how things are, one broker is asked what every client asks first, over a
connection of our own: for its versions, and then whether it accepts who we are.
"""

import os
import socket
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from struct import Struct
from typing import Final

from identity_engine.errors import ConfigurationError, RemoteError, SettingsError
from identity_engine.settings.kafka import KafkaSettings, Subscription

SYSTEM: Final = "Kafka"
MOST_SECONDS: Final = 3.0
SIZE: Final = Struct(">i")
HEADER: Final = Struct(">hhih")
LENGTH: Final = Struct(">h")
TOLD: Final = Struct(">hh")
API_VERSIONS, METADATA, SASL_HANDSHAKE, SASL_AUTHENTICATE = 18, 3, 17, 36
UNSUPPORTED_MECHANISM: Final = 33
AFTER_NUMBER: Final = 4
"""Where an answer begins behind the number of its question."""
NO_NAME: Final = -1
NO_TOPICS: Final = SIZE.pack(0)
NUMBER: Final = 0x1DE7
"""Of our question; the answer repeats it, which tells a broker from others."""
MOST_BYTES: Final = 1 << 20

NOT_ACCEPTED: Final = (
    "Kafka does not accept who we say we are. Correct kafka.mechanism, kafka.username, or the "
    "password in the variable that kafka.password_env names."
)

EXPIRED: Final = frozenset({10})
OF_ANOTHER_HOST: Final = frozenset({62, 64})
"""Codes by which OpenSSL says why it does not trust a certificate (x509_vfy.h)."""


def refuse_unreached(subscription: Subscription) -> None:
    """Make sure that a broker answers.

    Raises:
        ConfigurationError: the settings do not fit the brokers.
        RemoteError: none of them answers.
    """
    reach(subscription.servers, subscription.settings)


def refuse_misfit(servers: Sequence[str], settings: KafkaSettings) -> None:
    """Make sure that the settings fit the brokers, as far as one answers; none may be up yet.

    Raises:
        ConfigurationError: they do not.
    """
    try:
        reach(servers, settings)
    except RemoteError:
        return


def reach(servers: Sequence[str], settings: KafkaSettings) -> None:
    """Ask brokers, one after the other, until one answers as the settings let it.

    Args:
        servers: each HOST:PORT.
        settings: security and secrets.

    Raises:
        ConfigurationError: the settings do not fit them; the message names the setting.
        RemoteError: none of them answers.
    """
    context = tls_of(settings)
    misfit: ConfigurationError | None = None
    for server in servers:
        try:
            _ask(server, settings, context)
        except ConfigurationError as error:
            misfit = misfit or error
        except OSError:
            continue
        else:
            return
    raise misfit or RemoteError(SYSTEM, "unreachable", fix=fix_of(servers))


def fix_of(servers: Sequence[str]) -> str:
    """Return what to do where none of the brokers answers."""
    return f"Start the brokers, or correct kafka.servers: {', '.join(servers)}."


def tls_of(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Return how TLS is spoken, None where it is not.

    Raises:
        ConfigurationError: a file cannot be used.
    """
    if settings.security not in ("ssl", "sasl_ssl"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.check_hostname
    _trust(context, settings.ca_file)
    if settings.certificate_file is not None:
        password = secret(settings.key_password_env)
        try:
            # Without a password the library would ask for one at the terminal.
            context.load_cert_chain(
                settings.certificate_file, settings.key_file, password=password or ""
            )
        except (OSError, ssl.SSLError, ValueError):
            raise SettingsError(
                "kafka.certificate_file and kafka.key_file cannot be read as a certificate and its "
                "key, or kafka.key_password_env names the wrong password."
            ) from None
    return context


def _trust(context: ssl.SSLContext, ca_file: str | None) -> None:
    if ca_file is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError):
        raise SettingsError(
            f"kafka.ca_file: {ca_file} cannot be read as certificates in PEM form."
        ) from None


def secret(variable: str | None) -> str | None:
    """Return what an environment variable holds; None where none is named.

    Raises:
        ConfigurationError: it is not set.
    """
    if variable is None:
        return None
    if not (value := os.environ.get(variable, "")):
        raise SettingsError(f"The environment variable {variable} is not set.")
    return value


def _ask(server: str, settings: KafkaSettings, context: ssl.SSLContext | None) -> None:
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    with ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection((host, int(port)), MOST_SECONDS))
        connection = plain
        try:
            if context is not None:
                connection = stack.enter_context(_encrypted(plain, host, context))
            if not _answer(connection, API_VERSIONS, 0, b""):
                raise ConfigurationError(_silent(server, context))
            if settings.mechanism is not None:
                _introduce(connection, server, settings.mechanism)
                _prove(connection, settings)
            elif not _answer(connection, METADATA, 1, NO_TOPICS):
                raise ConfigurationError(
                    f"The broker at {server} wants to know who asks. Set kafka.security to a kind of "
                    "sasl, with mechanism, username and password_env, or take another port."
                )
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(_untrusted(server, error)) from None
        except ssl.SSLError as error:
            raise ConfigurationError(_refused(server, settings, error)) from None


def _encrypted(plain: socket.socket, host: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except ConnectionError as hung_up:  # as a broker does to whom a greeting of TLS is no request
        raise ssl.SSLError from hung_up


def _introduce(connection: socket.socket, server: str, mechanism: str) -> None:
    """Make sure that the broker wants a password, and takes it in this way."""
    name = mechanism.encode()
    told = _answer(connection, SASL_HANDSHAKE, 1, LENGTH.pack(len(name)) + name)
    if len(told) < AFTER_NUMBER + LENGTH.size:
        raise ConfigurationError(f"What listens at {server} is no Kafka broker for passwords.")
    (code,) = LENGTH.unpack_from(told, AFTER_NUMBER)
    if code == UNSUPPORTED_MECHANISM:
        raise ConfigurationError(
            f"The broker at {server} does not take {mechanism}. Correct kafka.mechanism."
        )
    if code:
        raise ConfigurationError(
            f"The broker at {server} wants no password on this port. Set kafka.security to ssl or "
            "plaintext, or take another port."
        )


def _prove(connection: socket.socket, settings: KafkaSettings) -> None:
    """Make sure that the broker takes our name and password."""
    from kafka.net.sasl import get_sasl_mechanism

    proof = get_sasl_mechanism(settings.mechanism)(
        sasl_mechanism=settings.mechanism,
        sasl_plain_username=settings.username,
        sasl_plain_password=secret(settings.password_env),
    )
    while not proof.is_done():
        token = proof.auth_bytes()
        told = _answer(connection, SASL_AUTHENTICATE, 0, SIZE.pack(len(token)) + token)
        if len(told) < AFTER_NUMBER + TOLD.size:
            raise ConnectionError
        code, size = TOLD.unpack_from(told, AFTER_NUMBER)
        if code:
            raise ConfigurationError(NOT_ACCEPTED)
        try:
            proof.receive(told[AFTER_NUMBER + TOLD.size + max(0, size) + SIZE.size :])
        except ValueError:  # the broker does not prove that it knows the password too
            raise ConfigurationError(NOT_ACCEPTED) from None


def _answer(connection: socket.socket, api: int, version: int, asked: bytes) -> bytes:
    """Return the answer to a question, empty where whoever is there hangs up or is no broker.

    Raises:
        TimeoutError: nobody says anything.
    """
    request = HEADER.pack(api, version, NUMBER, NO_NAME) + asked
    try:
        connection.sendall(SIZE.pack(len(request)) + request)
        size = _exactly(connection, SIZE.size)
        if len(size) < SIZE.size or not 0 < SIZE.unpack(size)[0] <= MOST_BYTES:
            return b""
        told = _exactly(connection, SIZE.unpack(size)[0])
    except ConnectionError:
        return b""
    return told if told.startswith(SIZE.pack(NUMBER)) else b""


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (more := connection.recv(count - len(found))):
        found += more
    return found


def _silent(server: str, context: ssl.SSLContext | None) -> str:
    if context is not None:
        return f"What listens at {server} is no Kafka broker. Correct kafka.servers."
    return (
        f"What listens at {server} does not understand us: it is no Kafka broker, or it speaks TLS. "
        "Correct kafka.servers, or set kafka.security to ssl or sasl_ssl."
    )


def _untrusted(server: str, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in EXPIRED:
        return f"The certificate of the broker at {server} has expired. Have it renewed."
    if error.verify_code in OF_ANOTHER_HOST:
        return (
            f"The certificate of the broker at {server} is one of another host. Name the broker in "
            "kafka.servers as its certificate does, or set kafka.check_hostname to false."
        )
    return (
        f"The certificate of the broker at {server} is signed by nobody who is trusted here. "
        "Name the certificate of who signed it in kafka.ca_file."
    )


def _refused(server: str, settings: KafkaSettings, error: ssl.SSLError) -> str:
    reason = getattr(error, "reason", None) or ""
    if "ALERT" in reason and settings.certificate_file is None:
        return (
            f"The broker at {server} asks for our certificate. "
            "Set kafka.certificate_file and kafka.key_file."
        )
    if "ALERT" in reason:
        return (
            f"The broker at {server} does not accept our certificate. Let who signs for it sign "
            "kafka.certificate_file."
        )
    return (
        f"The port at {server} does not speak TLS. Correct the port in kafka.servers, or "
        "kafka.security."
    )
