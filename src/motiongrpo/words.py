"""Words of messages: a count with its noun."""


def counted(count: int, one: str, more: str | None = None) -> str:
    """`1 file`, `2 files`, or with the plural that is given."""
    return f"{count} {one if count == 1 else more or one + 's'}"
