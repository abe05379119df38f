"""Copies of an embedded database: taken while others write, and put back (ADR 0013).

- :mod:`~projections.backup.taking`: ``rollbook backup``
- :mod:`~projections.backup.restoring`: ``rollbook restore``
- :mod:`~projections.backup.soundness`: what a copy must pass
- :mod:`~projections.backup.pages`: SQLite's own interface, which nothing else here uses
- :mod:`~projections.backup.new_file`: a file that is there whole, or not at all
"""


class NotCopied(Exception):
    """Nothing was backed up or restored, and nothing is left of the attempt.

    The message is one line: why, and what to do.
    """
