"""What Rollbook promises about its speed, and whether this run saw it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from .growth import Growth
from .rounds import Contender, ratios
from .steps import STEPS

ADD_COST_LIMIT = 1.5

WANTED = (
    ("lookups", "lookup", 1.5),
    ("pages of 100", "list", 15.0),
    ("patches", "patch", 1.0),
    ("creates", "create", 0.8),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`got` is None when the run did not measure it."""

    target: str
    wanted: str
    got: float | None
    met: bool
    reason: str = ""

    @property
    def word(self) -> str:
        if self.got is None:
            return f"not measured: {self.reason}" if self.reason else "not measured"
        return "met" if self.met else "MISSED"


def verdict(
    target: str,
    got: float | None,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    reason: str = "",
) -> Verdict:
    """A ratio beside one bound; without a ratio the target is not met, for the reason given."""
    wanted = f">= {at_least:g}x" if at_least is not None else f"<= {at_most:g}x"
    met = (
        got is not None
        and (at_least is None or got >= at_least)
        and (at_most is None or got <= at_most)
    )
    return Verdict(target, wanted, got, met, reason)


def judge(contenders: Sequence[Contender], growth: Growth | None) -> list[Verdict]:
    """Ratios need both servers; the cost of an add needs Rollbook alone."""
    verdicts = []
    for target, workload, wanted in WANTED:
        got = None
        if len(contenders) > 1:
            steps = [step for step in STEPS if step.workload == workload]
            seen = ratios(contenders[0], contenders[1], steps)
            got = median(seen) if seen else None
        verdicts.append(Verdict(target, f">= {wanted:g}x", got, got is not None and got >= wanted))
    add = growth.add if growth is not None else None
    sizes = f"{add.sizes[1]:,} / at {add.sizes[0]:,}" if add is not None else "10,000 / at 100"
    got = add.ratio if add is not None else None
    met = got is not None and got <= ADD_COST_LIMIT
    verdicts.append(Verdict(f"adding one member at {sizes}", f"<= {ADD_COST_LIMIT}x", got, met))
    return verdicts
