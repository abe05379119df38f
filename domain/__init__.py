"""What is true, and why: aggregates, events, commands and their handlers.

Knows no HTTP and no SQL. The outside world appears only as the protocols of
:mod:`domain.ports`. Decisions: ADR 0001 (the house), ADR 0005 (aggregates and events).
"""
