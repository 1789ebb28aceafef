"""A broker behind TLS and passwords, and the certificates that go with it."""

from pathlib import Path
from typing import Self

from identity_engine.adapters.kafka_reach import reach
from identity_engine.errors import ConfigurationError, RemoteError
from identity_engine.settings.kafka import KafkaSettings
from tests.support.certificates import Authority
from tests.support.kafka.broker import Broker
from tests.support.patience import eventually

USER, PASSWORD = "engine", "swordfish-of-the-broker"
PROTOCOLS = {"TLS": "SSL", "MUTUAL": "SSL", "SASLTLS": "SASL_SSL", "SASL": "SASL_PLAINTEXT"}
PROPERTIES = """
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
"""
LOGINS = """
listener.name.{listener}.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required username="broker" password="unused" user_{user}="{password}";
listener.name.{listener}.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.{listener}.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


class SecuredBroker(Broker):
    """A broker with a listener for each kind of security.

    Args:
        folder: empty, for this broker alone.
    """

    def __init__(self, folder: Path) -> None:
        papers = folder / "papers"
        papers.mkdir()
        self.authority, self.stranger = Authority(papers, "ours"), Authority(papers, "theirs")
        broker = self.authority.sign("broker")
        properties = PROPERTIES.format(
            keystore=broker.both, truststore=self.authority.certificate
        ) + "".join(
            LOGINS.format(listener=listener, user=USER, password=PASSWORD)
            for listener in ("sasl", "sasltls")
        )
        users = [f"SCRAM-SHA-{bits}=[name={USER},password={PASSWORD}]" for bits in (256, 512)]
        super().__init__(folder, PROTOCOLS, properties, users)

    def start(self) -> Self:
        """Start it and wait until it speaks TLS, which takes longer than to take connections."""
        super().start()
        eventually(lambda: self._speaks("TLS") and self._speaks("MUTUAL"))
        return self

    def _speaks(self, listener: str) -> bool:
        try:
            reach([self.listener(listener)], self.settings())
        except ConfigurationError:  # it wants a certificate of ours, and says so by TLS
            return True
        except RemoteError:
            return False
        return True

    def settings(self, **changed: object) -> KafkaSettings:
        """Return settings that trust this broker."""
        given = {
            "security": "ssl",
            "ca_file": str(self.authority.certificate),
            "session_timeout": 2,
            "request_timeout": 10,
        }
        return KafkaSettings.model_validate(given | changed)
