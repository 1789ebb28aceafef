"""What happened: interactions and their changes, cases, the timeline of contacts, what is in doubt."""

from projections.api.contacts import CONTACT_ID, DIVISION
from projections.api.view import ApiView, Column
from projections.cases.query import CASES as CASE_ROWS
from projections.cases.query import DIVISION as DIVISION_OF_CASE
from projections.review.projection import HELD, LIKELY, UNLINKED

NUMBER = (
    "'C-' || CASE WHEN c.number < 1000000 THEN substr(CAST(1000000 + c.number AS TEXT), 2) "
    "ELSE CAST(c.number AS TEXT) END"
)
HOLDING = "('accepted', 'transferred', 'unassigned')"
"""Changes that give or take an interaction."""

INTERACTIONS = ApiView(
    "interactions",
    "One row for each interaction, as it stands.",
    (
        Column("interaction_id", "text", "The interaction."),
        Column("contact_id", "text", "The contact that it belongs to; NULL while it has none."),
        Column("division", "text", "The division in which it lies."),
        Column("source", "text", "Who published it; NULL once erased."),
        Column("source_id", "text", "Its id at the source; NULL once erased."),
        Column("channel", "text", "Such as voice, email or messaging."),
        Column("direction", "text", "inbound or outbound."),
        Column("time", "time", "When it took place."),
        Column("session", "text", "The sitting that it is a part of, as its publisher names it."),
        Column("state", "text", "open, ended, wrapped_up or retracted."),
        Column("agent", "text", "Who has it now."),
        Column("last_change", "time", "When it last changed."),
        Column("decision", "text", "The rule by which it was linked to its contact."),
        Column("weight", "number", "How strong that was, in thousandths of a bit."),
    ),
    "SELECT i.interaction_id AS interaction_id, c.canonical_id AS contact_id, "
    "i.division AS division, i.source AS source, i.id AS source_id, i.channel AS channel, "
    "i.direction AS direction, i.time AS time, i.session AS session, "
    "CASE WHEN h.retracted = 1 THEN 'retracted' WHEN h.wrapped_up = 1 THEN 'wrapped_up' "
    "WHEN h.ended = 1 THEN 'ended' ELSE 'open' END AS state, "
    "(SELECT CASE g.kind WHEN 'accepted' THEN g.agent WHEN 'transferred' THEN g.to_agent END "
    f"FROM journey_change g WHERE g.interaction_id = i.interaction_id AND g.kind IN {HOLDING} "
    "ORDER BY g.time DESC, g.version DESC LIMIT 1) AS agent, "
    "CASE WHEN h.last > i.time THEN h.last ELSE i.time END AS last_change, "
    "p.decision AS decision, p.weight AS weight FROM journey_interaction i "
    "LEFT JOIN identity_contact c ON c.contact_id = i.contact_id "
    "LEFT JOIN profile_contribution p ON p.interaction_id = i.interaction_id "
    "LEFT JOIN (SELECT interaction_id, MAX(time) AS last, "
    "MAX(CASE WHEN kind = 'retracted' THEN 1 ELSE 0 END) AS retracted, "
    "MAX(CASE WHEN kind = 'wrapped_up' THEN 1 ELSE 0 END) AS wrapped_up, "
    "MAX(CASE WHEN kind = 'ended' THEN 1 ELSE 0 END) AS ended "
    "FROM journey_change GROUP BY interaction_id) h ON h.interaction_id = i.interaction_id",
)

INTERACTION_CHANGES = ApiView(
    "interaction_changes",
    "One row for each change of an interaction.",
    (
        Column("interaction_id", "text", "The interaction."),
        Column("division", "text", "The division in which it lies."),
        Column("place", "number", "Orders the changes of one interaction as they came in."),
        Column("kind", "text", "Such as accepted, message, transferred or wrapped_up."),
        Column("time", "time", "When it took place."),
        Column("agent", "text", "The agent who did it, or whom it concerns."),
        Column("to_agent", "text", "To whom it was transferred."),
        Column("to_queue", "text", "To which queue it was transferred."),
        Column("direction", "text", "Of a message: inbound or outbound."),
    ),
    "SELECT h.interaction_id AS interaction_id, i.division AS division, h.version AS place, "
    "h.kind AS kind, h.time AS time, h.agent AS agent, h.to_agent AS to_agent, "
    "h.to_queue AS to_queue, h.direction AS direction FROM journey_change h "
    "JOIN journey_interaction i ON i.interaction_id = h.interaction_id",
)

