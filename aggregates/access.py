"""Who may do what, where: a closed list of actions, roles that bundle them, grants to actors.

Nothing is allowed that no grant allows. Every change is an event, so that "who was allowed what on that
day" can be read, and so is every refused call.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from aggregates.errors import NotYet, Refused
from aggregates.values import AccessId, Fact

ACCESS_STREAM = AccessId("00000000-0000-7000-8000-000000000004")
"""Fixed stream: there is one list of roles and grants in a store."""

REFUSALS_STREAM = AccessId("00000000-0000-7000-8000-000000000005")
"""Fixed stream of the refused calls."""

EVERY_DIVISION = "*"
"""Stands, where a call is refused, for all divisions at once."""


class Action(StrEnum):
    """Everything that can be allowed. The list is closed: a right that is not here does not exist."""

    CONTACT_ADD = "contact:add"
    CONTACT_VIEW = "contact:view"
    CONTACT_EDIT = "contact:edit"
    CONTACT_DELETE = "contact:delete"
    CONTACT_RESTORE = "contact:restore"
    CONTACT_MOVE = "contact:move"
    CONTACT_EXPORT = "contact:export"
    CONVERSATION_ASSOCIATE = "conversation:associate"
    CONVERSATION_VIEW_OWN = "conversation:view_own"
    CONVERSATION_VIEW = "conversation:view"
    CONVERSATION_VIEW_ALL = "conversation:view_all"
    SESSION_VIEW = "session:view"
    IDENTITY_PROMOTE = "identity:promote"
    IDENTITY_MERGE = "identity:merge"
    IDENTITY_UNMERGE = "identity:unmerge"
    IDENTITY_TELL_APART = "identity:tell_apart"
    IDENTITY_CLAIM = "identity:claim"
    IDENTITY_TRANSFER = "identity:transfer"
    IDENTITY_SHARE = "identity:share"
    REVIEW_DECIDE = "review:decide"
    AUGMENTATION_RUN = "augmentation:run"
    CRM_LINK = "crm:link"
    CRM_CREATE = "crm:create"
    CASE_VIEW = "case:view"
    CASE_EDIT = "case:edit"
    CASE_ASSIGN = "case:assign"
    NOTE_EDIT = "note:edit"
    POLICY_REHEARSE = "policy:rehearse"
    POLICY_ACTIVATE = "policy:activate"
    AUDIT_READ = "audit:read"
    DATA_REVEAL = "data:reveal"
    HOLD_SET = "hold:set"
    ERASURE_REQUEST = "erasure:request"
    ROLE_GRANT = "role:grant"
    INGEST_PUBLISH = "ingest:publish"
    FEED_READ = "feed:read"
    OPERATIONS_REDRIVE = "operations:redrive"


class RoleDefined(Fact, frozen=True, kw_only=True):
    """A role allows these actions from now on, and no others."""

    TOPIC: ClassVar[str] = "role.defined"

    name: str
    actions: tuple[str, ...]


class RoleGranted(Fact, frozen=True, kw_only=True):
    """An actor has a role in these divisions; None means in all."""

    TOPIC: ClassVar[str] = "role.granted"

    actor: str
    role: str
    divisions: tuple[str, ...] | None = None


class RoleRevoked(Fact, frozen=True, kw_only=True):
    """An actor has a role no longer, in any division."""

    TOPIC: ClassVar[str] = "role.revoked"

    actor: str
    role: str


class AccessRefused(Fact, frozen=True, kw_only=True):
    """A call was refused to the actor of the header, because no grant allows it.

    `target` is the id that the call named, `division` where it lies.
    """

    TOPIC: ClassVar[str] = "access.refused"

    action: str
    division: str | None = None
    target: str | None = None


AccessFact = RoleDefined | RoleGranted | RoleRevoked | AccessRefused


class Rights(Struct, frozen=True):
    """What one actor may do: action -> the divisions it may do it in, None for all of them."""

    actor: str
    divisions_of: Mapping[Action, frozenset[str] | None]

    def allow(self, action: Action, division: str) -> bool:
        """Tell whether the actor may do this in a division."""
        if action not in self.divisions_of:
            return False
        divisions = self.divisions_of[action]
        return divisions is None or division in divisions

    def allow_somewhere(self, action: Action) -> bool:
        """Tell whether there is any division in which the actor may do this."""
        return action in self.divisions_of

    def allow_everywhere(self, action: Action) -> bool:
        """Tell whether the actor may do this in all divisions."""
        return action in self.divisions_of and self.divisions_of[action] is None


Divisions = frozenset[str] | None


class AccessState(Struct, frozen=True):
    """Every role with its actions, and every actor's roles with their divisions (None for all)."""

    roles: Mapping[str, frozenset[Action]] = field(default_factory=dict)
    grants: Mapping[str, Mapping[str, Divisions]] = field(default_factory=dict)

    def rights_of(self, actor: str) -> Rights:
        """Return what an actor may do by all its roles together."""
        found: dict[Action, Divisions] = {}
        for role, divisions in self.grants.get(actor, {}).items():
            for action in self.roles.get(role, frozenset()):
                known = found.get(action, frozenset())
                found[action] = None if known is None or divisions is None else known | divisions
        return Rights(actor, found)

    def names_division(self, division: str) -> bool:
        """Tell whether a grant in force names a division."""
        return any(
            division in (where or ()) for roles in self.grants.values() for where in roles.values()
        )

    def has_keeper(self) -> bool:
        """Tell whether anybody may grant roles in all divisions."""
        return any(
            self.rights_of(actor).allow_everywhere(Action.ROLE_GRANT) for actor in self.grants
        )


