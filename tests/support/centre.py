"""A contact centre in which everything that the views show has happened at least once."""

import json
from collections import defaultdict
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

from msgspec.structs import replace

from aggregates.values import Erased
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, MailDraft, Origin
from identity_engine.application.operations.augmentation.applying import Choice
from identity_engine.application.operations.values.claiming import Value
from identity_engine.application.rules import shipped_settings
from identity_engine.simulation import simulate
from tests.support.crm_servers import TOKEN, Rest, listening
from tests.support.interactions import change, customer, email, event, message, phone
from tests.support.mail import FakeMail
from tests.support.world import Clock, world

ANNA = {"given_name": "Anna", "family_name": "Berger", "date_of_birth": "1980-05-06"}
JOHANNA = {"given_name": "Johanna", "family_name": "Weidenfeld", "date_of_birth": "1971-03-09"}
ALIKE = {"given_name": "Johana", "family_name": "Weidenfelt", "date_of_birth": "1971-11-28"}
LINE = phone("+4915112345678")
NAMES = ("Anna Klein", "Kenta Mori", "Luc Moreau", "Olga Petrova", "Ben Okafor")
KNOWN = ("dora", "emil", "fritz", "gerd", "hanna", "ida", "jan", "karl", "lena", "max")
RECORDS = "id,phone,city,occupation\nr-1,03-1234-5678,Osaka,teacher|writer\n"
WHY = "She said so."
PREFERRED = ("web", "forms")


class Lived(NamedTuple):
    """What came of it: the log, and what some things are called."""

    events: list
    cases: list[str]
    merges: dict[str, str]


@contextmanager
def _engine(folder, monkeypatch):
    (folder / "people.csv").write_text(RECORDS)
    monkeypatch.setenv("CRM_TOKEN", TOKEN)
    with listening(Rest) as server, Engine.in_memory(world(clock=Clock())) as engine:
        content = json.loads(shipped_settings())
        content["cases"] = {"channels": ["email"]}
        content["outgoing_mail"] = {
            "host": "127.0.0.1", "sender": "desk@centre.example", "tls": "none",
        }  # fmt: skip
        content["crm"] = {
            "kind": "rest", "url": server.url, "token_env": "CRM_TOKEN", "allow_private": True,
            "may_create": ["lead"],
        }  # fmt: skip
        content["augmentation"] = {
            "sources": [
                {
                    "name": "directory", "kind": "csv", "folder": str(folder),
                    "identifier_types": ["phone"],
                }
            ]
        }  # fmt: skip
        engine.desk.administration.activate("settings", json.dumps(content).encode())
        policy = json.loads(engine.policies.rules.policy.model_dump_json())
        policy["default_country"] = "JP"
        policy["preferred_sources"] = [*PREFERRED]
        engine.desk.administration.activate("policy", json.dumps(policy).encode())
        yield engine, server


def live(folder, monkeypatch):
    """Let it all happen in memory and return the log."""
    with _engine(folder, monkeypatch) as (engine, server):
        engine.ingest([event for event, _ in simulate(25, 160, seed=7)])
        engine.reevaluate()
        people = _people(engine)
        _by_hand(engine, people)
        merges = _merging(engine, people)
        _in_doubt(engine)
        _conversation(engine)
        cases = _cases(engine, people)
        _crm(engine, server)
        _lifetimes(engine, people)
        engine.reevaluate()
        return Lived(engine.store.read(0, 1_000_000), cases, merges)


def _arrive(engine, *events):
    return [engine.ingest([one])[0] for one in events]


def _people(engine):
    """People who are known by an address of their own."""
    outcomes = _arrive(
        engine,
        *(
            event(
                name,
                email(f"{name}@shop.example", verified=True),
                channel="form",
                division="south" if name == "max" else "north",
                profile={"given_name": name.title(), "family_name": f"{name.title()}son"},
            )
            for name in KNOWN
        ),
    )
    return {name: one.contact_id for name, one in zip(KNOWN, outcomes, strict=True)}


