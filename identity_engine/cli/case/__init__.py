"""The verbs of cases."""

from identity_engine.cli.case.composing import busy, compose, discard
from identity_engine.cli.case.mail import mail
from identity_engine.cli.case.note import note
from identity_engine.cli.case.reading import history, list_, show_
from identity_engine.cli.case.working import (
    add,
    assign,
    follow_up,
    link,
    open_,
    pin,
    state_,
    sweep,
    unpin,
)
from identity_engine.cli.group import group

case = group(
    "case",
    "Cases: what a person has on their mind, until it is closed.",
    note,
    open_,
    add,
    follow_up,
    show_,
    list_,
    history,
    state_,
    link,
    assign,
    pin,
    unpin,
    compose,
    discard,
    busy,
    sweep,
    mail,
)
