"""Which topic is read, as whom, and how to reach it. Nothing here needs a Kafka client."""

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from aggregates.settings import Variable
from aggregates.values import Value

BATCH_BYTES: Final = 1024 * 1024
BATCH_SECONDS: Final = 0.2

Seconds = Annotated[float, Field(ge=1, le=1_800)]


class KafkaSettings(Value):
    """How to reach the brokers; a file holds them as JSON, and every one has a default.

    Secrets do not stand here: `password_env` and `key_password_env` name the environment variables
    that hold them. `session_timeout` is after how many seconds of silence the group gives the
    partitions of a worker to others. `broker_version` ("3.9") is for brokers that do not say theirs.
    """

    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    key_password_env: Variable | None = None
    check_hostname: bool = True
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = None
    password_env: Variable | None = None
    session_timeout: Seconds = 45.0
    request_timeout: Seconds = 30.0
    broker_version: Annotated[str, Field(pattern=r"^\d+\.\d+(\.\d+)?$")] | None = None

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


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic to read as a member of a group.

    Args:
        topic: its name.
        servers: brokers to ask first, each HOST:PORT.
        group: members of a group share the partitions of the topic among them.
        settings: security and time-outs.
        batch_bytes: a batch is written once it has this many bytes.
        batch_seconds: a batch is written at the latest so long after its first message.
        dead_letter_topic: where what cannot be used is published too; None: it is only kept beside
            the store.
    """

    topic: str
    servers: tuple[str, ...]
    group: str = "identity-engine"
    settings: KafkaSettings = field(default_factory=KafkaSettings)
    batch_bytes: int = BATCH_BYTES
    batch_seconds: float = BATCH_SECONDS
    dead_letter_topic: str | None = None
