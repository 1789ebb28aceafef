"""Contacts: who they are, what is known of them, what leads to them, and how they became one."""

from projections.api.view import ApiView, Column

CONTACT_ID = Column(
    "contact_id", "text", "The contact; of several that were merged, the id that stands for all."
)
DIVISION = Column("division", "text", "The division in which the contact lies.")
LIVING = (
    "JOIN identity_contact whole ON whole.contact_id = own.canonical_id AND whole.presence = 'live'"
)
"""From a member contact `own` to the one that stands for its identity, if it is neither expired nor
deleted: of the others no value is shown."""
OF_ITS_MEMBERS = (
    "FROM identity_contact m WHERE (m.contact_id = c.canonical_id "
    "OR (m.canonical_id = c.canonical_id AND m.canonical_id != m.contact_id))"
)

CONTACTS = ApiView(
    "contacts",
    "One row for each contact id that was ever given. Those without replaced_by are the contacts.",
    (
        Column("contact_id", "text", "The id."),
        Column(
            "replaced_by",
            "text",
            "The contact that this id is a part of since a merge; NULL where it stands for itself.",
        ),
        DIVISION,
        Column("presence", "text", "live, expired or deleted."),
        Column("gone_since", "time", "Since when it is expired or deleted."),
        Column("stage", "text", "How well it is known: ephemeral, identified or curated."),
        Column("first_seen", "time", "When the first of its parts was first heard of."),
        Column("members", "number", "How many ids are one with it, its own included."),
    ),
    "SELECT c.contact_id AS contact_id, "
    "CASE WHEN c.canonical_id != c.contact_id THEN c.canonical_id END AS replaced_by, "
    "whole.division AS division, whole.presence AS presence, whole.since AS gone_since, "
    f"CASE WHEN EXISTS (SELECT 1 {OF_ITS_MEMBERS} AND m.stage = 'curated') THEN 'curated' "
    f"WHEN EXISTS (SELECT 1 {OF_ITS_MEMBERS} AND m.stage = 'identified') "
    "OR EXISTS (SELECT 1 FROM identity_edge e "
    "JOIN identity_contact m ON m.contact_id = e.one WHERE e.in_force AND e.identifies "
    "AND m.canonical_id = c.canonical_id) THEN 'identified' ELSE 'ephemeral' END AS stage, "
    f"(SELECT MIN(m.born) {OF_ITS_MEMBERS}) AS first_seen, "
    f"(SELECT COUNT(*) {OF_ITS_MEMBERS}) AS members "
    "FROM identity_contact c JOIN identity_contact whole ON whole.contact_id = c.canonical_id",
)

# A word of a person counts by when it was said: its position in the log, then its place in the save.
WORD = "position * 100000 + place"
OF_A_MEMBER = "JOIN identity_contact own ON own.contact_id = "
"""Stands in each part, so that a question about one contact reaches the rows of its members."""
VOICES = (
    "SELECT own.canonical_id AS contact_id, pair.key AS field, pair.value AS value, c.source, "
    "c.time, CAST(NULL AS BIGINT) AS given, CAST(NULL AS BIGINT) AS taken, "
    f"CAST(NULL AS BIGINT) AS chosen FROM profile_contribution c {OF_A_MEMBER} c.contact_id "
    "CROSS JOIN json_each(c.profile) pair UNION ALL "
    "SELECT own.canonical_id, pair.key, pair.value, c.source, m.time, NULL, NULL, NULL "
    "FROM profile_message m JOIN profile_contribution c ON c.interaction_id = m.interaction_id "
    f"{OF_A_MEMBER} c.contact_id CROSS JOIN json_each(m.profile) pair UNION ALL "
    f"SELECT own.canonical_id, field, value, NULL, time, CASE WHEN NOT removed THEN {WORD} END, "
    f"CASE WHEN removed THEN {WORD} END, NULL FROM profile_by_hand h {OF_A_MEMBER} h.contact_id "
    f"UNION ALL SELECT own.canonical_id, field, value, NULL, time, {WORD}, NULL, NULL "
    f"FROM profile_augmented a {OF_A_MEMBER} a.contact_id UNION ALL "
    "SELECT contact_id, field, value, NULL, NULL, NULL, NULL, last FROM ("
    "SELECT own.canonical_id AS contact_id, p.field, p.value, p.position * 100000 AS last, "
    "ROW_NUMBER() OVER (PARTITION BY own.canonical_id, p.field ORDER BY p.position DESC, e.one) "
    "AS place FROM profile_choice p JOIN identity_edge e ON e.merge_id = p.merge_id "
    f"AND e.in_force {OF_A_MEMBER} e.one) choice WHERE place = 1"
)
CONTACT_VALUES = ApiView(
    "contact_values",
    "The profile: one row for each value of each field of a live contact that holds.",
    (
        CONTACT_ID,
        DIVISION,
        Column("field", "text", "The field, such as given_name or city."),
        Column("value", "text", "The value, in clear."),
        Column(
            "rank",
            "number",
            "1 for the value that the profile shows first; the others disagree with it.",
        ),
        Column(
            "by_hand",
            "flag",
            "Whether a person gave it, took it over, or chose it when contacts were merged.",
        ),
        Column("interactions", "number", "How many interactions and messages say so."),
        Column("last_said", "time", "When it was last said."),
    ),
    "SELECT contact_id, division, field, value, ROW_NUMBER() OVER (PARTITION BY contact_id, field "
    "ORDER BY spoken DESC NULLS LAST, trust, heard DESC NULLS LAST, value DESC) AS rank, "
    "spoken IS NOT NULL AS by_hand, interactions, last_said FROM ("
    "SELECT contact_id, division, field, value, heard, interactions, last_said, trust, "
    "CASE WHEN chosen > COALESCE(given, 0) THEN chosen ELSE given END AS spoken FROM ("
    "SELECT said.contact_id AS contact_id, whole.division AS division, said.field AS field, "
    "said.value AS value, "
    "MIN(CASE WHEN said.source IS NOT NULL THEN COALESCE(p.place, 1000000) ELSE 1000000 END) "
    "AS trust, MAX(said.given) AS given, MAX(said.taken) AS taken, MAX(said.chosen) AS chosen, "
    "MAX(CASE WHEN said.given IS NULL AND said.taken IS NULL THEN said.time END) AS heard, "
    "SUM(CASE WHEN said.given IS NULL AND said.taken IS NULL AND said.chosen IS NULL "
    "THEN 1 ELSE 0 END) AS interactions, "
    "MAX(CASE WHEN said.taken IS NULL THEN said.time END) AS last_said "
    f"FROM ({VOICES}) said JOIN identity_contact whole ON whole.contact_id = said.contact_id "
    "AND whole.presence = 'live' "
    "LEFT JOIN sources_preferred p ON p.in_force AND p.source = said.source "
    "GROUP BY said.contact_id, whole.division, said.field, said.value) voices "
    "WHERE (interactions > 0 OR given IS NOT NULL) AND COALESCE(taken, 0) <= COALESCE(given, 0)"
    ") shown",
)

