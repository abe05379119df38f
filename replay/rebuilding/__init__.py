"""Rebuilding a read model beside live writes: fill, verify in shadow, switch (ADR 0021)."""