def _by_hand(engine, people):
    dora, emil = people["dora"], people["emil"]
    contacts, identifiers, notes = engine.desk.contacts, engine.desk.identifiers, engine.desk.notes
    contacts.edit(dora, set={"city": "Köln"}, add={"occupation": ["Ärztin"]})
    contacts.edit(dora, set={"city": "Bonn"}, remove={"family_name": ["Dorason"]})
    contacts.promote(dora)
    contacts.promote(emil)
    contacts.undo_promotion(emil)
    work = Value("phone", "+81399990001")
    identifiers.add(dora, work, verified=True, label="work", primary=True)
    identifiers.add(dora, Value("phone", "+81399990002"), label="home", primary=True)
    identifiers.verify(dora, Value("phone", "+81399990002"))
    identifiers.transfer(emil, work, from_contact_id=dora, reason=WHY)
    identifiers.release(emil, work, reason=WHY)
    desk = Value("phone", "+81399990003")
    identifiers.add(dora, desk)
    identifiers.share(emil, desk, reason=WHY)
    identifiers.unshare(emil, desk, reason=WHY)
    identifiers.share(emil, desk, reason=WHY)
    kept = notes.add(dora, "Ruft am Montag zurück.")
    notes.change(kept.note_id, "Ruft am Dienstag zurück, 100 % sicher.")
    gone = notes.add(emil, "Falsch.")
    notes.remove(gone.note_id, reason=WHY)


def _merging(engine, people):
    merging, unmerging = engine.desk.merging, engine.desk.unmerging
    kept = merging.merge(
        [people["fritz"], people["gerd"]], choices={"given_name": "Gerd"}, reason="One person."
    )
    taken_back = merging.merge([people["hanna"], people["ida"]], reason=WHY)
    unmerging.unmerge(taken_back.merge_id, reason=WHY)
    engine.desk.telling_apart.tell(people["jan"], people["karl"], reason=WHY)
    engine.desk.telling_apart.lift(people["jan"], people["karl"], reason="A mistake.")
    engine.desk.divisions.link_across(people["jan"], people["max"], reason=WHY)
    engine.desk.divisions.move(people["karl"], "south", reason=WHY)
    engine.ingest(
        [event(f"line-{n}", LINE, profile={"full_name": name}) for n, name in enumerate(NAMES)]
    )
    return {"kept": kept.merge_id, "taken back": taken_back.merge_id}


def _in_doubt(engine):
    _arrive(engine, event("j-1", email("j@example.net"), channel="form", profile=JOHANNA))
    held = [
        engine.ingest([event(f"j-{n}", phone(f"+8139999100{n}"), channel="form", profile=ALIKE)])[0]
        for n in (2, 3, 4)
    ]
    open_ones = [one.interaction_id for one in engine.review() if one.interaction_id is not None]
    engine.desk.reviewing.defer(open_ones[0])
    if len(open_ones) > 1:
        engine.desk.reviewing.reject(open_ones[1], reason=WHY)
    taken = _arrive(engine, event("wrong", email("lena@shop.example"), channel="form"))[0]
    engine.desk.interactions.unlink(taken.interaction_id, reason=WHY)
    moved = _arrive(engine, event("moved", email("lena@shop.example"), channel="form"))[0]
    notes, during = engine.desk.notes, moved.interaction_id
    noted = notes.add(moved.contact_id, "Spricht leise.", interaction_id=during)
    engine.desk.interactions.associate(
        during, held[0].contact_id, reason=WHY, identifiers="associate"
    )
    notes.change(noted.note_id, "Spricht sehr leise.")


def _conversation(engine):
    _arrive(
        engine, event("talk", customer("C-9"), channel="messaging", session="s-1", profile=ANNA)
    )
    engine.ingest(
        [
            change("t-1", "talk", "accepted", agent="agent-7", time="2026-02-01T09:01:00Z"),
            message("t-2", "talk", profile={"city": "Wien"}, time="2026-02-01T09:02:00Z"),
            message("t-3", "talk", profile={"city": "Graz"}, time="2026-02-01T09:02:00Z"),
            change(
                "t-4", "talk", "transferred", agent="agent-7", to_agent="agent-8",
                time="2026-02-01T09:03:00Z",
            ),
            change("t-5", "talk", "ended", agent="agent-8", time="2026-02-01T09:04:00Z"),
            change(
                "t-6", "talk", "corrected", time="2026-02-01T09:05:00Z",
                profile=ANNA | {"city": "Linz"}, identifiers=[customer("C-9")], reason=WHY,
            ),
        ]
    )  # fmt: skip


