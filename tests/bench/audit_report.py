"""What an auditor's questions cost, in words and ratios; each row with its conditions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from .audit_following import RATE, REALMS, Lag, loss_of
from .audit_pages import Pages
from .audit_reading import Exports, Listing
from .audit_states import States
from .rounds import Contender
from .targets import Verdict, verdict


@dataclass(slots=True)
class Audit:
    """What was measured; what was not is missing."""

    pages: list[Pages] = field(default_factory=list)
    """Of the small log and of the large one."""
    states: States | None = None
    listings: list[Listing] = field(default_factory=list)
    exports: Exports | None = None
    lag: Lag | None = None
    pair: list[Contender] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        found = [text for each in (self.states, self.lag) if each for text in each.failures]
        return found + [text for contender in self.pair for text in contender.failures]


def audit_verdicts(measured: Audit) -> Iterator[Verdict]:
    yield from _of_pages(measured.pages)
    if measured.states is not None:
        many = f"{measured.states.members:,} members"
        (user, plain), (members, group) = measured.states.user, measured.states.group
        yield verdict("a user at an instant / GET", user / plain, at_most=4.0)
        yield verdict(f"{many} at an instant / GET", members / group, at_most=5.0)
    for row in measured.listings:
        what = f"directory then, {row.touched:.0%} changed since"
        yield verdict(f"{what} / raw log", row.ratio, at_least=0.5)
    if measured.exports is not None:
        yield from _of_exports(measured.exports)
    if measured.lag is not None:
        keeps_up = 1.0 if measured.lag.left == 0 else 0.0
        yield verdict("followers have caught up a second later", keeps_up, at_least=1.0)
    if measured.pair:
        yield verdict("PATCH with followers / without", loss_of(measured.pair), at_least=0.9)


def _of_pages(pages: list[Pages]) -> Iterator[Verdict]:
    if not pages:
        return
    small, large = pages[0], pages[-1]
    worst = max(row.ratio for row in large.rows if row.whole)
    yield verdict(f"audit page of 100 at {large.events:,} / bare SQL", worst, at_most=3.0)
    before = {row.conditions: row.page for row in small.rows if row.whole}
    grown = max(row.page / before[row.conditions] for row in large.rows if row.conditions in before)
    sizes = f"{large.events:,} / at {small.events:,}"
    yield verdict(f"audit page at {sizes}", grown, at_most=1.2)


def _of_exports(exports: Exports) -> Iterator[Verdict]:
    for form, seconds in exports.taken.items():
        yield verdict(f"export as {form} / raw log", exports.raw / seconds, at_least=0.5)
    small, large = exports.memory.values()
    counts = " / ".join(f"{count:,}" for count in reversed(exports.memory))
    yield verdict(f"memory of an export, {counts}", large / small, at_most=1.2)


def audit_lines(measured: Audit) -> Iterator[str]:
    """SQLite, `synchronous=FULL`; ratios are of times taken in turn."""
    for pages in measured.pages:
        yield f"page of 100 as bytes, in process, {pages.events:,} events: ms, bare SQL ms, ratio"
        for row in pages.rows:
            yield f"  {row.conditions:<40}{row.page:>8.2f}{row.bare:>8.2f}{row.ratio:>7.2f}x"
    if measured.states is not None:
        (user, plain), (members, group) = measured.states.user, measured.states.group
        yield f"over HTTP, half-way through the log: a user {user:.2f} ms, GET {plain:.2f} ms;"
        yield f"  members of {measured.states.members:,} {members:.1f} ms, GET {group:.1f} ms"
    for listing in measured.listings:
        yield f"directory at {listing.share:.0%} of the log, {listing.touched:.0%} changed since:"
        seconds = f"{listing.directory:.1f} s, raw log {listing.raw:.1f} s"
        yield f"  {seconds}; {listing.found:,} of {listing.users:,} users found"
    if measured.exports is not None:
        exports = measured.exports
        taken = ", ".join(f"{form} {seconds:.1f} s" for form, seconds in exports.taken.items())
        yield f"export of {exports.events:,} events: {taken}, raw log {exports.raw:.1f} s"
        memory = ", ".join(f"{count:,}: {mib:.0f} MiB" for count, mib in exports.memory.items())
        yield f"memory of an export by events: {memory}"
        listed = ", ".join(f"{count:,}: {mib:.0f} MiB" for count, mib in exports.listed.items())
        yield f"memory of the directory then by events: {listed}"
    if measured.lag is not None:
        lag = measured.lag
        yield f"{RATE} PATCHes a second on each of {len(REALMS)} realms, {lag.seconds:g} s:"
        yield f"  {lag.writes} of {lag.wanted} answered; events the followers are behind:"
        most = max(lag.samples)
        yield f"  {median(lag.samples):g} (median), {most} at most, {lag.left} a second later"
