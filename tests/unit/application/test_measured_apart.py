"""What one measurement leaves behind is no part of the next."""

import os

import pytest

from aggregates.errors import Refused
from identity_engine.bench.apart import measured_apart
from identity_engine.errors import StoreError

NAME = "IDENTITY_ENGINE_MEASURED"


def leave(value):
    os.environ[NAME] = value
    return value


def fail(why):
    raise Refused("full", why)  # which does not come out of a pickle by itself


def test_its_environment_is_its_own():
    assert measured_apart(leave, "something") == "something"
    assert NAME not in os.environ


def test_what_it_raises_is_raised_here():
    with pytest.raises(StoreError, match="no room"):
        measured_apart(fail, "no room")


def test_one_that_ends_without_an_answer_is_told():
    with pytest.raises(StoreError, match="ended"):
        measured_apart(os._exit, 3)
