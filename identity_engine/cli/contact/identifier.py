"""Verbs of identifiers by hand: contact identifier add|verify|release|transfer|share|unshare|holders."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.operations.values.claiming import Value
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import (
    ContactId,
    DryRun,
    EffectiveAt,
    Json,
    MaybeReason,
    Reason,
    Store,
)
from identity_engine.cli.terminal.output import answer, answer_rows, show, show_done

Type = Annotated[str, Parameter(name="TYPE", help="Such as email, phone or whatsapp.")]
Text = Annotated[str, Parameter(name="VALUE", help="The address or number.")]
Scope = Annotated[str | None, Parameter(help="Tells apart equal values of two systems.")]
Country = Annotated[
    str | None,
    Parameter(help="Two letters: where a national number is read; default: the policy's."),
]
Verified = Annotated[
    bool, Parameter(negative="", help="It was shown that the value reaches the contact.")
]


def add(
    id_: ContactId,
    type_: Type,
    value: Text,
    *,
    scope: Scope = None,
    country: Country = None,
    verified: Verified = False,
    label: Annotated[str | None, Parameter(help="What to call it, such as work.")] = None,
    primary: Annotated[bool | None, Parameter(help="Make it the first of its type.")] = None,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Let a contact hold an identifier that nobody else holds. Exit code 1 if a merge is offered."""
    with opened(store) as engine:
        added = engine.desk.identifiers.add(
            id_,
            Value(type_, value, scope, country),
            verified=verified,
            label=label,
            primary=primary,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    if not added.merge_offered:
        show_done(added.done, f"{added.done.contact_id} holds the identifier", json=json)
        return 0
    held_by = ", ".join(added.merge_offered)
    said = f"The ephemeral contact {held_by} holds it. Nothing was written; merge the contacts?"
    answer(added, lambda _: show(said), json=json)
    return 1


def verify(
    id_: ContactId,
    type_: Type,
    value: Text,
    *,
    scope: Scope = None,
    country: Country = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that an identifier was shown to reach the contact that holds it."""
    with opened(store) as engine:
        done = engine.desk.identifiers.verify(
            id_, Value(type_, value, scope, country), dry_run=dry_run
        )
    show_done(done, "The identifier is verified", json=json)


def release(
    id_: ContactId,
    type_: Type,
    value: Text,
    *,
    scope: Scope = None,
    country: Country = None,
    reason: MaybeReason = None,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """End the claim of a contact on an identifier; that it held it stays known."""
    with opened(store) as engine:
        done = engine.desk.identifiers.release(
            id_,
            Value(type_, value, scope, country),
            reason=reason,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    show_done(done, f"{done.contact_id} holds the identifier no longer", json=json)


def transfer(
    id_: ContactId,
    type_: Type,
    value: Text,
    *,
    from_: Annotated[str, Parameter(name="--from", help="The contact that holds it now.")],
    reason: Reason,
    scope: Scope = None,
    country: Country = None,
    verified: Verified = False,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give an identifier of another contact to this one; past interactions stay where they are."""
    with opened(store) as engine:
        done = engine.desk.identifiers.transfer(
            id_,
            Value(type_, value, scope, country),
            from_contact_id=from_,
            reason=reason,
            verified=verified,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    show_done(done, f"{done.contact_id} holds the identifier", json=json)


def share(
    id_: ContactId,
    type_: Type,
    value: Text,
    *,
    reason: Reason,
    scope: Scope = None,
    country: Country = None,
    verified: Verified = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let a contact hold an identifier that others hold too; it then links nobody by itself."""
    with opened(store) as engine:
        done = engine.desk.identifiers.share(
            id_,
            Value(type_, value, scope, country),
            reason=reason,
            verified=verified,
            dry_run=dry_run,
        )
    show_done(done, "The identifier is shared and links nobody by itself", json=json)


def unshare(
    id_: ContactId,
    type_: Type,
    value: Text,
    *,
    reason: Reason,
    scope: Scope = None,
    country: Country = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take back that several people use an identifier; who holds it stays."""
    with opened(store) as engine:
        done = engine.desk.identifiers.unshare(
            id_, Value(type_, value, scope, country), reason=reason, dry_run=dry_run
        )
    show_done(done, "The identifier is no longer shared", json=json)


def holders(
    reference: Annotated[str, Parameter(name="REFERENCE", help="The identifier's own id.")],
    *,
    store: Store = None,
    json: Json = False,
) -> None:
    """Show who holds and held an identifier, by the reference that a refusal gave."""
    with opened(store) as engine:
        found = engine.desk.identifiers.holders(reference)
    answer_rows(
        found,
        ("contact", "verified", "held from", "until"),
        lambda one: (
            one.contact_id,
            "yes" if one.verified else "no",
            one.valid_from.date().isoformat(),
            one.valid_to.date().isoformat() if one.valid_to else "",
        ),
        none="Nobody holds or held it.",
        json=json,
    )


identifier = group(
    "identifier",
    "Add, verify, release, transfer and share identifiers by hand.",
    add,
    verify,
    release,
    transfer,
    share,
    unshare,
    holders,
)
