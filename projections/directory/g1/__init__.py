"""Generation 1 of the directory: users, their e-mail addresses, and groups."""

from sqlalchemy import MetaData

from projections.directory import READ_MODEL
from projections.directory.g1 import filters, projection, queries, stretches, tables


class DirectoryG1:
    """The declaration; implements :class:`projections.directory.DirectoryGeneration`."""

    read_model: str = READ_MODEL
    number: int = 1
    metadata: MetaData = tables.metadata

    project = staticmethod(projection.project)
    get = staticmethod(queries.get)
    asked = staticmethod(queries.asked)
    look_up = staticmethod(queries.look_up)
    folded = staticmethod(projection.folded)
    find = staticmethod(queries.find)
    asks_memberships = staticmethod(filters.asks_memberships)
    matching = staticmethod(stretches.matching)
    members_of = staticmethod(queries.members_of)
    groups_of = staticmethod(queries.groups_of)
    count_up_to = staticmethod(queries.count_up_to)
    shares_external_id = staticmethod(queries.shares_external_id)
