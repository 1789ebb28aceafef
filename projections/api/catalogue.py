"""Every view for readers by SQL, in the order in which they are shown."""

from projections.api.contacts import CONTACT_VALUES, CONTACTS, IDENTIFIERS, MERGES
from projections.api.interactions_and_cases import (
    CASES,
    INTERACTION_CHANGES,
    INTERACTIONS,
    REVIEWS,
    TIMELINE,
)
from projections.api.view import ApiView

API_VIEWS: tuple[ApiView, ...] = (
    CONTACTS,
    CONTACT_VALUES,
    IDENTIFIERS,
    INTERACTIONS,
    INTERACTION_CHANGES,
    CASES,
    TIMELINE,
    MERGES,
    REVIEWS,
)
API_OF_A_FILE = "".join(
    f"CREATE VIEW IF NOT EXISTS api_v1_{view.name} AS {view.select};\n" for view in API_VIEWS
)
"""The statements that make the views in a file of SQLite, as `api_v1_NAME`."""
