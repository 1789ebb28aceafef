"""The verb demo: the main job, end to end, in a minute."""

import shutil
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.engine import Engine
from identity_engine.application.explanation.explain import Explanation
from identity_engine.application.explanation.sentences import sentences_in
from identity_engine.application.intake.preparing import IngestSummary
from identity_engine.application.link_quality import evaluate_files
from identity_engine.application.resolution.outcome import Outcome
from identity_engine.cli.evaluate import show_quality
from identity_engine.cli.opening import opened
from identity_engine.cli.terminal.output import (
    counted,
    counting,
    language,
    progress,
    show,
    show_table,
    timestamp,
)
from identity_engine.cli.terminal.waterfall import show_explanation
from identity_engine.errors import UsageError
from identity_engine.ingestion.files.event_file import EventFile
from identity_engine.simulation import write_simulation

PEOPLE, INTERACTIONS, SEED = 2_000, 10_000, 7
SHOWN_EVENTS = 12
MADE = ("traffic.jsonl.gz", "truth.csv", "links.csv", "store")
"""What a demo leaves in its folder."""
MISSED = (
    "Recall counts pairs. In most of those that are missed, one of the two says no name: silent calls, "
    "withheld numbers, cookies never seen again. What only a guess would link stays apart on purpose."
)
"""Of 24,536 missed pairs in the demo as it ships, 19,176 have such a side."""
FATHER_AND_SON = [
    {
        "specversion": "1.0",
        "type": "identity_engine.interaction.v1",
        "source": "demo",
        "id": id_,
        "time": "2025-11-03T10:00:00Z",
        "data": {
            "channel": "form",
            "direction": "inbound",
            "identifiers": [{"type": "customer_id", "value": id_, "verified": True}],
            "profile": {"full_name": "Karl Vogelsang", "date_of_birth": born, "city": "Ulm"},
        },
    }
    for id_, born in (("demo-1951", "1951-04-02"), ("demo-1984", "1984-09-17"))
]


def demo(
    *,
    folder: Annotated[
        Path, Parameter(help="Made anew, if it is a demo's; holds traffic, truth and store.")
    ] = Path(".demo"),
    people: int = PEOPLE,
    interactions: int = INTERACTIONS,
) -> None:
    """Simulate traffic, ingest it, and look at what was found.

    Parameters
    ----------
    people
        How many people there are to find.
    interactions
        How many interactions they have.
    """
    _clear(folder)
    folder.mkdir(parents=True, mode=0o700)
    events, truth, links, kept = (folder / name for name in MADE)
    with progress("simulate", interactions) as move:
        write_simulation(people, interactions, SEED, events, truth, move)
    store = f"sqlite:///{kept}"
    with opened(store, make=True) as engine:
        _heading("1. Real-looking traffic comes in: calls, mails, chats, messages, web, forms")
        _ingest(engine, events)
        _heading("2. Contacts come out, the same ones whatever order the traffic came in")
        _reevaluate(engine)
        _tell_counts(engine)
        explained = _a_telling_link(engine)
        _heading("3. Every link says why")
        show_explanation(explained, sentences_in(language(None)))
        _heading("4. Every contact has a history that can be replayed")
        _tell_history(engine, explained.contact_id)
        _heading("5. How good was it, measured against the simulator's truth")
        engine.export_links(links)
        show_quality(evaluate_files(links, truth))
        show(MISSED)
        _heading(
            "6. A merge that was wrong is found, explained and undone; the past stays readable"
        )
        _undo_a_wrong_merge(engine)
    _heading("Now you")
    executable = (
        "identity-engine" if shutil.which("identity-engine") else ".venv/bin/identity-engine"
    )
    for command in (
        f"contact show {explained.contact_id}",
        "review list --limit 10",
        "projections verify",
    ):
        show(f"  {executable} --store {store} {command}")


def _ingest(engine: Engine, events: Path) -> None:
    started = time.perf_counter()
    with progress("ingest", events.stat().st_size) as move:

        def moved(file: EventFile, _: IngestSummary) -> None:
            move(file.bytes_read)

        summary = engine.ingest_file(events, progress=moved)
    seconds = time.perf_counter() - started
    show(
        f"{counted(summary.accepted, 'interaction')} linked in {seconds:.1f} s "
        f"({summary.accepted / seconds:.0f} a second, each on disk before it is acknowledged)."
    )
    show_table(("linked by", "interactions"), [*summary.decisions.most_common()], none="")


def _reevaluate(engine: Engine) -> None:
    started = time.perf_counter()
    with counting("re-evaluate", engine.reevaluation.waiting()) as add:
        final = engine.reevaluate(add)
    seconds = time.perf_counter() - started
    show(
        f"Re-evaluated in {seconds:.1f} s: {counted(final.merged, 'merge')}, "
        f"{counted(final.moved, 'link')} moved, each an "
        "event that can be undone."
    )


def _tell_counts(engine: Engine) -> None:
    with counting("build views", engine.store.head()) as add:
        engine.follow(add)
    counts = engine.counts()
    waiting = counts.pop("in review")
    show_table(("stage", "contacts"), sorted(counts.items()), none="")
    show(f"{counted(waiting, 'pair waits', 'pairs wait')} for a person's review.")


def _a_telling_link(engine: Engine) -> Explanation:
    """Find a link that likeness decided, with several comparisons to show."""
    found: list[Explanation] = []
    for contact_id in engine.contacts_linked_by("score", limit=20):
        explained = engine.why(contact_id, language(None))
        found += [one for one in explained if one.kind == "link" and one.rule == "score"]
    return max(found, key=lambda one: (len(one.parts), -one.position))


def _tell_history(engine: Engine, contact_id: str) -> None:
    entries = engine.history(contact_id, language=language(None))
    show(f"Contact {contact_id}: {counted(len(entries), 'event')}.")
    show_table(
        ("position", "true from", "event", "what"),
        [(e.position, timestamp(e.valid_from), e.topic, e.summary) for e in entries[:SHOWN_EVENTS]],
        none="",
    )
    if len(entries) > SHOWN_EVENTS:
        show(f"... and {len(entries) - SHOWN_EVENTS} more.")


def _undo_a_wrong_merge(engine: Engine) -> None:
    """Let a clerk take father and son for one, and another one see it."""
    outcomes = engine.ingest(FATHER_AND_SON)
    father, son = (one.contact_id for one in outcomes if isinstance(one, Outcome))
    assert father is not None
    assert son is not None
    merged = engine.desk.merging.merge([father, son], reason="The same name in the same town.")
    born = engine.profile(son).fields["date_of_birth"]
    show(
        f"One contact, {len(born)} dates of birth: {' and '.join(one.value for one in born)}. How?"
    )
    for step in engine.how(son, language=language(None))[-2:]:
        show(f"  {step.sentence}")
    undone = engine.desk.unmerging.unmerge(merged.merge_id, reason="Father and son.")
    show(f"Undone: {len(undone.parts)} contacts again, told apart, so that no rule joins them.")
    before = engine.profile(son, as_of=f"pos:{merged.done.position}")
    now = engine.profile(son)
    show(f"Members as of then: {len(before.members)}; now: {len(now.members)}.")


def _clear(folder: Path) -> None:
    """Take an older demo away.

    Raises:
        UsageError: something else stands there.
    """
    if not folder.exists():
        return
    if not folder.is_dir() or {one.name for one in folder.iterdir()} - set(MADE):
        raise UsageError(f"{folder} holds what no demo made. Name a new folder with --folder.")
    shutil.rmtree(folder)


def _heading(text: str) -> None:
    show()
    show(text, "bold")
