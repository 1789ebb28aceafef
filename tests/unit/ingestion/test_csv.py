"""CSV files: what the mapping says, and what a CSV file can do wrong."""

import json
from datetime import UTC, datetime

import pytest

from identity_engine.errors import SourceError
from identity_engine.ingestion.envelope import IncomingInteraction, Rejected
from identity_engine.ingestion.files.event_file import open_events

NOW = datetime(2026, 2, 1, tzinfo=UTC)
MAPPING = {
    "source": "crm",
    "id": "Ticket",
    "time": {"column": "Opened", "format": "%d.%m.%Y %H:%M", "timezone": "Europe/Berlin"},
    "channel": {"value": "form"},
    "identifiers": [{"type": "email", "column": "E-mail", "verified": False}],
    "profile": {"given_name": "First name", "address": "Address"},
    "attributes": {"topic": "Topic"},
}
HEADER = "Ticket,Opened,E-mail,First name,Address,Topic"


def row(ticket, name="Ada", address="1 rue X"):
    return f"{ticket},31.01.2026 09:30,a@b.example,{name},{address},order"


@pytest.fixture
def read(tmp_path):
    def read(text, mapping=None, **options):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "events.csv").write_bytes(content)
        (tmp_path / "mapping.json").write_text(json.dumps(MAPPING | (mapping or {})))
        with open_events(
            tmp_path / "events.csv", "csv", tmp_path / "mapping.json", **options
        ) as opened:
            return [(batch, batch.decode(now=NOW)) for batch in opened]

    return read


def told(batches):
    """Ids of what was accepted and codes of what was not, in order."""
    return [
        one.id if isinstance(one, IncomingInteraction) else {fault.code for fault in one.faults}
        for _, decoded in batches
        for one in decoded
    ]


def test_a_row_becomes_the_interaction_that_the_mapping_says(read):
    ((_, (interaction,)),) = read(f"{HEADER}\n{row('T1')}\n")

    assert isinstance(interaction, IncomingInteraction)
    assert (interaction.source, interaction.id) == ("crm", "T1")
    assert interaction.time == datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    assert (interaction.channel, interaction.direction) == ("form", "inbound")
    (identifier,) = interaction.identifiers
    assert (identifier.type, identifier.value, identifier.verified) == (
        "email",
        "a@b.example",
        False,
    )
    assert interaction.profile == {"given_name": "Ada", "address": "1 rue X"}
    assert interaction.attributes == '{"topic":"order"}'


def test_empty_cells_are_left_out(read):
    ((_, (interaction,)),) = read(f"{HEADER}\nT1,31.01.2026 09:30, ,Ada,,\n")

    assert isinstance(interaction, IncomingInteraction)
    assert interaction.identifiers == ()
    assert interaction.profile == {"given_name": "Ada"}
    assert interaction.attributes is None


def test_an_empty_cell_of_a_required_field_is_missing(read):
    ((_, (refused,)),) = read(f"{HEADER}\n,,a@b.example,Ada,,\n")

    assert isinstance(refused, Rejected)
    assert [(fault.code, fault.pointer) for fault in refused.faults] == [
        ("missing_field", "/id"),
        ("missing_field", "/time"),
    ]


def test_a_quote_may_go_over_lines_and_hold_delimiters_and_quotes(read):
    address = '"1, rue ""X""\n\n75001 Paris"'
    ((batch, decoded),) = read(f"{HEADER}\n{row('T1', address=address)}\n{row('T2')}\n")

    assert decoded[0].profile["address"] == '1, rue "X"\n\n75001 Paris'
    assert decoded[1].id == "T2"
    assert batch.numbers == [2, 5]
    assert batch.lines[0].decode() == row("T1", address=address)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "shift_jis"])
def test_the_encoding_of_the_mapping_is_used(read, encoding):
    name = "花子" if encoding == "shift_jis" else "Zoë"
    text = f"{HEADER}\r\n{row('T1', name=name)}\r\n"

    ((_, (interaction,)),) = read(text.encode(encoding), {"encoding": encoding})

    assert interaction.profile["given_name"] == name


def test_a_byte_order_mark_is_no_part_of_the_header(read):
    assert told(read(f"\ufeff{HEADER}\n{row('T1')}\n")) == ["T1"]


def test_bad_rows_have_their_reason_and_the_rows_around_them_go_on(read):
    rows = [
        (row("A").encode(), "A"),
        (row("B").encode() + b",more", {"ragged_row"}),
        (b"C,31.01.2026 09:30", {"ragged_row"}),
        (row("D", name="\x00").encode(), {"control_character"}),
        (row("E", name="Zoë").encode("latin-1"), {"wrong_encoding"}),
        (row("F", address='"open').encode(), {"bad_quote"}),
        (row("G").encode(), "G"),
        (row("H", address='5" pipe').encode(), "H"),
        (row("I", address='"a"b').encode(), {"bad_quote"}),
        (row("J", address="x" * 5_000).encode(), {"too_long"}),
        (row("K", address="x" * 200_000).encode(), {"too_long"}),
        (b"L,31/01/2026,a@b.example,Ada,,", {"bad_time_format"}),
        (row("M", name="x" * 2_000_000).encode(), {"line_too_long"}),
        (b"", None),
        (row("N").encode(), "N"),
    ]

    batches = read(HEADER.encode() + b"\n" + b"\n".join(text for text, _ in rows) + b"\n")

    assert told(batches) == [result for _, result in rows if result]
    kept = [one.raw for _, decoded in batches for one in decoded if isinstance(one, Rejected)]
    originals = [text for text, result in rows if isinstance(result, set)]
    for raw, original in zip(kept, originals, strict=True):
        assert original.startswith(raw)
        assert len(raw) > 15


