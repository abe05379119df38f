"""Alembic's scripts for the durable tables (ADR 0009)."""
