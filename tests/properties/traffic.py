"""Interactions of a very small world, in which everything meets everything else all the time."""

from hypothesis import strategies as st

from identity_engine.simulation import simulate
from tests.support.interactions import change, event

PHONES = ("+81312345678", "+81 3-1234-5678", "+4930123456", "anonymous")
MAILS = ("ann@shop.example", "Ann@Shop.example", "info@shop.example", "test@test.com")
CUSTOMERS = ("C-1", "C-2", "C-3")
COOKIES = ("k-1", "k-2")
KINDS = ("message", "corrected", "retracted", "ended")
CHANNELS = ("voice", "email", "web", "chat", "messaging", "form", "import")


def _identifier(type_, values):
    return st.fixed_dictionaries(
        {"type": st.just(type_), "value": st.sampled_from(values)},
        optional={"verified": st.booleans()},
    )


identifiers = st.lists(
    st.one_of(
        _identifier("phone", PHONES),
        _identifier("email", MAILS),
        _identifier("customer_id", CUSTOMERS),
        _identifier("cookie", COOKIES),
    ),
    max_size=3,
)
profiles = st.fixed_dictionaries(
    {},
    optional={
        "given_name": st.sampled_from(("Anna", "Ann", "Berta", "花子")),
        "family_name": st.sampled_from(("Müller", "Mueller", "Sato", "佐藤")),
        "date_of_birth": st.sampled_from(("1980-02-03", "1980-03-02", "1991-12-31")),
        "postcode": st.sampled_from(("10115", "10117")),
        "city": st.sampled_from(("Berlin", "Tokyo")),
    },
)
named = st.fixed_dictionaries(
    {
        "given_name": st.sampled_from(("Anna", "Berta", "Carl", "Dora", "Emil")),
        "family_name": st.sampled_from(("Müller", "Sato")),
    },
    optional={"city": st.sampled_from(("Berlin", "Tokyo"))},
)
times = st.builds("2026-{:02d}-{:02d}T{:02d}:00:00Z".format, st.integers(1, 12), st.integers(1, 28),
                  st.integers(0, 23))  # fmt: skip


@st.composite
def small_worlds(draw, max_size=30, min_size=1, profiles=profiles):
    """Distinct interactions about a handful of people, in any order of time."""
    contents = draw(
        st.lists(
            st.tuples(identifiers, profiles, times, st.sampled_from(CHANNELS)),
            min_size=min_size,
            max_size=max_size,
        )
    )
    return [
        event(f"{number:03d}", *given, profile=profile, time=time, channel=channel)
        for number, (given, profile, time, channel) in enumerate(contents)
    ]


crowds = small_worlds(max_size=45, min_size=15, profiles=named)
"""Interactions of so many namesakes that block keys become crowded, where few are allowed."""


@st.composite
def conversations(draw, max_size=12, kinds=KINDS, once=False):
    """Interactions of a small world and changes of them, which may come first; at most `once` each."""
    world = draw(small_worlds(max_size))
    said = draw(
        st.lists(
            st.tuples(
                st.sampled_from([made["id"] for made in world]),
                st.sampled_from(kinds),
                identifiers,
                profiles,
                times,
            ),
            max_size=8,
            unique_by=(lambda told: told[0]) if once else None,
        )
    )
    changes = [
        change(f"c-{number}", of, kind, time=time, **_told(kind, given, profile))
        for number, (of, kind, given, profile, time) in enumerate(said)
    ]
    return draw(st.permutations([*world, *changes]))


def _told(kind, given, profile):
    if kind == "message":
        return {"direction": "inbound", "identifiers": given}
    return {"identifiers": given, "profile": profile} if kind == "corrected" else {}


simulated = st.builds(
    lambda people, interactions, seed: [made for made, _ in simulate(people, interactions, seed)],
    st.integers(1, 30),
    st.integers(1, 60),
    st.integers(0, 2**32),
)

traffic = st.one_of(small_worlds(), simulated)


@st.composite
def in_batches(draw, events):
    """The same events in the same order, cut into batches of any sizes."""
    batches, rest = [], list(events)
    while rest:
        size = draw(st.integers(1, len(rest)))
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


@st.composite
def with_resends(draw, events):
    """The same events with earlier ones sent again in between, as they were or contradicting."""
    stream = []
    for number, made in enumerate(events):
        stream.append(made)
        for _ in range(draw(st.integers(0, 2))):
            earlier = events[draw(st.integers(0, number))]
            if draw(st.booleans()):
                earlier = {**earlier, "data": {**earlier["data"], "session": "another"}}
            stream.append(earlier)
    return stream
