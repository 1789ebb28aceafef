"""A reference model of identities, small enough to be seen to be right: dictionaries and one search.

It knows contacts by the key of the interaction that made them, so that two engines can be held against
the same model. What a person may do is decided here once more, from the words of the feature list.
"""

from dataclasses import dataclass, field, replace
from itertools import combinations

RANK = ("ephemeral", "identified", "curated")


@dataclass(frozen=True)
class Arrival:
    """An interaction with one identifier, and whether its channel is resolved at all."""

    key: str
    value: str
    time: str
    nickname: str
    resolves: bool = True

    @property
    def identifies(self):
        """Whether a contact that is born with it is lasting at once."""
        return self.value.startswith("C-") or not self.resolves


@dataclass(frozen=True)
class Joined:
    """A merge in force: its edges, the survivor named, and whether its evidence identifies the set."""

    edges: frozenset
    survivor: str | None = None
    automatic: bool = False
    identifies: bool = False


@dataclass
class Reference:
    """Who is one with whom, and what each contact has."""

    contact_of: dict = field(default_factory=dict)
    arrivals: dict = field(default_factory=dict)
    holder: dict = field(default_factory=dict)
    stage: dict = field(default_factory=dict)
    born: dict = field(default_factory=dict)
    merges: dict = field(default_factory=dict)
    apart: dict = field(default_factory=dict)
    order: list = field(default_factory=list)
    edits: dict = field(default_factory=dict)
    saves: int = 0
    said: dict = field(default_factory=dict)
    """Of each value by hand the number of its last save, and of which contact it was saved."""
    gone: dict = field(default_factory=dict)
    pinned: set = field(default_factory=set)
    handled: set = field(default_factory=set)
    """Values whose holders people changed: the engine says where those lead, within its promises."""

    def arrive(self, arrival):
        """Link an interaction: to whoever holds its value, else to a contact of its own."""
        if arrival.key in self.contact_of:
            return
        self.arrivals[arrival.key] = arrival
        holder = self.holder.get(arrival.value)
        if holder is not None and arrival.resolves:
            self.contact_of[arrival.key] = holder
            if self.stage[holder] == "ephemeral":
                self.stage[holder] = "identified"
            return
        contact = self.contact_of[arrival.key] = arrival.key
        self.add(contact, arrival.time, "ephemeral")
        if arrival.identifies:
            self.stage[contact] = "identified"
        if holder is None:
            self.holder[arrival.value] = contact

    def add(self, contact, born, stage):
        """Let there be one contact more."""
        self.order.append(contact)
        self.born[contact], self.stage[contact] = born, stage

    def give(self, key, contact):
        """Let an interaction belong to a contact, or to nobody, because a person says so."""
        self.contact_of[key] = contact
        self.pinned.add(key)
        value = self.arrivals[key].value
        self.handled.add(value)
        if value.startswith("C-") and contact is not None:
            # Whoever has two of what one person has one of is found by neither.
            self.handled |= self.values_of(self.members(contact))

    def take_away(self, members, presence):
        """Let a set be gone, and its claims with it."""
        self.gone |= dict.fromkeys(members, presence)
        self.handled |= self.values_of(members)

    def values_of(self, members):
        """The values that contacts hold, or that their interactions gave."""
        held = {value for value, contact in self.holder.items() if contact in members}
        given = (self.arrivals[key].value for key, c in self.contact_of.items() if c in members)
        return held.union(given)

    def live(self):
        """The contacts that are there."""
        return [contact for contact in self.order if contact not in self.gone]

    def linked(self):
        """The interactions that belong to a contact that is there, or to nobody."""
        return sorted(key for key, c in self.contact_of.items() if c not in self.gone)

    def values(self):
        """Every value that was given."""
        return sorted({arrival.value for arrival in self.arrivals.values()})

    def edges(self):
        """All edges in force."""
        return [edge for merge in self.merges.values() for edge in merge.edges]

    def members(self, contact, edges=None):
        """The contacts that are one with a contact."""
        edges = self.edges() if edges is None else edges
        reached, waiting = {contact}, [contact]
        while waiting:
            one = waiting.pop()
            for edge in edges:
                if one in edge:
                    fresh = set(edge) - reached
                    reached |= fresh
                    waiting += fresh
        return frozenset(reached)

    def identities(self):
        """Every identity, as the set of its members."""
        return {self.members(contact) for contact in self.order}

    def stage_of(self, members):
        """The highest stage of the members, at least identified by the evidence of a merge."""
        stages = [self.stage[member] for member in members]
        if any(m.identifies and any(e <= members for e in m.edges) for m in self.merges.values()):
            stages.append("identified")
        return max(stages, key=RANK.index)

    def canonical(self, members, ids):
        """The contact that stands for an identity; `ids` are those that an engine gave."""
        for name in sorted(self.merges, reverse=True):
            merge = self.merges[name]
            in_force = any(edge <= members for edge in merge.edges)
            if merge.survivor in members and in_force:
                return merge.survivor
        return min(members, key=lambda m: (-RANK.index(self.stage[m]), self.born[m], ids[m]))

    def end_apart(self, pair, now):
        """Let two be joined again whom somebody told apart until a day; it must have come."""
        until = self.apart.pop(pair)
        assert until is not None, "for ever"
        assert until <= now, "somebody still keeps them apart"

    def are_apart(self, one, other, now):
        """Whether members of two identities are told apart now."""
        return any(
            len(pair & one) == 1 and len(pair & other) == 1 and (until is None or now < until)
            for pair, until in self.apart.items()
        )

    def somebody_is_kept_apart(self, now):
        """Contacts that give one value are one once the rules have evaluated, unless somebody said no,
        or vouched for both; tell whether there are such."""
        of_value: dict[str, list[str]] = {}
        found = False
        for key, contact in self.contact_of.items():
            if self.arrivals[key].value not in self.handled:
                of_value.setdefault(self.arrivals[key].value, []).append(contact)
        for contacts in of_value.values():
            sets = {self.members(contact) for contact in contacts}
            if len(sets) > 1:
                curated = [one for one in sets if self.stage_of(one) == "curated"]
                apart = any(self.are_apart(a, b, now) for a in sets for b in sets if a != b)
                assert apart or len(curated) > 1
                found = True
        return found

    def refusal(self, contacts, now, *, confirmed):
        """Why a merge by hand is refused, None where it may be made."""
        sets = [self.members(contact) for contact in contacts]
        for (one, ours), (other, theirs) in combinations(zip(contacts, sets, strict=True), 2):
            if ours == theirs:
                return "self_merge" if one == other else "already_one"
        if any(self.are_apart(a, b, now) for a, b in combinations(sets, 2)):
            return "told_apart"
        if sum(self.stage_of(members) == "curated" for members in sets) > 1 and not confirmed:
            return "both_curated"
        return None

    def merge(self, name, contacts, survivor):
        """Let contacts be one."""
        edges = frozenset(frozenset((contacts[0], other)) for other in contacts[1:])
        self.merges[name] = Joined(edges, survivor)

    def unmerge(self, name, member, *, told_apart):
        """Undo a merge, whole or for one of the contacts that it named."""
        merge = self.merges[name]
        ends = set().union(*merge.edges)
        if member is None:
            left, pairs = (), combinations(ends, 2)
        else:
            rest = sorted(ends - {member})
            left, pairs = combinations(rest, 2), ((member, other) for other in rest)
        if told_apart:
            self.apart |= dict.fromkeys(map(frozenset, pairs))
        # Any edges that join the rest will do: nobody sees which.
        self.merges[name] = replace(merge, edges=frozenset(map(frozenset, left)))
        if not self.merges[name].edges:
            del self.merges[name]

    def edit(self, contact, value):
        """Save a value by hand; of several the last one counts."""
        self.saves += 1
        self.said[value] = (self.saves, contact)
        self.edits[contact] = (self.saves, value)

    def moved(self, shown, members, target):
        """Follow a value that was moved to a member, or away so that the one before it counts again."""
        for one in members & self.edits.keys():
            del self.edits[one]
        if shown is not None:
            save, saved_of = self.said[shown]
            if saved_of in members:
                self.edits[saved_of] = (save, shown)
            else:
                assert target in members
                self.edit(target, shown)

    def edited(self, members):
        """What was saved last on any member, None where nothing was."""
        return max((self.edits[one] for one in members if one in self.edits), default=(0, None))[1]

    def ends(self, name):
        """The contacts that a merge in force named."""
        return sorted(set().union(*self.merges[name].edges))
