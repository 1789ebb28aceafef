"""Which topic is read, as whom, and how to reach it. Nothing here needs a Kafka client."""

from typing import Annotated, Final, Literal, Self

from msgspec import Struct, field
from pydantic import ConfigDict, Field, model_validator

from aggregates.settings import Variable
from aggregates.values import Value

BATCH_BYTES: Final = 1024 * 1024
BATCH_SECONDS: Final = 0.2
MOST_BATCH_BYTES: Final = 64 * 1024 * 1024
MOST_BATCH_SECONDS: Final = 60.0

Seconds = Annotated[float, Field(ge=1, le=1_800)]


class KafkaSettings(Value):
    """How to reach the brokers.

    Secrets do not stand here: `password_env` and `key_password_env` name the environment variables
    that hold them.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How the brokers are spoken to: TLS is `ssl`, a name and a password `sasl`."""
    ca_file: str | None = None
    """PEM file of who signs the brokers' certificates; not set: those of the system."""
    certificate_file: str | None = None
    """PEM file of our own certificate, for brokers that ask for one."""
    key_file: str | None = None
    """PEM file of the key of our certificate."""
    key_password_env: Variable | None = None
    """The environment variable with the password of that key."""
    check_hostname: bool = True
    """Whether the brokers' certificates must name the host that was asked."""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """How the password is proved."""
    username: str | None = None
    """As whom we come."""
    password_env: Variable | None = None
    """The environment variable with our password."""
    session_timeout: Seconds = 45.0
    """After so many seconds of silence the group gives our partitions to others."""
    request_timeout: Seconds = 30.0
    """Seconds to wait for an answer of a broker."""
    broker_version: Annotated[str, Field(pattern=r"^\d+\.\d+(\.\d+)?$")] | None = None
    """Of brokers that do not say theirs, such as `3.9`; not set: it is asked for."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = (self.mechanism, self.username, self.password_env)
        if self.security.startswith("sasl"):
            if None in given:
                raise ValueError(f"{self.security} needs mechanism, username and password_env")
        elif given != (None, None, None):
            raise ValueError("mechanism, username and password_env need sasl_ssl or sasl_plaintext")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together")
        return self


class Subscription(Struct, frozen=True):
    """A topic to read as a member of a group.

    Args:
        topic: its name.
        servers: brokers to ask first, each HOST:PORT.
        group: members of a group share the partitions of the topic among them.
        settings: security and time-outs.
        batch_bytes: a batch is written once it has this many bytes.
        batch_seconds: a batch is written at the latest so long after its first message.
        dead_letter_topic: where what cannot be used is published too; None, or the topic itself: it
            is only kept beside the store.
    """

    topic: str
    servers: tuple[str, ...]
    group: str = "identity-engine"
    settings: KafkaSettings = field(default_factory=KafkaSettings)
    batch_bytes: int = BATCH_BYTES
    batch_seconds: float = BATCH_SECONDS
    dead_letter_topic: str | None = None

    @property
    def drives_again(self) -> bool:
        """Tell whether the topic is that of dead letters."""
        return self.topic == self.dead_letter_topic
