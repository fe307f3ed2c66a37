"""The description of a metric: its unit, direction and definition."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """The unit, the better direction and the definition of one metric."""

    unit: str
    better: Literal["lower", "higher", "none"]
    definition: str  # one sentence
    undefined: str = ""  # where the value of a window is NaN, in words; empty if it never may be
    weight: str = ""  # the metric that weighs windows in a mean; empty if all weigh the same
    in_print: bool = False  # there to compare with published tables; what it says is judged by another


NO_CONTACT = "no foot is in contact in the truth"
STILL_TRUTH = "nothing moves in the truth"
