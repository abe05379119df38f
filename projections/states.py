"""In which state each generation is (ADR 0021).

Of what is written inline it stands in ``generations``, which every write reads; a follower's stands
with its checkpoint. Functions work on the caller's connection.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, and_, bindparam, delete, insert, select, update

from projections.generations import READ, WRITTEN, Generation, Written
from projections.prepared import Prepared
from projections.registry import Registry
from projections.tables import checkpoints, generations


class State(NamedTuple):
    """A generation that has, or had, tables in this database."""

    read_model: str
    generation: int
    state: str


def list_states(connection: Connection) -> Sequence[State]:
    """Return the state of every generation, inline and following, by read model and number."""
    found = [State(*row) for table in _SELECT for row in connection.execute(_SELECT[table])]
    return sorted(found)


def states_of(connection: Connection, read_model: str) -> dict[int, str]:
    """Return the states of the generations of a read model by number."""
    return {
        each.generation: each.state for each in list_states(connection) if each[0] == read_model
    }


def live_number(states: dict[int, str]) -> int | None:
    """Return the generation that is read."""
    return next((number for number, state in states.items() if state == READ), None)


def begin_state(
    connection: Connection, registry: Registry, generation: Generation, state: str
) -> None:
    """Give a generation its first state; a follower begins before the first event."""
    row: dict[str, object] = {"read_model": generation.read_model, "generation": generation.number}
    follows = registry.follows(generation.read_model)
    table = checkpoints if follows else generations
    if follows:
        row |= {"position": 0, "moved_at": 0}
    connection.execute(insert(table).values(**row, state=state))


def set_state(
    connection: Connection, registry: Registry, read_model: str, number: int, state: str
) -> None:
    """Change the state of a generation."""
    table = checkpoints if registry.follows(read_model) else generations
    bound = {"b_read_model": read_model, "b_generation": number, "b_state": state}
    connection.execute(_UPDATE[table], bound)


def end_state(connection: Connection, registry: Registry, generation: Generation) -> None:
    """Forget a generation."""
    table = checkpoints if registry.follows(generation.read_model) else generations
    bound = {"b_read_model": generation.read_model, "b_generation": generation.number}
    connection.execute(_DELETE[table], bound)


def written_followers(connection: Connection, registry: Registry) -> Sequence[Written]:
    """Return the live generation of each followed read model, and those that move with it.

    What this code does not know is left out: another release builds it, and is asked to wait while
    this process lives.
    """
    return [
        Written(registry.every[read_model, number], state)
        for read_model, number, state in _FOLLOWERS.rows(connection)
        if state in WRITTEN and (read_model, number) in registry.every
    ]


def _selected(table: Table) -> Select[Any]:
    return select(table.c.read_model, table.c.generation, table.c.state)


_SELECT = {table: _selected(table) for table in (generations, checkpoints)}
_FOLLOWERS = Prepared(
    _SELECT[checkpoints].order_by(checkpoints.c.read_model, checkpoints.c.generation)
)
_OWN = {
    table: and_(
        table.c.read_model == bindparam("b_read_model"),
        table.c.generation == bindparam("b_generation"),
    )
    for table in (generations, checkpoints)
}
_UPDATE = {
    table: update(table).where(own).values(state=bindparam("b_state"))
    for table, own in _OWN.items()
}
_DELETE = {table: delete(table).where(own) for table, own in _OWN.items()}
