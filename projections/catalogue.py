"""Every projection there is, in the order in which they are shown."""

from projections.base import Projection
from projections.cases.projection import CaseProjection
from projections.crm.projection import CrmProjection
from projections.identity.projection import IdentityProjection
from projections.journey.projection import JourneyProjection
from projections.notes.projection import NotesProjection
from projections.profile.projection import ProfileProjection
from projections.review.projection import ReviewProjection
from projections.search.projection import SearchProjection
from projections.sources.projection import SourcesProjection
from projections.timeline.projection import TimelineProjection

PROJECTIONS: tuple[Projection, ...] = (
    IdentityProjection(),
    ProfileProjection(),
    SourcesProjection(),
    TimelineProjection(),
    SearchProjection(),
    NotesProjection(),
    ReviewProjection(),
    CaseProjection(),
    JourneyProjection(),
    CrmProjection(),
)
VIEWS_VERSION = 35
"""Raised whenever a schema, a fold or a view for readers by SQL changes: a view file of another version
is built anew."""
