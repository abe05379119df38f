"""Read models that may lag: built behind the log, a batch at a time (ADR 0013).

A follower is a generation like any other (tables, and a function from events to rows); what differs
is who calls it. Live writes call the inline ones; one leader a database calls these, and its
checkpoint commits with the rows, so that every event counts exactly once.
"""
