"""TLS and passwords against a real broker: who may read reads, and who may not is told why."""

import tempfile
from pathlib import Path
from time import monotonic

import pytest

from identity_engine import Engine, Subscription
from identity_engine.adapters.kafka_reach import reach
from identity_engine.errors import ConfigurationError
from tests.acceptance.commands import EVENTS
from tests.support.kafka.secured import PASSWORD, USER, SecuredBroker
from tests.support.kafka.topics import Topics
from tests.support.world import world

VARIABLE, KEY_VARIABLE = "PASSWORD_OF_A_TEST", "KEY_PASSWORD_OF_A_TEST"
SECONDS_TO_SAY_SO = 8


@pytest.fixture(scope="module")
def broker(kafka):
    """A broker behind TLS and passwords, where a real one can be had."""
    if not kafka.is_real:
        pytest.skip("needs a real broker: install Java 17 and Maven")
    with tempfile.TemporaryDirectory(prefix="identity-engine-kafka-") as folder:
        secured = SecuredBroker(Path(folder)).start()
        yield secured
        secured.stop()


@pytest.fixture(scope="module")
def topic(broker):
    topics = Topics(broker)
    made = topics.make()
    topics.send_events(made, EVENTS)
    return made


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv(VARIABLE, PASSWORD)


def login(mechanism="SCRAM-SHA-512", **changed):
    given = {"security": "sasl_ssl", "mechanism": mechanism, "username": USER}
    return given | {"password_env": VARIABLE} | changed


def accepted(broker, topic, listener, **settings):
    """How many interactions a worker takes that comes by this listener."""
    subscription = Subscription(
        topic, (broker.listener(listener),), f"of-{listener}", broker.settings(**settings)
    )
    with Engine.in_memory(world()) as engine:
        return engine.consume(subscription, until_caught_up=True).summary.accepted


def refusal(broker, topic, listener, **settings):
    """What a worker is told that comes by this listener, soon."""
    began = monotonic()
    with pytest.raises(ConfigurationError) as refused:
        accepted(broker, topic, listener, **settings)
    assert monotonic() - began < SECONDS_TO_SAY_SO
    told = str(refused.value)
    assert PASSWORD not in told
    assert "wrong-password" not in told
    return told


def test_tls_lets_a_worker_read(broker, topic):
    assert accepted(broker, topic, "TLS") == len(EVENTS)


def test_a_certificate_of_ours_lets_a_worker_read(broker, topic, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "of the key")
    ours = broker.authority.sign("worker", host=None, password="of the key")
    papers = {"certificate_file": str(ours.certificate), "key_file": str(ours.key)}
    named = {"key_password_env": KEY_VARIABLE}
    assert accepted(broker, topic, "MUTUAL", **papers, **named) == len(EVENTS)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_over_tls_lets_a_worker_read(broker, topic, mechanism):
    assert accepted(broker, topic, "SASLTLS", **login(mechanism)) == len(EVENTS)


def test_a_password_without_tls_lets_a_worker_read(broker, topic):
    given = login("PLAIN", security="sasl_plaintext")
    assert accepted(broker, topic, "SASL", **given) == len(EVENTS)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_is_said(broker, topic, monkeypatch, mechanism):
    monkeypatch.setenv(VARIABLE, "wrong-password")
    told = refusal(broker, topic, "SASLTLS", **login(mechanism))
    assert "Correct kafka.mechanism, kafka.username, or the password" in told


def test_a_user_whom_nobody_knows_is_said(broker, topic):
    told = refusal(broker, topic, "SASLTLS", **login(username="nobody"))
    assert "does not accept who we say we are" in told


def test_an_authority_that_is_not_trusted_is_said(broker, topic):
    told = refusal(broker, topic, "TLS", ca_file=str(broker.stranger.certificate))
    assert "signed by nobody who is trusted here" in told
    assert "kafka.ca_file" in told


def test_a_port_without_tls_is_said(broker, topic):
    told = refusal(broker, topic, "PLAINTEXT")
    assert "does not speak TLS" in told
    assert "kafka.security" in told


def test_a_port_with_tls_is_said_to_who_speaks_without(broker, topic):
    told = refusal(broker, topic, "TLS", security="plaintext")
    assert "speaks TLS" in told
    assert "set kafka.security to ssl or sasl_ssl" in told


@pytest.mark.parametrize(("listener", "security"), [("SASLTLS", "ssl"), ("SASL", "plaintext")])
def test_a_port_that_wants_a_password_is_said(broker, topic, listener, security):
    told = refusal(broker, topic, listener, security=security)
    assert "wants to know who asks" in told


@pytest.mark.parametrize(
    ("listener", "security"), [("TLS", "sasl_ssl"), ("PLAINTEXT", "sasl_plaintext")]
)
def test_a_port_that_wants_no_password_is_said(broker, topic, listener, security):
    told = refusal(broker, topic, listener, **login(security=security))
    assert "kafka.security" in told


def test_a_certificate_of_ours_that_is_missing_is_said(broker, topic):
    told = refusal(broker, topic, "MUTUAL")
    assert "asks for our certificate. Set kafka.certificate_file and kafka.key_file." in told


def test_a_certificate_of_ours_that_nobody_trusts_is_said(broker, topic):
    theirs = broker.stranger.sign("worker-of-a-stranger", host=None)
    told = refusal(
        broker,
        topic,
        "MUTUAL",
        certificate_file=str(theirs.certificate),
        key_file=str(theirs.key),
    )
    assert "does not accept our certificate" in told


def test_one_broker_that_answers_is_enough(broker):
    nobody = "127.0.0.1:9"
    reach((nobody, broker.listener("TLS")), broker.settings())
