"""SCIM over HTTP: translation only.

What a client sends becomes a command; what the read model holds becomes bytes. Authentication,
the dialects of clients, representation, the composition root and the command line live here.
"""
