"""What went wrong, as the one line an operator reads: the fact, and what to do about it."""


class CannotListen(Exception):
    """The address to serve on is taken or is none of this machine's."""


def line_of(error: Exception) -> str | None:
    """Return the line for an error an operator can do something about, ``None`` for a defect."""
    text = _text_of(error)
    return None if text is None else " ".join(text.split())


def _text_of(error: Exception) -> str | None:
    from sqlalchemy.exc import DBAPIError

    from api.settings import BadSetting
    from domain.refusals import Refusal
    from projections.backup import NotCopied
    from projections.credentials import WrongKey
    from projections.database import Outage
    from projections.mapper import EventFromTheFuture
    from projections.migration import WrongSchema
    from replay.rebuilding.refusals import RebuildRefused

    text = str(error)
    match error:
        case Outage(__cause__=Exception() as cause, remedy=remedy):
            return f"the database is not available: {cause}; {remedy}"
        case WrongKey() if "ROLLBOOK_KEY_FILE" not in text:
            return f"{text}; put the right file in place, or name it by ROLLBOOK_KEY_FILE"
        case EventFromTheFuture():
            return f"{text}; run the release that wrote it"
        case Refusal() | BadSetting() | WrongKey() | WrongSchema() | CannotListen():
            return text
        case NotCopied() | RebuildRefused():
            return text
        case DBAPIError():
            return f"the database cannot be used: {error.orig}; check ROLLBOOK_DATABASE_URL"
        case OSError(strerror=reason, filename=str(path)):
            return f"cannot use {path}: {reason}; check that this user may write there"
        case _:
            return None
