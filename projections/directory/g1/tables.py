"""Tables of the directory, generation 1.

``document`` is the rendered SCIM document without ``meta``; ``meta`` the rendered ``meta`` without
its ``location`` and closing brace: a read puts the bytes together and builds no model. ``keys``
is the same document with every string replaced by its comparison key and every boolean by the
string ``true`` or ``false``: what a filter on any attribute without a column of its own compares,
on every engine, without SQL's idea of case (ADR 0004). Indexes end with ``id``: pages are in the
order of ids, and an index that does not say so loses to the primary key in the planner's eyes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from projections.engines.types import Identifier, Key, Keys

metadata = MetaData()

users = Table(
    "users_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("id", Identifier, nullable=False),
    Column("user_name_key", Key, nullable=False),
    Column("external_id_key", Key),
    Column("display_name_key", Key),
    Column("active", Boolean),
    Column("created", BigInteger, nullable=False),
    Column("last_modified", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("display", Text),
    Column("keys", Keys, nullable=False),
    Column("document", Text, nullable=False),
    Column("meta", Text, nullable=False),
    PrimaryKeyConstraint("realm", "id", name="users_g1_pk"),
    Index("users_g1_user_name", "realm", "user_name_key", "id"),
    Index("users_g1_external_id", "realm", "external_id_key", "id"),
    Index("users_g1_display_name", "realm", "display_name_key", "id"),
    Index("users_g1_last_modified", "realm", "last_modified"),
)

user_emails = Table(
    "user_emails_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("value_key", Key, nullable=False),
    Column("user_id", Identifier, nullable=False),
    Column("place", Integer, nullable=False),
    PrimaryKeyConstraint("realm", "user_id", "place", name="user_emails_g1_pk"),
    Index("user_emails_g1_value", "realm", "value_key", "user_id"),
)

groups = Table(
    "groups_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("id", Identifier, nullable=False),
    Column("external_id_key", Key),
    Column("display_name_key", Key, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("last_modified", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("display", Text, nullable=False),
    Column("keys", Keys, nullable=False),
    Column("document", Text, nullable=False),
    Column("meta", Text, nullable=False),
    PrimaryKeyConstraint("realm", "id", name="groups_g1_pk"),
    Index("groups_g1_external_id", "realm", "external_id_key", "id"),
    Index("groups_g1_display_name", "realm", "display_name_key", "id"),
    Index("groups_g1_last_modified", "realm", "last_modified"),
)
