"""A store on PostgreSQL that belongs to the group roles."""

import psycopg

from identity_engine import Engine
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.postgres.roles import bring
from tests.support.world import world

REFUSED = psycopg.errors.InsufficientPrivilege
LOGINS = ("migrator", "writer", "projector", "reader", "auditor")


class StoreOfRoles:
    """A database that belongs to the group roles, and a login for each of them."""

    def __init__(self, server, key):
        self.server, self.key = server, key
        self.address = server.database()
        with psycopg.connect(self.address, autocommit=True) as administrator:
            bring(administrator, with_roles=True)
        self.logins = []
        for name in LOGINS:
            self.login(name, f"identity_engine_{name}")

    @property
    def name(self):
        """The database."""
        return self.address.rpartition("/")[2]

    def login(self, name, *groups, options=""):
        """Make somebody who may log in, a member of groups."""
        login = f"{name}_of_{self.name}"
        with self.server.connect() as administrator:
            administrator.execute(f"CREATE ROLE {login} LOGIN {options}")
            for group in groups:
                administrator.execute(f"GRANT {group} TO {login}")
        self.logins.append(login)
        return login

    def named(self, name):
        """The role as which somebody logs in."""
        return f"{name}_of_{self.name}"

    def address_of(self, name):
        """Where the store is for somebody."""
        return self.address.replace("postgres@", f"{name}_of_{self.name}@")

    def connect(self, name):
        """Open a plain connection as somebody."""
        return psycopg.connect(self.address_of(name), autocommit=True)

    def open(self, name):
        """Open an engine as somebody."""
        return Engine(Server(self.address_of(name), self.key), world())

    def refuses(self, name, statement):
        """Whether the server refuses a statement to a login for want of a right."""
        with self.connect(name) as connection:
            try:
                connection.execute(statement)
            except REFUSED:
                return True
        return False

    def close(self):
        """Drop the database, and the roles of its own."""
        self.server.drop(self.address)
        with self.server.connect() as administrator:
            for login in self.logins:
                administrator.execute(f"DROP ROLE {login}")
