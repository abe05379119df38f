"""The database side: the log and what must stand beside it, and the read models.

Durable (written by Alembic revisions, never rebuilt): events, stream heads, claims, members,
realms, clients, credentials, generations. Disposable (created by their generation, refilled from
the log): everything under :mod:`projections.directory`.
"""
