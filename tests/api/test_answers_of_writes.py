"""What a write is answered with: the user as that request left it, and nothing that never was."""

from typing import Any

import pytest

from domain.commands import PatchUser
from domain.handlers.users import patch_user
from domain.patching import AttributeOperation
from domain.refusals import VersionConflict
from projections.transaction import SqlTransaction
from tests.api.journaled import journaled_on
from tests.engines import Engine

TITLE = [{"op": "replace", "path": "title", "value": "x"}]


def test_an_attempt_that_did_not_come_through_is_not_what_is_answered(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the loop, then in a thread, others get in the way; then they have written the same."""
    with journaled_on(engine) as journaled:
        user = journaled.send("POST", "/Users", body={"userName": "ann"}).json()["id"]
        real, conflicts, written = SqlTransaction.commit, [1, 2], list[str]()

        def commit(work: SqlTransaction) -> None:
            if work._last is not None and conflicts:
                conflicts.pop()
                work._last(work._connection, {user})
                raise VersionConflict("others got in the way")
            real(work)

        def meanwhile(_seconds: float) -> None:
            operation = AttributeOperation("replace", "title", "x")
            command = PatchUser(journaled.house.cause(), user, [operation])
            written.append(patch_user(command, journaled.house.log).id)

        monkeypatch.setattr(SqlTransaction, "commit", commit)
        monkeypatch.setattr("projections.log.time.sleep", meanwhile)
        answer = journaled.send("PATCH", f"/Users/{user}", body={"Operations": TITLE})
        assert written == [user], "the fault did not fire"
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        assert body["title"] == "x"
        assert body == journaled.send("GET", f"/Users/{user}").json()