HELD = (
    "SELECT own.canonical_id AS contact_id, whole.division AS division, c.identifier_id, c.type, "
    "c.scope, c.value, c.verified, c.shared, c.label, c.described, c.valid_from, c.valid_to, "
    "c.interaction_id, c.contact_id AS member_id, "
    "CASE WHEN c.is_primary AND c.valid_to IS NULL AND c.described = "
    "MAX(CASE WHEN c.is_primary AND c.valid_to IS NULL THEN c.described ELSE -1 END) "
    "OVER (PARTITION BY own.canonical_id, c.type) THEN 1 ELSE 0 END AS is_first, "
    # Those that members hold now count as one; what ended is told apart.
    "CASE WHEN c.valid_to IS NULL THEN '' ELSE c.contact_id || c.valid_from END AS ended "
    f"FROM profile_claim c JOIN identity_contact own ON own.contact_id = c.contact_id {LIVING}"
)
ONE = "PARTITION BY contact_id, identifier_id, type, ended"
IDENTIFIERS = ApiView(
    "identifiers",
    "One row for each address, number or id that a live contact has or had.",
    (
        CONTACT_ID,
        DIVISION,
        Column("identifier_id", "text", "The identifier; all who ever held it have the same."),
        Column("type", "text", "Such as email or phone; NULL once erased."),
        Column("scope", "text", "Within what the value is unique, where not everywhere."),
        Column("value", "text", "The value, in clear; NULL once erased."),
        Column("verified", "flag", "Whether it is shown to belong to the contact."),
        Column("shared", "flag", "Whether several people use it, so that it links nobody."),
        Column("label", "text", "What a person calls it."),
        Column("is_primary", "flag", "Whether it is the first of its type."),
        Column("valid_from", "time", "Since when the contact has it."),
        Column("valid_to", "time", "Until when it had it; NULL while it has it."),
        Column("interaction_id", "text", "The interaction that told it, if one did."),
    ),
    "SELECT contact_id, division, identifier_id, type, scope, value, is_verified = 1 AS verified, "
    "shared, called AS label, has_first = 1 AS is_primary, valid_from, valid_to, interaction_id "
    "FROM (SELECT contact_id, division, identifier_id, type, scope, value, shared, valid_from, "
    "valid_to, interaction_id, "
    f"ROW_NUMBER() OVER ({ONE} ORDER BY valid_from, is_first DESC, value NULLS FIRST, member_id) "
    "AS place, "
    f"FIRST_VALUE(label) OVER ({ONE} ORDER BY described DESC, is_first DESC, valid_from, "
    "value NULLS FIRST, member_id) AS called, "
    f"MAX(CASE WHEN verified THEN 1 ELSE 0 END) OVER ({ONE}) AS is_verified, "
    f"MAX(is_first) OVER ({ONE}) AS has_first FROM ({HELD}) held) claims WHERE place = 1",
)

MERGES = ApiView(
    "merges",
    "One row for each two contacts that a merge joined, also where it was undone.",
    (
        Column("merge_id", "text", "The merge; one of several contacts has several rows."),
        Column("one", "text", "A contact, by the id that the merge named."),
        Column("other", "text", "The contact that it was joined with."),
        Column("contact_id", "text", "The id that stands for the first of them now."),
        Column("division", "text", "The division in which the first of them lies."),
        Column("other_division", "text", "The division in which the other lies."),
        Column("automatic", "flag", "Whether the rules did it, and no person."),
        Column("in_force", "flag", "Whether it holds; if not, it was undone."),
        Column("made_at", "time", "When it was recorded."),
        Column("made_by", "text", "Who did it."),
        Column("undone_at", "time", "When its end was recorded."),
        Column("undone_by", "text", "Who undid it."),
    ),
    "SELECT e.merge_id AS merge_id, e.one AS one, e.other AS other, a.canonical_id AS contact_id, "
    "a.division AS division, b.division AS other_division, e.automatic AS automatic, "
    "e.in_force AS in_force, e.made_at AS made_at, e.made_by AS made_by, "
    "e.undone_at AS undone_at, e.undone_by AS undone_by FROM identity_edge e "
    "JOIN identity_contact a ON a.contact_id = e.one "
    "JOIN identity_contact b ON b.contact_id = e.other",
    divisions=("division", "other_division"),
)
