"""What every call to another system keeps to: the configured host, and an address that was checked."""

import socket
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from identity_engine.adapters.guarded_http import GuardedHttp, failure_of
from identity_engine.errors import RemoteError
from tests.support.crm_servers import TOKEN, Rest, listening

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
]


def resolving_to(monkeypatch, *addresses):
    """Let every name stand for these addresses."""

    def answer(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_stands_for_a_private_address_is_refused(monkeypatch, address):
    resolving_to(monkeypatch, address)
    http = GuardedHttp("it", "https://crm.example.org")
    with pytest.raises(RemoteError) as failure:
        http.request("GET")
    assert failure.value.reason == "private_address"


def test_one_private_address_among_public_ones_is_enough(monkeypatch):
    resolving_to(monkeypatch, "93.184.216.34", "10.0.0.1")
    http = GuardedHttp("it", "https://crm.example.org")
    with pytest.raises(RemoteError) as failure:
        http.request("GET")
    assert failure.value.reason == "private_address"


def test_a_name_that_nobody_knows_is_unreachable(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(RemoteError) as failure:
        GuardedHttp("it", "https://crm.example.org").request("GET")
    assert failure.value.reason == "unreachable"


def test_the_connection_goes_to_the_checked_address_under_the_configured_name(monkeypatch):
    with listening(Rest) as server:
        port = server.url.rpartition(":")[2]
        resolving_to(monkeypatch, "127.0.0.1")
        http = GuardedHttp("it", f"http://crm.example.org:{port}/base/", allow_private=True)

        answer = http.request(
            "GET", "/records/contact/a%2Fb/related", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        http.close()

        assert answer.request.headers["Host"] == f"crm.example.org:{port}"
        ((_, path, _),) = server.requests
    assert path == "/base/records/contact/a%2Fb/related"


def test_the_proxy_of_the_environment_is_not_used(monkeypatch):
    with listening(Rest) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        http = GuardedHttp("it", server.url, allow_private=True)
        assert http.request("GET", "/").status_code == 401
        http.close()


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A server with a certificate for crm.example.org, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "crm.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("crm.example.org")]), False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with listening(Rest, certificate=file) as server:
        yield server.url.rpartition(":")[2]


@pytest.mark.parametrize(
    ("host", "reason"), [("crm.example.org", None), ("other.example.org", "unreachable")]
)
def test_the_certificate_is_held_against_the_configured_name(monkeypatch, certified, host, reason):
    resolving_to(monkeypatch, "127.0.0.1")
    http = GuardedHttp("it", f"https://{host}:{certified}", allow_private=True)
    if reason is None:
        assert http.request("GET", "/").status_code == 401
    else:
        with pytest.raises(RemoteError) as failure:
            http.request("GET", "/")
        assert failure.value.reason == reason
    http.close()


HEADERS = b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 200
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200


@contextmanager
def dripping(said, at_once):
    """A server that says so many bytes at once, and then one every tenth of a second."""
    gone = Event()

    def answer(listener):
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(said[:at_once])
            for byte in said[at_once:]:
                if gone.wait(0.1):
                    return
                connection.sendall(bytes([byte]))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=answer, args=[listener])
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        gone.set()
        thread.join()


@pytest.mark.parametrize(("said", "at_once"), [(HEADERS, 0), (HEADERS, 20), (BODY, 45)])
def test_a_call_has_one_deadline_however_slowly_the_answer_drips(said, at_once):
    with dripping(said, at_once) as url:
        http = GuardedHttp("it", url, allow_private=True, timeout_seconds=0.5)
        began = monotonic()
        with pytest.raises(RemoteError) as failure:
            http.request("GET")
        http.close()

    assert failure.value.reason == "timed_out"
    assert monotonic() - began < 5


@pytest.mark.parametrize("status", [b"200 OK", b"503 Busy"])
def test_a_header_in_any_encoding_is_read(status):
    said = (
        b"HTTP/1.1 "
        + status
        + b"\r\nX-By: b\xfccherei\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n"
    )
    with dripping(said, len(said)) as url:
        http = GuardedHttp("it", url, allow_private=True)
        answer = http.request("GET")
        http.close()

    assert answer.status_code == int(status[:3])
    failure = failure_of("it", answer)
    assert failure is None or (failure.reason, failure.retry_after) == ("unavailable", None)
