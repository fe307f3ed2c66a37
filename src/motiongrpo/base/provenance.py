"""What a result was made from, and how: only results with equal provenance are compared or resumed."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from motiongrpo.base.checkpoint import digest_of
from motiongrpo.base.words import differences


@dataclass(frozen=True)
class Provenance:
    """Everything that decides a result.

    A store, a training, a score or a cell of a study is current if its provenance equals the one that it
    would have if it were made now; otherwise `changes` lists the differences.
    """

    subject: str  # what was made, such as `grpo`; the prefix of dotted parameter names
    parameters: dict[str, Any]  # nested, as in JSON
    inputs: dict[str, Any]  # digests by the name of the input
    version: int = 1  # of the code; raised when equal parameters and inputs give another result

    @cached_property
    def digest(self) -> str:
        """Identifies the provenance: equal for equal ones."""
        return digest_of(asdict(self))

    def record(self) -> dict[str, Any]:
        """The provenance as JSON keeps it beside a result."""
        return asdict(self)

    def changes(self, before: "Provenance | dict[str, Any] | None") -> list[str]:
        """A phrase for each difference from an earlier provenance, or from the record of one."""
        if isinstance(before, dict) and before.keys() == self.record().keys():
            before = Provenance(**before)
        if not isinstance(before, Provenance):
            return ["it does not say how it was made"]
        changed = differences(before.parameters, self.parameters, self.subject)
        changed += [
            f"other {name.replace('_', ' ')}"
            for name in sorted(before.inputs.keys() | self.inputs.keys())
            if before.inputs.get(name) != self.inputs.get(name)
        ]
        if before.version != self.version:
            changed.append(f"the code was version {before.version}, is {self.version}")
        return changed
