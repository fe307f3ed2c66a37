"""Text for messages and names of columns: counts, escaped foreign text, differences, flattened records."""

import re
from typing import Any

ADDRESS = re.compile(r" at 0x[0-9a-f]+")
BLANKS = re.compile(r"[ \t\r\n]+")  # other white space of str.split is shown


def counted(count: int, one: str, more: str | None = None) -> str:
    """`1 file`, `2 files`, or with a given plural."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def escaped(text: str) -> str:
    """Text that is safe to print: control characters and invisible ones are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(text: str, most: int = 60) -> str:
    """Foreign text as a message shows it: on one line, escaped, at most `most` characters.

    Memory addresses, which Python prints for some objects and which vary from run to run, are left out.
    """
    start = escaped(BLANKS.sub(" ", ADDRESS.sub("", text[: 4 * most])).strip(" "))
    return start if max(len(start), len(text) - 3 * most) <= most else start[: most - 1] + "…"


def failure(error: Exception) -> str:
    """The type and text of an unforeseen error, not yet escaped."""
    kind = type(error).__name__
    return f"{kind}: {error}" if str(error) else kind


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str) -> list[str]:
    """A phrase for each value of nested mappings that changed, by its dotted name."""
    phrases = []
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(now, dict):
            phrases += differences(before, now, f"{prefix}.{name}")
        elif before != now:
            phrases.append(f"{prefix}.{name} was {before}, is {now}")
    return phrases


def by_value(values: dict[str, str]) -> dict[str, list[str]]:
    """The names that share a value, by that value, so that each value is stated once."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return names


def flattened(record: dict[str, Any], separator: str) -> dict[str, Any]:
    """{"reward": {"position": 1}} → {"reward_position": 1}, at any depth."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        inner = flattened(value, separator) if isinstance(value, dict) and value else None
        flat |= {name: value} if inner is None else {f"{name}{separator}{k}": v for k, v in inner.items()}
    return flat
