"""identity-engine: event-sourced identity resolution. Users import this package alone.

from identity_engine import Engine

with Engine.open("sqlite:///store") as engine:
    engine.ingest_file("interactions.jsonl.gz")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from identity_engine.version import __version__

if TYPE_CHECKING:
    from identity_engine.application.engine import Engine as Engine
    from identity_engine.application.explanation.explain import Explanation as Explanation
    from identity_engine.application.explanation.how import Step as Step
    from identity_engine.application.explanation.why_not import WhyNot as WhyNot
    from identity_engine.application.intake.preparing import IngestSummary as IngestSummary
    from identity_engine.application.operations.contacts.editing import (
        NewIdentifier as NewIdentifier,
    )
    from identity_engine.application.operations.values.claiming import Value as Value
    from identity_engine.application.partition_key import partition_key as partition_key
    from identity_engine.application.resolution.outcome import Outcome as Outcome
    from identity_engine.errors import IdentityEngineError as IdentityEngineError
    from identity_engine.errors import Stale as Stale
    from identity_engine.ingestion.faults import Fault as Fault
    from identity_engine.ingestion.faults import Rejected as Rejected
    from identity_engine.settings.kafka import KafkaSettings as KafkaSettings
    from identity_engine.settings.kafka import Subscription as Subscription
    from identity_engine.settings.publication import Publication as Publication
    from projections.history import HistoryEntry as HistoryEntry
    from projections.profile.query import Profile as Profile

# Names are looked up when first used, so that `identity-engine --version` imports no database code.
_EXPORTS = {
    "Engine": "identity_engine.application.engine",
    "Explanation": "identity_engine.application.explanation.explain",
    "Fault": "identity_engine.ingestion.faults",
    "HistoryEntry": "projections.history",
    "IdentityEngineError": "identity_engine.errors",
    "IngestSummary": "identity_engine.application.intake.preparing",
    "KafkaSettings": "identity_engine.settings.kafka",
    "NewIdentifier": "identity_engine.application.operations.contacts.editing",
    "Outcome": "identity_engine.application.resolution.outcome",
    "Profile": "projections.profile.query",
    "Publication": "identity_engine.settings.publication",
    "Rejected": "identity_engine.ingestion.faults",
    "Subscription": "identity_engine.settings.kafka",
    "partition_key": "identity_engine.application.partition_key",
    "Stale": "identity_engine.errors",
    "Step": "identity_engine.application.explanation.how",
    "Value": "identity_engine.application.operations.values.claiming",
    "WhyNot": "identity_engine.application.explanation.why_not",
}
__all__ = [*_EXPORTS, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'identity_engine' has no attribute {name!r}")
    _refuse_foreign_packages()
    return getattr(import_module(_EXPORTS[name]), name)


def _refuse_foreign_packages() -> None:
    """Make sure that the three packages beside this one are ours and not another distribution's."""
    own = {"aggregates": "catalogue", "matchers": "decision", "projections": "runner"}
    for package, module in own.items():
        try:
            import_module(f"{package}.{module}")
        except ModuleNotFoundError as error:
            if error.name not in (package, f"{package}.{module}"):
                raise
            raise ImportError(
                f"Another package named '{package}' stands in the way of identity-engine's own. "
                "Remove it from the import path, or install identity-engine in an environment of "
                "its own."
            ) from error
