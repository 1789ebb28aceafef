"""One Kafka broker as a process of its own, which tests may stop, kill and start again."""

import base64
import ctypes
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.support.kafka.jars import jars
from tests.support.ports import free_port

MOST_SECONDS = 60
PAUSE = 0.02  # seconds between two looks
PR_SET_PDEATHSIG = 1
"""`prctl` option: the signal that a child gets when its parent dies, however that dies."""

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners={listeners}
advertised.listeners={listeners}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map={protocols}
log.dirs={folder}/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""

LOGGING = """
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
appender.file.type=File
appender.file.name=file
appender.file.fileName={folder}/server.log
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %c %m%n
"""


class Broker:
    """A broker on 127.0.0.1 with its data in a folder.

    Args:
        folder: empty, for this broker alone.
        protocols: the security protocol of each further listener, by its name.
        properties: further lines of its configuration.
        users: what `--add-scram` makes known from the start.

    Raises:
        NoBroker: this machine cannot run one.
    """

    is_real = True

    def __init__(
        self,
        folder: Path,
        protocols: Mapping[str, str] | None = None,
        properties: str = "",
        users: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._libraries = jars()
        known = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **(protocols or {})}
        self.ports = {name: free_port() for name in known}
        self.port = self.ports["PLAINTEXT"]
        self.bootstrap = self.listener("PLAINTEXT")
        self._properties = folder / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(
                folder=folder,
                controller=self.ports["CONTROLLER"],
                listeners=",".join(f"{name}://{self.listener(name)}" for name in known),
                protocols=",".join(f"{name}:{protocol}" for name, protocol in known.items()),
            )
            + properties
        )
        (folder / "log4j2.properties").write_text(LOGGING.format(folder=folder))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One word, because every 64th id begins like an option.
        identified = f"--cluster-id={cluster}"
        formatting = self._java(
            "kafka.tools.StorageTool", "format", "--standalone", identified, "-c"
        )
        users = [word for user in users for word in ("--add-scram", user)]
        done = subprocess.run(
            [*formatting, *users], capture_output=True, text=True, timeout=MOST_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self._process: subprocess.Popen[bytes] | None = None

    def listener(self, name: str) -> str:
        """Return the address of a listener."""
        return f"127.0.0.1:{self.ports[name]}"

    def start(self) -> Self:
        """Start it and wait until it takes connections."""
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka"), stdout=out, stderr=out, preexec_fn=_die_with_parent
            )
        deadline = time.monotonic() + MOST_SECONDS
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the broker did not start: {self._told()}")
            time.sleep(PAUSE)
        return self

    def stop(self) -> None:
        """Stop it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(MOST_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _java(self, *words: str) -> list[str]:
        return [
            *("java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={self._folder}/log4j2.properties",
            *("-cp", f"{self._libraries}/*", *words, str(self._properties)),
        ]

    def _told(self) -> str:
        files = [self._folder / "out", self._folder / "server.log"]
        return "\n".join(file.read_text()[-2_000:] for file in files if file.exists())


class MockCluster:
    """The cluster that librdkafka carries for its own tests: real sockets in this process, no Java.

    It makes topics when they are first asked for, each with four partitions.
    """

    is_real = False

    def __init__(self) -> None:
        from confluent_kafka import Producer

        self._producer = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1})
        (broker,) = self._producer.list_topics(timeout=MOST_SECONDS).brokers.values()
        self.port = broker.port
        self.bootstrap = f"127.0.0.1:{broker.port}"

    def stop(self) -> None:
        """End it."""
        del self._producer


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent() -> None:
    """Let the broker end with the test run even if that is ended by a signal."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
