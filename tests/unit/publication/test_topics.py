"""What is said where a topic is missing and may not be made, or cannot be looked at."""

import logging

import pytest
from kafka import errors

from identity_engine.errors import ConfigurationError
from identity_engine.publication import kafka_topics


class Refusing:
    """An administrator's client on brokers that allow nothing."""

    def __init__(self, refusal=None):
        self._refusal = refusal

    def create_topics(self, *_, **__):
        raise self._refusal

    def describe_configs(self, *_, **__):
        return {"topic": {"profiles": {}}}


@pytest.mark.parametrize(
    "refusal", [errors.TopicAuthorizationFailedError, errors.PolicyViolationError]
)
def test_whoever_may_is_told_how_to_make_a_topic(refusal):
    with pytest.raises(ConfigurationError) as said:
        kafka_topics._make(Refusing(refusal()), "profiles", "compact")
    command = "kafka-topics.sh --create --topic profiles --config cleanup.policy=compact"
    assert command in str(said.value)


def test_a_topic_that_somebody_made_meanwhile_is_taken():
    kafka_topics._make(Refusing(errors.TopicAlreadyExistsError()), "profiles", "compact")


def test_a_topic_that_cannot_be_looked_at_is_used_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING, "identity_engine"):
        kafka_topics._look_at(Refusing(), "profiles", "compact")
    assert "topic_unseen topic=profiles code=compact" in caplog.text
