"""Telling the world outside: events and profiles go to Kafka as they happen."""

from collections.abc import Callable, Sequence

from aggregates.access import Action
from identity_engine.application.acting import Operations
from identity_engine.application.permissions import needs
from identity_engine.bootstrap import connect_publication
from identity_engine.publication.lanes import EventLane, Lane, ProfileLane
from identity_engine.publication.relay import Published, Relay
from identity_engine.settings.publication import Publication


class Publishing(Operations):
    """The way out."""

    @needs(Action.FEED_READ, everywhere=True)
    def run(
        self,
        publication: Publication,
        *,
        once: bool = False,
        again: bool = False,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[Published], object] = lambda _: None,
    ) -> Published:
        """Publish what happens, from where each topic is, until it is time to stop.

        A topic that is new is told everything. It takes the right to read the feed in all divisions, and
        to view contacts where values of people are published.

        Args:
            publication: what goes where.
            once: end at the head of the log.
            again: begin with the profiles of all contacts, told before or not.
            stopping: is asked often; what is on its way when it says True is still told.
            progress: is called after each batch.

        Raises:
            ConfigurationError: the extra `kafka` is not installed, or a topic is not what it should be.
            RemoteError: the brokers refuse; with `once` also where they are away.
            StoreBusy: with `once`, another relay publishes from this store.
        """
        if publication.shows_people:
            self.context.allows_everywhere(Action.CONTACT_VIEW)
        context = self.context
        lanes: list[Lane] = [EventLane(context.store, publication)]
        if publication.profile_topic is not None:
            profiles = ProfileLane(context.store, context.follower, self._preferred, publication)
            profiles.is_told_again = again
            lanes.append(profiles)
        relay = Relay(
            context.store, lanes, lambda: connect_publication(publication), stopping, progress
        )
        return relay.run(once=once)

    def _preferred(self) -> Sequence[str]:
        self.context.policies.catch_up()
        return self.context.rules.policy.preferred_sources