CASES = ApiView(
    "cases",
    "One row for each case.",
    (
        Column("case_id", "text", "The case."),
        Column("number", "text", "Its number as people read it, C-000001."),
        Column("contact_id", "text", "Whose it is; NULL while its interaction has no contact."),
        Column("division", "text", "That of its contact, else the one in which it was opened."),
        Column("state", "text", "Such as new, open, pending, resolved or closed."),
        Column("reason", "text", "Why it has this state."),
        Column("disposition", "text", "What came of it."),
        Column("subject", "text", "Its subject, in clear; NULL once erased."),
        Column("agent", "text", "In whose personal queue it is."),
        Column("queue", "text", "In which team's queue it is."),
        Column("interaction_id", "text", "The interaction that opened it, if one did."),
        Column("opened", "time", "When it was opened."),
        Column("changed", "time", "When it last changed."),
    ),
    f"SELECT c.case_id AS case_id, {NUMBER} AS number, i.canonical_id AS contact_id, "
    f"{DIVISION_OF_CASE} AS division, c.state AS state, c.reason AS reason, "
    "c.disposition AS disposition, c.subject AS subject, c.agent AS agent, c.queue AS queue, "
    f"c.interaction_id AS interaction_id, c.opened AS opened, c.changed AS changed {CASE_ROWS}",
)

TIMELINE = ApiView(
    "timeline",
    "One row for each event in the life of a contact, of its interactions, identifiers and cases.",
    (
        CONTACT_ID,
        DIVISION,
        Column("member_id", "text", "The contact whose event it was, before it was merged."),
        Column("position", "number", "The place of the event in the log, which orders all events."),
        Column("event", "text", "What happened, such as interaction.linked or contact.merged."),
        Column(
            "about", "text", "The contact, interaction, identifier or case that it happened to."
        ),
        Column("time", "time", "When it became true."),
    ),
    "SELECT i.canonical_id AS contact_id, i.division AS division, t.contact_id AS member_id, "
    "t.position AS position, t.topic AS event, t.stream_id AS about, t.valid_from AS time "
    "FROM timeline_entry t JOIN identity_contact i ON i.contact_id = t.contact_id UNION ALL "
    "SELECT i.canonical_id, i.division, i.contact_id, h.position, h.topic, h.case_id, h.valid_from "
    f"{CASE_ROWS} JOIN case_change h ON h.case_id = c.case_id WHERE i.contact_id IS NOT NULL",
)

REVIEWS = ApiView(
    "reviews",
    "One row for each two contacts of which a person should say whether they are one.",
    (
        Column(
            "kind",
            "text",
            "interaction: held in doubt; unlinked: taken from a contact by a person; "
            "merge: found likely later.",
        ),
        Column("interaction_id", "text", "The interaction; NULL for a merge."),
        Column(
            "contact_id",
            "text",
            "The contact that has it, or had it, NULL where that lies elsewhere by now; of a merge, "
            "one of two.",
        ),
        Column("proposed", "text", "The contact that it may be; NULL where nobody is proposed."),
        Column("division", "text", "The division in which both lie, or the unlinked interaction."),
        Column("weight", "number", "How likely, in thousandths of a bit."),
        Column("rule", "text", "The rule that left it to a person."),
        Column("guard", "text", "What keeps the rules from merging them; of a merge only."),
        Column("deferred", "flag", "Whether a person put it behind the others."),
        Column("time", "time", "The time of the interaction, or of the later of two."),
    ),
    "SELECT 'interaction' AS kind, r.interaction_id AS interaction_id, r.contact_id AS contact_id, "
    "r.proposed AS proposed, own.division AS division, r.weight AS weight, r.rule AS rule, "
    "CAST(NULL AS TEXT) AS guard, "
    f"r.deferred IS NOT NULL AS deferred, r.valid_from AS time FROM {HELD} UNION ALL "
    "SELECT 'unlinked', r.interaction_id, had.contact_id, NULL, i.division, r.weight, r.rule, NULL, "
    f"r.deferred IS NOT NULL, r.valid_from FROM {UNLINKED} UNION ALL "
    "SELECT 'merge', NULL, a.canonical_id, b.canonical_id, a.division, m.weight, m.rule, m.guard, "
    f"FALSE, m.valid_from FROM {LIKELY}",
)
