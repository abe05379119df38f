"""Handlers: one function a command. They decide, then record in one transaction."""
