"""A store on PostgreSQL: its tables, views, roles and locks."""
