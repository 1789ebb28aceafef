"""Connections to Kafka by kafka-python: its options from our settings, its errors as ours."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kafka import errors
from kafka.net.compat import KafkaNetClient

from identity_engine.adapters.kafka_reach import NOT_ACCEPTED, SYSTEM, fix_of, secret, tls_of
from identity_engine.errors import ConfigurationError, RemoteError
from identity_engine.settings.kafka import KafkaSettings

CLIENT: Final = "identity-engine"
MILLISECONDS: Final = 1_000
RECONNECT_SECONDS: Final = 2.0
"""The longest pause between two tries to reach a broker that is away."""


def connection(servers: Sequence[str], settings: KafkaSettings) -> dict[str, Any]:
    """Return the options that every client of these brokers has.

    Raises:
        ConfigurationError: a secret is not in the environment, or a file cannot be used.
    """
    version = settings.broker_version
    return {
        "bootstrap_servers": list(servers),
        "client_id": CLIENT,
        "security_protocol": settings.security.upper(),
        "ssl_context": tls_of(settings),
        "sasl_mechanism": settings.mechanism,
        "sasl_plain_username": settings.username,
        "sasl_plain_password": secret(settings.password_env),
        "api_version": tuple(map(int, version.split("."))) if version else None,
        "request_timeout_ms": round(settings.request_timeout * MILLISECONDS),
        "bootstrap_timeout_ms": round(settings.request_timeout * MILLISECONDS),
        "reconnect_backoff_max_ms": round(RECONNECT_SECONDS * MILLISECONDS),
        "metrics_enabled": False,
    }


def open_client(kind: Callable[..., Any], **options: Any) -> Any:
    """Return a consumer or producer, with nothing left open where it cannot be made.

    Args:
        kind: its class.
        options: of `connection`, and its own.

    Raises:
        RemoteError, ConfigurationError: as `errors_as_ours` says.
    """
    made: list[KafkaNetClient] = []

    def make(**given: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**given))
        return made[-1]

    try:
        with errors_as_ours():
            return kind(**options, kafka_client=make)
    except BaseException as failed:
        for client in made:
            client.close()
        if isinstance(failed, RemoteError) and failed.may_pass:
            fix = fix_of(options["bootstrap_servers"])
            raise RemoteError(SYSTEM, failed.reason, fix=fix) from failed
        raise


@contextmanager
def errors_as_ours() -> Iterator[None]:
    """Let what the client raises come out as an error that says what to do.

    Raises:
        RemoteError: the brokers failed or refused.
        ConfigurationError: this machine lacks what it takes to read them.
    """
    try:
        yield
    except errors.UnsupportedCodecError:
        raise ConfigurationError(
            "Messages are compressed in a way that is not installed here. "
            "Run: pip install 'identity-engine[kafka]'"
        ) from None
    except errors.KafkaConfigurationError as refused:
        raise ConfigurationError(f"Kafka's settings do not fit together: {refused}") from None
    except (errors.SaslAuthenticationFailedError, errors.UnsupportedSaslMechanismError):
        raise ConfigurationError(NOT_ACCEPTED) from None
    except errors.KafkaError as failed:
        raise RemoteError(SYSTEM, _reason(failed)) from failed


def _reason(failed: errors.KafkaError) -> str:
    match failed:
        case errors.AuthorizationError():
            return "forbidden"
        case errors.CorruptRecordError() | errors.KafkaProtocolError():
            return "unreadable"
        case errors.MessageSizeTooLargeError() | errors.RecordListTooLargeError():
            return "refused"
        case errors.KafkaTimeoutError() | errors.RequestTimedOutError():
            return "timed_out"
        case errors.UnknownTopicOrPartitionError():
            return "not_found"
        case errors.KafkaError(retriable=True):
            return "unavailable"
        case _:
            return "refused"
