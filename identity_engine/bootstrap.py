"""From addresses and settings to what they name: stores, and systems outside. The one place where
ports meet their adapters; secrets come from the environment.

Adapters are imported where they are needed: an HTTP client costs more than most verbs.
"""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aggregates.case_settings import OutgoingMail
from aggregates.settings import AugmentationSource as SourceSettings
from aggregates.settings import Crm as CrmSettings
from identity_engine.adapters.augmentation_csv import CsvSource, Fold
from identity_engine.adapters.kafka_reach import refuse_misfit
from identity_engine.errors import ConfigurationError, SettingsError
from identity_engine.event_store.place import StorePlace
from identity_engine.event_store.sqlite.folder import Folder
from identity_engine.ports.augmentation import AugmentationSource
from identity_engine.ports.crm import Crm
from identity_engine.ports.mail import MailPort
from identity_engine.settings import in_force, is_postgres, store_folder

if TYPE_CHECKING:
    from identity_engine.ingestion.kafka.dead_letter_topic import DeadLetterTopic
    from identity_engine.ingestion.kafka.reader import TopicReader
    from identity_engine.ingestion.kafka.state import PartitionState
    from identity_engine.publication.kafka import TopicWriter
    from identity_engine.settings.kafka import Subscription
    from identity_engine.settings.publication import Publication

KAFKA_EXTRA = "Kafka needs an extra: pip install 'identity-engine[kafka]'."
SALESFORCE_KEY = "Identity_Engine_Key__c"
DYNAMICS_KEY = "ie_key"


def place_of(store: str | Path | None) -> StorePlace:
    """Return the place of a store.

    Args:
        store: a folder, `sqlite:///FOLDER` or `postgresql://...`; None for what the settings say,
            else the user's own folder.

    Raises:
        ConfigurationError: the address is of another kind, or a setting is wrong.
    """
    settings = in_force()
    address = is_postgres(store)
    if address is None:
        return Folder(store_folder(store), settings.master_key, settings.sqlite.lock_seconds)
    from identity_engine.event_store.postgres.database import Patience, Server

    return Server(address, settings.master_key, Patience(**settings.postgres.model_dump()))


def in_memory() -> StorePlace:
    """Return a place that is gone when its store is closed."""
    return Folder(None, in_force().master_key)


def connect_crm(settings: CrmSettings) -> Crm:
    """Return the CRM that the settings name; nothing is sent yet.

    Raises:
        ConfigurationError: a secret is not in the environment, or an extra is not installed.
    """
    from identity_engine.adapters.guarded_http import GuardedHttp

    http = GuardedHttp("the CRM", settings.url, allow_private=settings.allow_private)
    if settings.kind == "rest":
        from identity_engine.adapters.crm_rest import RestCrm

        return RestCrm(http, _secret(settings.token_env))
    client_id, client_secret = _secret(settings.client_id_env), _secret(settings.client_secret_env)
    assert client_id is not None
    assert client_secret is not None
    if settings.kind == "dynamics":
        from identity_engine.adapters.crm_dynamics import DynamicsCrm

        assert settings.login_url is not None
        login = GuardedHttp("the CRM", settings.login_url, allow_private=settings.allow_private)
        return DynamicsCrm(
            http,
            login,
            settings.url,
            client_id=client_id,
            client_secret=client_secret,
            key_column=settings.key_field or DYNAMICS_KEY,
        )
    try:
        from identity_engine.adapters.crm_salesforce import SalesforceCrm
    except ImportError:
        raise ConfigurationError(
            "Salesforce needs an extra: pip install 'identity-engine[salesforce]'."
        ) from None
    return SalesforceCrm(
        http,
        settings.url,
        client_id=client_id,
        client_secret=client_secret,
        key_field=settings.key_field or SALESFORCE_KEY,
    )


def connect_topic(
    subscription: "Subscription", stopping: Callable[[], bool]
) -> "tuple[TopicReader, DeadLetterTopic | None]":
    """Return the reader of a topic, which joins its group when it first waits, and where the messages
    go that cannot be used, if anywhere.

    Raises:
        ConfigurationError: the extra is not installed, there is no such topic, a secret is not in the
            environment, or the settings do not fit the brokers.
        RemoteError: the brokers cannot be reached, or refuse.
    """
    try:
        from identity_engine.ingestion.kafka.dead_letter_topic import DeadLetterTopic
        from identity_engine.ingestion.kafka.reader import TopicReader
    except ImportError:
        raise ConfigurationError(KAFKA_EXTRA) from None
    refuse_misfit(subscription.servers, subscription.settings)
    reader = TopicReader(subscription, stopping)
    if subscription.dead_letter_topic is None or subscription.drives_again:
        return reader, None
    try:
        return reader, DeadLetterTopic(subscription.dead_letter_topic, subscription)
    except BaseException:
        reader.close()
        raise


def topic_states(subscription: "Subscription", known: Mapping[str, int]) -> "list[PartitionState]":
    """Return how each partition of a topic stands; none if there is no such topic.

    Args:
        subscription: the topic.
        known: how far the store has read each source.

    Raises:
        ConfigurationError: the extra is not installed, or the settings do not fit the brokers.
        RemoteError: the brokers cannot be reached, or refuse.
    """
    try:
        from identity_engine.ingestion.kafka.state import topic_state
    except ImportError:
        raise ConfigurationError(KAFKA_EXTRA) from None
    return topic_state(subscription, known)


def connect_publication(publication: "Publication") -> "TopicWriter":
    """Return the writer of a publication, whose topics are there.

    Raises:
        ConfigurationError: the extra is not installed, a topic is not what it should be, the settings do
            not fit the brokers, or a secret is not in the environment.
        RemoteError: the brokers cannot be reached, or refuse.
    """
    try:
        from identity_engine.publication.kafka import TopicWriter
    except ImportError:
        raise ConfigurationError(KAFKA_EXTRA) from None
    refuse_misfit(publication.servers, publication.settings)
    return TopicWriter(publication)


def connect_mail(settings: OutgoingMail) -> MailPort:
    """Return the mail server that the settings name; it is not spoken to yet.

    Raises:
        ConfigurationError: no server is set, or a secret is not in the environment.
    """
    from identity_engine.adapters.mail_smtp import SmtpMail

    return SmtpMail(settings)


def connect_source(
    settings: SourceSettings, types: Collection[str], fold: Fold
) -> AugmentationSource:
    """Return the source of augmentation that the settings name.

    Args:
        settings: of the source.
        types: which columns of a file hold identifiers, by their names.
        fold: makes identifiers comparable.

    Raises:
        ConfigurationError: its token is not in the environment.
    """
    if settings.kind == "csv":
        assert settings.folder is not None
        return CsvSource(settings.name, Path(settings.folder), types, fold)
    from identity_engine.adapters.augmentation_http import HttpSource
    from identity_engine.adapters.guarded_http import GuardedHttp

    assert settings.url is not None
    http = GuardedHttp(settings.name, settings.url, allow_private=settings.allow_private)
    return HttpSource(http, _secret(settings.token_env))


def _secret(variable: str | None) -> str | None:
    """Return what an environment variable holds; None where none is named."""
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise SettingsError(f"The environment variable {variable} is not set.")
    if not value.isascii() or not value.isprintable():
        raise SettingsError(f"The environment variable {variable} holds no credential.")
    return value