def _mail(id_, sender, subject):
    block = {"message_id": f"<{id_}@mail.example>", "subject": subject}
    return event(id_, email(sender), channel="email", mail=block)


def _cases(engine, people):
    cases, mails, server = engine.desk.cases, engine.desk.mails, FakeMail()
    _arrive(
        engine,
        _mail("m-1", "anna.berger@gmail.com", "Rechnung 17"),
        _mail("m-2", "ben.klein@gmail.com", "Re: Rechnung 17"),
    )
    note = Entry(note="Ruft morgen zurück.", contact_note="Spricht leise.")
    opened = cases.open(Origin("contact", people["dora"]), note, subject="Vertrag 100 %").number
    follow_up = cases.open(Origin("case", opened), Entry(note="Noch einmal.")).number
    letter = MailDraft("Guten Tag.", to=("a@mail.example", "b@mail.example"), subject="Ihr Vertrag")
    server.unknown = {"b@mail.example"}
    cases.add(opened, Entry(letter=letter, send=True))
    mails.send_due(server)
    server.answer = "away"
    cases.add(opened, Entry(letter=letter, send=True))
    mails.send_due(server)
    draft = cases.add(follow_up, Entry(letter=letter)).mail_id
    mails.discard(follow_up, draft)
    cases.add(follow_up, Entry(letter=letter, send=True))
    cases.assign(opened, agent_id="agent-7")
    cases.assign(follow_up, queue="billing")
    cases.pin(opened)
    cases.pin(follow_up)
    cases.unpin(follow_up)
    third = cases.open(Origin("contact", people["emil"]), Entry(note="Erledigt.")).number
    dispositions = engine.desk.administration.settings().cases.dispositions
    cases.add(third, Entry(resolved=next(iter(dispositions))))
    first = engine.desk.reading_cases.show(opened).notes[0].note_id
    cases.change_note(opened, first, "Ruft übermorgen zurück.")
    cases.compose(case=opened)
    cases.discard(cases.compose(mode="preview"))
    return [
        engine.desk.reading_cases.show(one).summary.case_id for one in (opened, follow_up, third)
    ]


def _crm(engine, server):
    crm = engine.desk.crm
    calls = [
        one.interaction_id
        for one in _arrive(
            engine,
            *(event(f"crm-{n}", phone(f"+8139999200{n}"), profile=ANNA) for n in range(3)),
        )
    ]
    crm.link(calls[0], "contact", "003A", label="Anna Berger")
    crm.link(calls[1], "contact", "003B")
    crm.unlink(calls[1], "contact", "003B", reason=WHY)
    crm.link(calls[2], "account", "001A")
    crm.create(calls[0], "lead", {"name": "Berger"})
    server.fail_next = [(503, {}, b"")]
    crm.create(calls[0], "lead", {"name": "Berger"})
    server.fail_next = [(422, {}, b"")]
    crm.create(calls[2], "lead", {"name": "Berger"})
    for number, kind in enumerate(("accepted", "ended", "wrapped_up")):
        engine.ingest([change(f"crm-0-{number}", "crm-0", kind, agent="agent-7")])
    crm.work()
    engine.ingest([message("crm-0-later", "crm-0", profile={"city": "Ulm"})])


def _lifetimes(engine, people):
    lifecycle = engine.desk.lifecycle
    anna = _arrive(engine, event("aug", phone(), profile=ANNA))[0].contact_id
    augmentation, taken = engine.desk.augmentation, [Choice("directory", "r-1", None)]
    augmentation.apply(anna, taken)
    augmentation.revert(anna, augmentation.applied(anna)[0].augmentation_id)
    augmentation.apply(anna, taken)
    lifecycle.delete(people["lena"], reason=WHY)
    lifecycle.delete(people["jan"], reason=WHY)
    lifecycle.restore(people["jan"], reason=WHY)
    lifecycle.set_hold(people["ida"], reason=WHY)


def partly_erased(events):
    """The same events, of each kind every third without what it said; the first two are still known."""
    number = defaultdict(count)
    return [
        replace(one, fact=replace(one.fact, personal=Erased.ERASED))
        if getattr(one.fact, "personal", None) is not None and next(number[one.fact.TOPIC]) % 3 == 2
        else one
        for one in events
    ]
