"""What a record says meets what a contact shows by the rule of each field (GX-13)."""

import pytest

from aggregates.editing import Edit
from aggregates.enriching import Provided, edit_of

SET, NOTHING = Edit(set={"f": "new"}), Edit()


@pytest.mark.parametrize(
    ("shown", "values", "rule", "edit"),
    [
        (("old",), ("new",), "prefer_provided", SET),
        ((), ("new",), "prefer_provided", SET),
        (("old",), (), "prefer_provided", NOTHING),
        (("old",), ("new",), "prefer_existing", NOTHING),
        ((), ("new",), "prefer_existing", SET),
        ((), (), "prefer_existing", NOTHING),
        (("old",), ("new",), "always_use_provided", SET),
        (("old", "older"), (), "always_use_provided", Edit(remove={"f": ("old", "older")})),
        ((), (), "always_use_provided", NOTHING),
        (("old",), ("new",), "fill", NOTHING),
        ((), ("new", "newer"), "fill", Edit(add={"f": ("new", "newer")})),
        (("old",), ("new",), "extend", Edit(add={"f": ("new",)})),
        (("old",), (), "extend", NOTHING),
        (
            ("old", "new"),
            ("new", "newer"),
            "replace",
            Edit(add={"f": ("new", "newer")}, remove={"f": ("old",)}),
        ),
        (("old",), (), "replace", Edit(remove={"f": ("old",)})),
    ],
)
def test_each_rule_has_its_own_answer(shown, values, rule, edit):
    assert edit_of({"f": shown} if shown else {}, {"f": Provided(values, rule)}) == edit


def test_each_field_goes_by_its_own_rule():
    shown = {"city": ("Bonn",), "gender": ("f",)}
    provided = {
        "city": Provided(("Lyon",), "prefer_existing"),
        "gender": Provided((), "always_use_provided"),
        "region": Provided(("Rhône",), "prefer_provided"),
    }
    assert edit_of(shown, provided) == Edit(set={"region": "Rhône"}, remove={"gender": ("f",)})
