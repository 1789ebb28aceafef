"""The topics of a publication: made where they are missing, looked at where they are there.

Events must stay until they are read, so their topic is not compacted; of profiles the latest one of each
contact must stay, so theirs is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType

from identity_engine.adapters.kafka_client import errors_as_ours, open_client
from identity_engine.adapters.kafka_reach import SYSTEM
from identity_engine.errors import ConfigurationError, RemoteError
from identity_engine.observing.logbook import Logbook
from identity_engine.settings.publication import Publication

book = Logbook(__name__)

CLEANUP: Final = "cleanup.policy"
THERE: Final = 0
"""The error code of a topic that is there."""


def prepare_topics(publication: Publication, options: Mapping[str, Any]) -> dict[str, str]:
    """Make the topics that are missing and return the id that the brokers gave each.

    Raises:
        ConfigurationError: one is missing and may not be made, or is cleaned up in the wrong way.
        RemoteError: the brokers cannot be reached, or refuse.
    """
    with _asking(options) as admin:
        known = _ids(admin, publication)
        for topic in publication.topics:
            policy = publication.cleanup_of(topic)
            if topic in known:
                _look_at(admin, topic, policy)
            else:
                _make(admin, topic, policy)
        known = _ids(admin, publication)
        if known.keys() < set(publication.topics):  # this broker does not know one yet
            raise RemoteError(SYSTEM, "unavailable")
        return known


def ids_of_topics(publication: Publication, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the id that the brokers give each topic now; a topic that is not there has none.

    Raises:
        RemoteError: the brokers cannot be reached, or refuse.
    """
    with _asking(options) as admin:
        return _ids(admin, publication)


@contextmanager
def _asking(options: Mapping[str, Any]) -> Iterator[Any]:
    admin = open_client(
        KafkaAdminClient, **{name: it for name, it in options.items() if name != "metrics_enabled"}
    )
    try:
        with errors_as_ours():
            yield admin
    finally:
        admin.close()


def _ids(admin: Any, publication: Publication) -> dict[str, str]:
    found = admin.describe_topics(list(publication.topics))
    return {one["name"]: str(one["topic_id"]) for one in found if one["error_code"] == THERE}


def _make(admin: Any, topic: str, policy: str) -> None:
    """Make a topic with as many partitions and replicas as the brokers give by default."""
    try:
        admin.create_topics({topic: {"configs": {CLEANUP: policy}}}, wait_for_metadata=True)
    except errors.TopicAlreadyExistsError:  # somebody else made it meanwhile
        _look_at(admin, topic, policy)
    except (errors.AuthorizationError, errors.PolicyViolationError) as refused:
        raise ConfigurationError(
            f"Kafka has no topic {topic}, and we may not make it. Let who may run: "
            f"kafka-topics.sh --create --topic {topic} --config {CLEANUP}={policy}"
        ) from refused
    book.info("topic_made", topic=topic, code=policy)


def _look_at(admin: Any, topic: str, policy: str) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    found = admin.describe_configs([resource], config_filter="all")
    told = found.get("topic", {}).get(topic, {}).get(CLEANUP)
    if told is None:
        book.warning("topic_unseen", topic=topic, code=policy)
    elif told["value"] != policy:
        raise ConfigurationError(
            f"The topic {topic} has {CLEANUP}={told['value']}, and {policy} is needed. Run: "
            f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} "
            f"--add-config {CLEANUP}={policy}"
        )
