"""Column types whose spelling depends on the engine.

Text that is compared or sorted stands in the order of code points on every engine, whatever the
locale of a PostgreSQL database: comparison keys have one order (ADR 0004).
"""

from sqlalchemy import JSON, BigInteger, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB

Identifier = String(36).with_variant(String(36, collation="C"), "postgresql")
Key = Text().with_variant(Text(collation="C"), "postgresql")
"""A comparison key, or a name that is one."""
Keys = JSON().with_variant(JSONB(), "postgresql")
"""A JSON object of comparison keys."""
Position = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts positions only in a column it knows as INTEGER PRIMARY KEY."""
