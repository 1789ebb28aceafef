"""The rules in force: the policy and the model, with what the matchers make of them."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources

import orjson
from msgspec import Struct
from pydantic import ValidationError

from aggregates.access import Action, RoleDefined, RoleGranted
from aggregates.policy import NEW, Policy
from aggregates.settings import Settings
from identity_engine.errors import InvalidContent
from matchers.model import InvalidModel, Model, parse_model
from matchers.scoring import MILLIBITS, Scorer
from matchers.vocabulary import LinkRules


class Rules(Struct, frozen=True):
    """One version of the policy, one of the model and one of the settings, ready to decide with.

    `policy_content` and `model_content` are what was put in force, as JSON: what it leaves out has its
    default in `policy` and `model`, and is no part of the version.
    """

    policy: Policy
    policy_version: str
    policy_content: bytes
    model: Model
    model_version: str
    model_content: bytes
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
        InvalidContent: one of them is not valid; all its faults are listed.
    """
    policy = read_policy(policy_content, is_new=is_new)
    model = read_model(model_content)
    return Rules(
        policy=policy,
        policy_version=content_version(policy_content),
        policy_content=policy_content,
        model=model,
        model_version=content_version(model_content),
        model_content=model_content,
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
        settings=read_settings(shipped_settings() if settings is None else settings),
    )


def read_policy(content: bytes, *, is_new: bool = False) -> Policy:
    """Read a policy from JSON; of one that is not in force yet every fault is refused.

    Raises:
        InvalidContent: it is none; all faults are listed.
    """
    with _faults_told():
        return Policy.model_validate_json(content, context=NEW if is_new else None)


def read_settings(content: bytes) -> Settings:
    """Read settings from JSON.

    Raises:
        InvalidContent: they are none; all faults are listed.
    """
    with _faults_told():
        return Settings.model_validate_json(content)


def read_model(content: bytes) -> Model:
    """Read a model from JSON.

    Raises:
        InvalidContent: it is none; all faults are listed.
    """
    try:
        return parse_model(content)
    except InvalidModel as error:
        raise _not_valid(error.faults) from None


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(step) for step in fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise _not_valid(faults) from None


def _not_valid(faults: Sequence[str]) -> InvalidContent:
    told = "".join(f"\n  {fault}" for fault in faults)
    return InvalidContent(f"The file is not valid:{told}", faults)


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
    defined = [RoleDefined(name=name, actions=tuple(actions)) for name, actions in roles.items()]
    return [*defined, RoleGranted(actor=OWNER, role=OWNER)]


def canonical(content: bytes) -> str:
    """Return content as canonical JSON: sorted keys, no space."""
    return orjson.dumps(orjson.loads(content), option=orjson.OPT_SORT_KEYS).decode()


def content_version(content: bytes) -> str:
    """Return the version of a content: the SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()
