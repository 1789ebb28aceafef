"""Which merges of the engine the evidence carries no more.

A merge may also identify whom it makes one, by a value that turns out to be that of many. Where nothing
else shows a lasting person it is taken back, and made anew by what speaks for it still, if anything.

A contact to which nothing is linked any more is at home nowhere. It stays one with a single contact, and
is no reason why two others are one: what speaks for these merges them anew. What a person merged does
not count: whoever merges an emptied contact with another means all whom the engine shows as one with it.
"""

from collections.abc import Collection, Mapping

from aggregates.identity import Edge, components
from aggregates.values import ContactId
from projections.match_index.index import MatchIndex


def not_carried(
    index: MatchIndex,
    contacts: Collection[ContactId],
    home: Mapping[ContactId, int],
    lasting: Collection[int],
) -> list[Edge]:
    """Return the engine's merges between contacts that are at home in different clusters, those that
    identify where nothing does, and those that lead from one contact to another over such as are at
    home nowhere; in order.

    Args:
        index: has the edges.
        contacts: those of a component.
        home: those of them that have something -> where they are at home.
        lasting: the clusters that show a lasting person.
    """
    automatic = {edge for edge in index.edges if edge.automatic}
    wrong = set()
    by_people = {end for edge in index.edges - automatic for end in (edge.one, edge.other)}
    for edge in automatic:
        ends = {edge.one, edge.other}
        places = {home[end] for end in ends & home.keys()}
        is_hollow = edge.identifies and places and places.isdisjoint(lasting)
        if len(places) > 1 or (is_hollow and not by_people & (ends - home.keys())):
            wrong.add(edge)
    emptied = {one for one in contacts if one not in home and index.is_live(one)}
    between = {edge for edge in automatic if {edge.one, edge.other} <= emptied}
    for group in components(sorted(emptied), between):
        edges = automatic & index.edges_among(group)
        ends = {end for edge in edges for end in (edge.one, edge.other)}
        if len(ends & home.keys()) > 1:
            wrong |= edges
    return sorted(wrong)
