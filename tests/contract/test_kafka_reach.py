"""What is said of brokers that do not answer as they should; real sockets, no broker needed."""

import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from identity_engine.adapters import kafka_reach
from identity_engine.adapters.kafka_reach import reach, refuse_misfit, tls_of
from identity_engine.errors import ConfigurationError, RemoteError
from identity_engine.settings.kafka import KafkaSettings
from tests.support.certificates import Authority

HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "ours")


def settings(authority, **changed):
    return KafkaSettings(security="ssl", ca_file=str(authority.certificate), **changed)


@contextmanager
def listening(papers=None, answer=b"", reads=1_000):
    """A server that greets everybody in one way; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    try:
                        talk(client)
                    except OSError:
                        continue

        def talk(client):
            if papers is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(papers.both)
                client = context.wrap_socket(client, server_side=True)
            with client:
                client.recv(reads)
                client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def told(address, given):
    with pytest.raises(ConfigurationError) as refused:
        reach((address,), given)
    return str(refused.value)


def test_a_certificate_that_has_expired_is_said(authority):
    with listening(authority.sign("old", valid=-timedelta(hours=1))) as address:
        assert "has expired" in told(address, settings(authority))


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.9"])
def test_a_certificate_of_another_host_is_said(authority, host):
    with listening(authority.sign("other", host=host)) as address:
        assert "is one of another host" in told(address, settings(authority))
        said = told(address, settings(authority, check_hostname=False))
        assert "is no Kafka broker" in said, "the name does not matter any more"


def test_a_server_that_is_no_broker_is_said(authority):
    with listening(answer=HTTP) as address:
        assert "it is no Kafka broker, or it speaks TLS" in told(address, KafkaSettings())
        assert "does not speak TLS" in told(address, settings(authority))


def test_a_server_that_hangs_up_is_no_broker():
    with listening() as address:
        assert "it is no Kafka broker" in told(address, KafkaSettings())


def test_a_server_that_hangs_up_on_tls_does_not_speak_it(authority):
    with listening(reads=4) as address:
        assert "does not speak TLS" in told(address, settings(authority))


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(kafka_reach, "MOST_SECONDS", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(RemoteError, match="unreachable"),
    ):
        reach((f"127.0.0.1:{server.getsockname()[1]}",), KafkaSettings())


def test_nobody_at_all_is_for_the_client_to_wait_for():
    with pytest.raises(RemoteError, match="unreachable"):
        reach(("127.0.0.1:9",), KafkaSettings())
    refuse_misfit(("127.0.0.1:9",), KafkaSettings())


def test_files_that_cannot_be_used_are_said(authority, tmp_path):
    with pytest.raises(ConfigurationError, match=r"kafka\.ca_file"):
        tls_of(KafkaSettings(security="ssl", ca_file=str(tmp_path / "none.pem")))
    locked = authority.sign("locked", password="of the key")
    papers = {"certificate_file": str(locked.certificate), "key_file": str(locked.key)}
    with pytest.raises(ConfigurationError, match=r"kafka\.key_password_env names the wrong"):
        tls_of(settings(authority, **papers))


def test_without_tls_none_is_made_up():
    assert tls_of(KafkaSettings()) is None
