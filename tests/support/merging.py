"""What tests of merges by hand share: people who arrive, who is one, and what each shows."""

from tests.support.interactions import customer, email, event, phone
from tests.support.resolving import arrive, unrevised

NAMES = ("anna", "bert", "cleo", "dora", "emil")


def known(engine, name, *, day=1, **said):
    """Somebody who is known by an address of their own, which makes an identified contact."""
    profile = {"given_name": name.title(), "family_name": f"{name.title()}son"} | said
    came = event(
        f"{name}-{day}",
        email(f"{name}@shop.example", verified=True),
        channel="form",
        time=f"2026-02-{day:02}T09:00:00Z",
        profile=profile,
    )
    return arrive(engine, came)[0].contact_id


def guest(engine, id_, *, day=1, number="+81312345678", **said):
    """Somebody who calls once: an ephemeral contact."""
    came = event(id_, phone(number), time=f"2026-02-{day:02}T09:00:00Z", profile=said)
    return arrive(engine, came)[0].contact_id


def vouched(engine, name, **said):
    """Somebody for whom a person vouched: a curated contact."""
    contact_id = known(engine, name, **said)
    promote(engine, contact_id)
    return contact_id


def promote(engine, contact_id):
    """Raise a contact to curated, by a person."""
    from aggregates import contact as contacts
    from aggregates.access import Action
    from identity_engine.application.acting import Operations

    with Operations(engine.context).under(Action.IDENTITY_PROMOTE).command() as command:
        state = command.contact(contact_id).state
        command.write(contact_id, *contacts.decide(state, contacts.Promote()))


def numbered(engine, name, number):
    """Somebody with a customer number."""
    return arrive(engine, event(f"{name}-c", customer(number)))[0].contact_id


def is_one(engine, *ids):
    """Whether these contacts are one."""
    return len({engine.profile(one).contact_id for one in ids}) == 1


def all_of(engine, *ids):
    """The profile of each contact, by its id, apart from its revision."""
    return {one: unrevised(engine, one) for one in ids}


def shown(profile):
    """What a profile shows, whoever shows it."""
    return {name: [value.value for value in values] for name, values in profile.fields.items()}


def state_of(engine):
    """What the views say, whatever ids and times they were given; lineage aside."""
    engine.follow()
    return engine.follower.views.canonical_hashes()
