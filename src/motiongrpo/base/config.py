"""The base of every parameter record.

A node argument annotated with a subclass is built and validated by Kedro before any node runs. Subclasses
hold bounds and no defaults: values are in the YAML files alone.
"""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


def nearest(name: str, valid: list[str]) -> str:
    """A hint towards the valid name closest to `name`, or the list of all of them."""
    close = get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"valid names are {', '.join(sorted(valid))}"


class Config(BaseModel):
    """Frozen parameters; a name that is not a field is refused, with the nearest valid one."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown_names(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name in values:
                if name not in cls.model_fields:
                    hint = nearest(str(name), list(cls.model_fields))
                    raise ValueError(f"'{name}' is not a parameter of {cls.__name__}; {hint}")
        return values