def test_a_quote_that_is_never_closed_costs_one_row(read):
    lines = [HEADER, row("A", address='"open'), *(row(f"R{number}") for number in range(300))]

    assert told(read("\n".join(lines))) == [{"bad_quote"}, *(f"R{number}" for number in range(300))]


def test_two_stray_quotes_do_not_swallow_the_rows_between(read):
    lines = [HEADER, row("A", name='"open'), row("B"), row("C", address='5"'), row("D")]

    assert told(read("\n".join(lines))) == [{"bad_quote"}, "B", "C", "D"]


def test_a_time_without_offset_needs_a_time_zone(read):
    time = {"time": {"column": "Opened", "format": "%d.%m.%Y %H:%M"}}

    assert told(read(f"{HEADER}\n{row('T1')}\n", time)) == [{"naive_time"}]


def test_a_time_that_is_not_read_is_told_in_the_form_that_the_mapping_asks_for(read):
    text = f"{HEADER}\nT1,yesterday,a@b.example,Ada,,\n"

    assert told(read(text)) == [{"bad_time_format"}]
    assert told(read(text, {"time": "Opened"})) == [{"bad_time"}]


def test_all_missing_columns_are_named_at_once(read):
    with pytest.raises(SourceError, match="Address, E-mail, Opened"):
        read("Ticket,First name,Topic\n1,2,3\n")


def test_a_mapped_column_that_comes_twice_is_refused(read):
    with pytest.raises(SourceError, match="more than one column Topic"):
        read(f"{HEADER},Topic\n")


def test_an_empty_file_has_no_header(read):
    with pytest.raises(SourceError, match="empty"):
        read("")


def test_a_header_without_rows_is_no_fault(read):
    assert read(f"{HEADER}\n") == []


@pytest.mark.parametrize("stop", [1, 2, 5])
def test_reading_starts_again_at_a_row(read, stop):
    rows = [row(f"T{number}", address=f'"line\n{number}"') for number in range(6)]
    text = "\n".join([HEADER, *rows]) + "\n"
    end = read(text, batch_size=stop)[0][0].end

    assert told(read(text, start_at=end)) == [f"T{number}" for number in range(stop, 6)]


def test_a_new_mapping_makes_another_stream(tmp_path):
    (tmp_path / "events.csv").write_text(f"{HEADER}\n{row('T1')}\n")
    fingerprints = []
    for source in ("crm", "shop", "crm"):
        (tmp_path / "mapping.json").write_text(json.dumps(MAPPING | {"source": source}))
        with open_events(tmp_path / "events.csv", "csv", tmp_path / "mapping.json") as opened:
            fingerprints.append(opened.fingerprint())

    assert fingerprints[0] == fingerprints[2] != fingerprints[1]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"colour": "red"}, "colour"),
        ({"encoding": "utf-16"}, "encoding.*UTF-8"),
        ({"encoding": "klingon"}, "No such encoding"),
        ({"time": {"column": "Opened", "timezone": "Mars/North"}}, "No such time zone"),
        ({"time": {"column": "Opened", "format": "%Y %q"}}, "No format that strptime reads"),
        ({"time": {"column": "Opened", "format": "%d.%m.%Y %"}}, "No format that strptime reads"),
        ({"time": {"column": "Opened", "format": "%d.%d.%Y"}}, "No format that strptime reads"),
        ({"time": {"column": "Opened", "format": "%d.%m. %H:%M"}}, "format without a year"),
        ({"time": {"column": "Opened", "format": "%d.%m. %%Y"}}, "format without a year"),
        ({"identifiers": [], "profile": {}}, "map at least one column"),
        ({"delimiter": "x", "id": 7}, "id.*delimiter"),
    ],
)
def test_a_wrong_mapping_says_all_that_is_wrong(read, wrong, words):
    with pytest.raises(SourceError, match=words):
        read(f"{HEADER}\n", wrong)


def test_a_mapping_that_names_a_key_twice_is_refused(tmp_path):
    (tmp_path / "events.csv").write_text(HEADER)
    text = json.dumps(MAPPING).replace('"id": "Ticket"', '"id": "Topic", "id": "Ticket"')
    (tmp_path / "mapping.json").write_text(text)

    with pytest.raises(SourceError, match="names a key twice"):
        open_events(tmp_path / "events.csv", "csv", tmp_path / "mapping.json")


def test_a_missing_mapping_is_said(tmp_path):
    (tmp_path / "events.csv").write_text(HEADER)

    with pytest.raises(SourceError, match="cannot be read"):
        open_events(tmp_path / "events.csv", "csv", tmp_path / "none.json")
