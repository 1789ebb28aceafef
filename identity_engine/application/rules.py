"""The rules in force: the policy and the model, with what the matchers make of them."""

import hashlib
from collections.abc import Sequence
from importlib import resources

import orjson
from msgspec import Struct

from aggregates.access import Action, RoleDefined, RoleGranted
from aggregates.policy import NEW, Policy
from aggregates.settings import Settings
from matchers.model import Model, parse_model
from matchers.scoring import Scorer
from matchers.vocabulary import LinkRules

MILLIBITS = 1000


class Rules(Struct, frozen=True):
    """One version of the policy, one of the model and one of the settings, ready to decide with."""

    policy: Policy
    policy_version: str
    model: Model
    model_version: str
    scorer: Scorer
    link_rules: LinkRules
    settings: Settings

    @property
    def actor(self) -> str:
        """Who acts where no person does: the version of the policy."""
        return f"policy:{self.policy_version[:16]}"


def rules_from(
    policy_content: bytes,
    model_content: bytes,
    settings: bytes | None = None,
    *,
    is_new: bool = False,
) -> Rules:
    """Build the rules from their contents; without settings the shipped ones are taken.

    Args:
        policy_content, model_content, settings: JSON.
        is_new: whether the policy is not in force yet, so that every fault is refused.

    Raises:
        ValidationError: policy or settings are not valid; all faults are listed.
        InvalidModel: the model is not valid; all faults are listed.
    """
    policy = Policy.model_validate_json(policy_content, context=NEW if is_new else None)
    model = parse_model(model_content)
    return Rules(
        policy=policy,
        policy_version=content_version(policy_content),
        model=model,
        model_version=content_version(model_content),
        scorer=Scorer(model),
        link_rules=LinkRules(
            attach=round(model.thresholds.attach * MILLIBITS),
            review=round(model.thresholds.review * MILLIBITS),
            merge=round(model.thresholds.merge * MILLIBITS),
            contradiction=round(model.contradiction * MILLIBITS),
            attributes_speak=round(policy.guards.attributes_speak * MILLIBITS),
            member_floor=round(policy.guards.member_floor * MILLIBITS),
            member_share=policy.guards.member_share,
            size_cap=policy.guards.size_cap,
            live_name_only_links=policy.guards.live_name_only_links,
        ),
        settings=Settings.model_validate_json(shipped_settings() if settings is None else settings),
    )


def shipped_policy() -> bytes:
    """Return the policy that a new store starts with."""
    return resources.files("identity_engine.defaults").joinpath("policy.json").read_bytes()


def default_policy() -> Policy:
    """Return the policy that a new store starts with, read."""
    return Policy.model_validate_json(shipped_policy())


def shipped_model() -> bytes:
    """Return the model that a new store starts with."""
    return resources.files("matchers.models").joinpath("person.json").read_bytes()


def shipped_settings() -> bytes:
    """Return the settings that a new store starts with."""
    return resources.files("identity_engine.defaults").joinpath("settings.json").read_bytes()


OWNER = "owner"
"""The actor whom a new store belongs to: whoever holds the files of an embedded store."""


def shipped_access() -> Sequence[RoleDefined | RoleGranted]:
    """Return the roles that a new store starts with, and the grant of everything to its owner."""
    shipped = resources.files("identity_engine.defaults").joinpath("roles.json").read_bytes()
    roles = {OWNER: sorted(Action)} | orjson.loads(shipped)
    defined = [RoleDefined(name=name, actions=actions) for name, actions in roles.items()]
    return [*defined, RoleGranted(actor=OWNER, role=OWNER)]


def canonical(content: bytes) -> str:
    """Return content as canonical JSON: sorted keys, no space."""
    return orjson.dumps(orjson.loads(content), option=orjson.OPT_SORT_KEYS).decode()


def content_version(content: bytes) -> str:
    """Return the version of a content: the SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()
