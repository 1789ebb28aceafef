"""How the tables of a CRM hang together, and what is related in them; the same for every CRM that has
accounts, contacts, leads, cases and opportunities."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from identity_engine.adapters.crm_records import record_from
from identity_engine.errors import RemoteError
from identity_engine.ports.crm import PERSON_TYPES, CrmRecord, CrmReference


class Table(Struct, frozen=True):
    """One type of record.

    Args:
        name: the CRM's own word for the table.
        id: the column of its id.
        title: the column that people know a row by.
        activity_link: the field of an activity that names a row.
        parents: (column, type): each names a row of another type.
    """

    name: str
    id: str
    title: str
    activity_link: str
    parents: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything to ask for."""
        return (self.id, self.title, *dict.fromkeys(column for column, _ in self.parents))


Row = Mapping[str, object]
Find = Callable[[Table, str, Sequence[str]], Iterable[Row]]
"""Return the rows of a table in which a column has one of some values."""


class Relations:
    """Walks from records to what is related.

    Args:
        system: for errors.
        tables: by type.
        find: asks the CRM.
        address_of: where a row is opened.
    """

    def __init__(
        self,
        system: str,
        tables: Mapping[str, Table],
        find: Find,
        address_of: Callable[[Table, str], str],
    ) -> None:
        self._system, self._tables = system, tables
        self._find, self._address_of = find, address_of

    def table(self, type_: str) -> Table:
        """Return the table of a type.

        Raises:
            RemoteError: `refused`, this CRM has no such type.
        """
        if type_ not in self._tables:
            raise RemoteError(self._system, "refused")
        return self._tables[type_]

    def related(self, records: Sequence[CrmReference], *, household: bool) -> list[CrmRecord]:
        """Return records, the rows they belong to, and their leads; with the household if wanted."""
        found: dict[CrmReference, CrmRecord] = {}
        for type_, ids in _by_type(records):
            self._take(found, type_, self._rows(type_, self.table(type_).id, ids))
        if household:
            self._take_children(found, of="account", type_="contact")
        for of in ("contact", "account"):
            self._take_children(found, of=of, type_="lead")
        return sorted(found.values(), key=_person_first)

    def expand(self, record: CrmReference) -> list[CrmRecord]:
        """Return the rows of all types that name this one."""
        self.table(record.type)
        found: dict[CrmReference, CrmRecord] = {}
        for type_ in self._tables:
            for row in self._children(record.type, type_, [record.id]):
                made = self.record(type_, row)
                found[made.reference] = made
        return sorted(found.values(), key=_person_first)

    def record(self, type_: str, row: Row) -> CrmRecord:
        """Return a row as people see it."""
        table = self.table(type_)
        id_ = row.get(table.id)
        address = self._address_of(table, str(id_))
        return record_from(self._system, type_, id_, row.get(table.title), address)

    def _take(self, found: dict[CrmReference, CrmRecord], type_: str, rows: Iterable[Row]) -> None:
        """Take rows in, and the rows that they name."""
        for row in rows:
            made = self.record(type_, row)
            if made.reference in found:
                continue
            found[made.reference] = made
            for column, parent in self.table(type_).parents:
                if row.get(column):
                    ids = [str(row[column])]
                    self._take(found, parent, self._rows(parent, self.table(parent).id, ids))

    def _take_children(self, found: dict[CrmReference, CrmRecord], *, of: str, type_: str) -> None:
        ids = [one.id for one in found.values() if one.type == of]
        self._take(found, type_, self._children(of, type_, ids))

    def _children(self, of: str, type_: str, ids: Sequence[str]) -> Iterator[Row]:
        for column, parent in self.table(type_).parents:
            if parent == of and ids:
                yield from self._rows(type_, column, ids)

    def _rows(self, type_: str, column: str, ids: Sequence[str]) -> list[Row]:
        return list(self._find(self.table(type_), column, ids))


def _by_type(records: Iterable[CrmReference]) -> Iterator[tuple[str, list[str]]]:
    ids: dict[str, list[str]] = {}
    for one in records:
        ids.setdefault(one.type, []).append(one.id)
    yield from ids.items()


def _person_first(record: CrmRecord) -> tuple[int, str, str]:
    rank = PERSON_TYPES.index(record.type) if record.type in PERSON_TYPES else len(PERSON_TYPES)
    return rank, record.label, record.id
