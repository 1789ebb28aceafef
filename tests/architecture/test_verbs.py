"""Where verbs are found in the code, and how they come to a store."""

import pytest

from tests.architecture.test_dry_runs import VERBS
from tests.architecture.test_layers import ROOT

CLI = ROOT / "identity_engine" / "cli"


@pytest.mark.parametrize(("typed", "verb"), VERBS, ids=[typed for typed, _ in VERBS])
def test_a_verb_stands_in_the_file_or_folder_named_as_its_group(typed, verb):
    code = verb.default_command
    group, *_, name = typed.replace("-", "_").split() * 2
    assert code.__module__.split(".")[2] == group
    assert code.__name__.strip("_") == name


def test_a_store_is_opened_in_one_place():
    opening = [file.name for file in CLI.rglob("*.py") if "Engine.open(" in file.read_text("utf-8")]
    assert opening == ["opening.py"]
