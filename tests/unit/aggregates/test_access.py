"""Roles and grants: nothing is allowed that no grant allows, and somebody can always grant."""

import pytest

from aggregates.access import (
    AccessState,
    Action,
    DefineRole,
    GrantRole,
    RevokeRole,
    RoleDefined,
    RoleGranted,
    RoleRevoked,
    decide,
    evolve,
)
from aggregates.errors import NotYet, Refused

KEEPER = (
    RoleDefined(name="keeper", actions=("role:grant",)),
    RoleGranted(actor="kim", role="keeper"),
)
EDITOR = RoleDefined(name="editor", actions=("contact:edit", "contact:view"))


def given(*facts):
    state = AccessState()
    for fact in facts:
        state = evolve(state, fact)
    return state


def test_an_actor_without_a_grant_may_do_nothing():
    rights = given(EDITOR).rights_of("anyone")
    assert not any(rights.allow(action, "default") for action in Action)


def test_a_grant_in_a_division_holds_there_and_nowhere_else():
    rights = given(EDITOR, RoleGranted(actor="a", role="editor", divisions=("north",))).rights_of(
        "a"
    )
    assert rights.allow(Action.CONTACT_EDIT, "north")
    assert not rights.allow(Action.CONTACT_EDIT, "south")
    assert rights.allow_somewhere(Action.CONTACT_EDIT)
    assert not rights.allow_everywhere(Action.CONTACT_EDIT)


def test_two_roles_add_up_and_all_divisions_win():
    state = given(
        EDITOR,
        RoleDefined(name="viewer", actions=("contact:view",)),
        RoleGranted(actor="a", role="editor", divisions=("north",)),
        RoleGranted(actor="a", role="viewer"),
    )
    rights = state.rights_of("a")
    assert rights.allow(Action.CONTACT_VIEW, "south")
    assert not rights.allow(Action.CONTACT_EDIT, "south")


def test_a_role_that_is_defined_anew_allows_what_it_says_now():
    state = given(
        EDITOR,
        RoleGranted(actor="a", role="editor"),
        RoleDefined(name="editor", actions=("contact:view",)),
    )
    assert not state.rights_of("a").allow_somewhere(Action.CONTACT_EDIT)


def test_an_action_of_a_later_version_is_left_out():
    state = given(RoleDefined(name="r", actions=("contact:view", "contact:teleport")))
    assert state.roles["r"] == {Action.CONTACT_VIEW}


def test_a_role_that_does_not_exist_cannot_be_granted():
    with pytest.raises(NotYet):
        decide(given(*KEEPER), GrantRole("a", "editor"))


def test_what_is_so_already_changes_nothing():
    state = given(*KEEPER, EDITOR, RoleGranted(actor="a", role="editor", divisions=("north",)))
    assert decide(state, GrantRole("a", "editor", frozenset({"north"}))) == ()
    assert decide(state, DefineRole("editor", state.roles["editor"])) == ()


def test_a_revoked_role_is_gone_in_all_divisions():
    state = given(*KEEPER, EDITOR, RoleGranted(actor="a", role="editor"))
    (fact,) = decide(state, RevokeRole("a", "editor"))
    assert fact == RoleRevoked(actor="a", role="editor")
    assert not evolve(state, fact).rights_of("a").allow_somewhere(Action.CONTACT_EDIT)


def test_a_role_that_the_actor_does_not_have_cannot_be_revoked():
    with pytest.raises(NotYet):
        decide(given(*KEEPER, EDITOR), RevokeRole("a", "editor"))


@pytest.mark.parametrize(
    "command",
    [
        RevokeRole("kim", "keeper"),
        DefineRole("keeper", frozenset({Action.CONTACT_VIEW})),
        GrantRole("kim", "keeper", frozenset({"north"})),
    ],
)
def test_the_last_who_may_grant_roles_everywhere_cannot_be_lost(command):
    with pytest.raises(Refused) as refused:
        decide(given(*KEEPER), command)
    assert refused.value.reason == "last_keeper"
