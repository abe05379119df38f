"""The provisioning journal: one row a request, refused ones included.

It is no truth and no read model: nothing is decided by it, and what it holds cannot be had from the
events. A request appends to a deque in memory; a thread writes what stands there, so that a read
never becomes a write. A kill loses what was not written yet, an outage what the deque cannot hold.

- :mod:`~projections.journal.entries`: what is kept of a request
- :mod:`~projections.journal.buffer`: the deque and the thread behind it
- :mod:`~projections.journal.writing`: from entries to rows
- :mod:`~projections.journal.reading`: pages of rows, newest first
- :mod:`~projections.journal.retention`: what is too old goes
"""
