"""The one exception a user should ever meet."""


class InputError(ValueError):
    """What was given cannot be used. The message is one sentence: what, where, the value, the remedy."""
