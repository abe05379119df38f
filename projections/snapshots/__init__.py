"""Snapshots: long streams as they stood at every so many events (ADR 0023).

A read model like any other: built behind the log, thrown away and filled again at will. Nobody's
decision depends on one being there, and none is believed that does not fit the log and this code.
"""

INTERVAL = 100
"""Events of a stream between two snapshots: what is folded at most on top of one."""
