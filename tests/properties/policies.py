"""Rules of any kind that a policy may make, for traffic of `tests.properties.traffic`."""

import orjson
from hypothesis import strategies as st

from identity_engine.application.rules import shipped_policy
from tests.properties.traffic import CHANNELS

SHIPPED = orjson.loads(shipped_policy())
DIVISIONS = ("default", "north")


def _channel(name):
    return st.fixed_dictionaries(
        {},
        optional={
            "resolve": st.booleans(),
            "live": st.booleans(),
            "division": st.sampled_from(DIVISIONS),
        },
    ).map(lambda rules: SHIPPED["channels"].get(name, {}) | rules)


def _class(name):
    return st.fixed_dictionaries(
        {},
        optional={"cap": st.integers(1, 3), "window_days": st.integers(1, 200)},
    ).map(lambda rules: SHIPPED["classes"][name] | rules)


_guards = st.fixed_dictionaries(
    {},
    optional={
        "attributes_speak": st.sampled_from((0.0, 3.0, 8.0)),
        "member_floor": st.sampled_from((-20.0, -5.0, 0.0)),
        "member_share": st.sampled_from((0.0, 0.5, 1.0)),
        "members_compared": st.integers(1, 4),
        "size_cap": st.integers(1, 6),
        "live_name_only_links": st.booleans(),
        "people_per_value": st.integers(1, 3),
        "people_per_line": st.none() | st.integers(1, 3),
    },
).map(lambda rules: SHIPPED["guards"] | rules)

policies = st.fixed_dictionaries(
    {"block_cap": st.integers(10, 14) | st.just(SHIPPED["block_cap"])},
    optional={
        "channels": st.fixed_dictionaries({}, optional={n: _channel(n) for n in CHANNELS}).map(
            lambda channels: SHIPPED["channels"] | channels
        ),
        "classes": st.fixed_dictionaries({n: _class(n) for n in SHIPPED["classes"]}),
        "guards": _guards,
        "across": st.just(DIVISIONS),
        "candidate_cap": st.integers(2, 4),
        "default_country": st.sampled_from(("DE", "JP")),
    },
)
"""What differs from the shipped policy, for `change_policy`."""
