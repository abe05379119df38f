"""The database side: the log and what must stand beside it, and the read models.

Durable (written by Alembic revisions, never rebuilt): events, stream heads, claims, members,
realms, clients, credentials, guards, generations, fillings, processes, checkpoints, parked events,
the journal of requests. Disposable (created by their generation, rebuilt from the log): what is
written with every change (:mod:`projections.directory`, :mod:`projections.spans`) and what follows
the log (:mod:`projections.audit`, :mod:`projections.activity`, :mod:`projections.snapshots`).
"""