class DefineRole(Struct, frozen=True):
    """Let a role allow these actions, and no others."""

    name: str
    actions: frozenset[Action]


class GrantRole(Struct, frozen=True):
    """Give an actor a role, in these divisions or (None) in all."""

    actor: str
    role: str
    divisions: Divisions = None


class RevokeRole(Struct, frozen=True):
    """Take a role from an actor."""

    actor: str
    role: str


AccessCommand = DefineRole | GrantRole | RevokeRole


def touched(state: AccessState, command: AccessCommand) -> list[Divisions]:
    """Return where a command changes what somebody may do: each None for all divisions."""
    match command:
        case DefineRole():
            return [None]
        case GrantRole(actor=actor, role=role, divisions=divisions):
            held = state.grants.get(actor, {})
            return [divisions, *([held[role]] if role in held else [])]
        case RevokeRole(actor=actor, role=role):
            held = state.grants.get(actor, {})
            return [held[role]] if role in held else []


def decide(state: AccessState, command: AccessCommand) -> tuple[AccessFact, ...]:
    """Return the facts that carry out `command`; none where it would change nothing.

    Raises:
        NotYet: the role does not exist, or the actor does not have it.
        Refused: `last_keeper`, nobody would be left who may grant roles.
    """
    fact = _fact(state, command)
    if fact is None:
        return ()
    if state.has_keeper() and not evolve(state, fact).has_keeper():
        raise Refused("last_keeper", "Then nobody could grant roles in all divisions any more.")
    return (fact,)


def _fact(state: AccessState, command: AccessCommand) -> AccessFact | None:
    match command:
        case DefineRole(name=name, actions=actions):
            same = state.roles.get(name) == actions
            return None if same else RoleDefined(name=name, actions=tuple(sorted(actions)))
        case GrantRole(actor=actor, role=role, divisions=divisions):
            if role not in state.roles:
                raise NotYet(f"There is no role {role}.")
            held = state.grants.get(actor, {})
            if role in held and held[role] == divisions:
                return None
            where = None if divisions is None else tuple(sorted(divisions))
            return RoleGranted(actor=actor, role=role, divisions=where)
        case RevokeRole(actor=actor, role=role):
            if role not in state.grants.get(actor, {}):
                raise NotYet(f"This actor does not have the role {role}.")
            return RoleRevoked(actor=actor, role=role)


def evolve(state: AccessState, fact: Fact) -> AccessState:
    """Return the state after `fact`. An action that this version does not know is left out."""
    match fact:
        case RoleDefined(name=name, actions=actions):
            known = frozenset(Action(one) for one in actions if one in set(Action))
            return replace(state, roles={**state.roles, name: known})
        case RoleGranted(actor=actor, role=role, divisions=divisions):
            where = None if divisions is None else frozenset(divisions)
            roles = {**state.grants.get(actor, {}), role: where}
            return replace(state, grants={**state.grants, actor: roles})
        case RoleRevoked(actor=actor, role=role):
            kept = {one: where for one, where in state.grants.get(actor, {}).items() if one != role}
            return replace(state, grants={**state.grants, actor: kept})
        case _:
            return state
