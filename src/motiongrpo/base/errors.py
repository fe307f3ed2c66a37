"""The exception for every error that a user can cause, and its subclass that ends a training."""


class InputError(ValueError):
    """An input cannot be used. The message is one sentence: what, where, the value, the remedy."""


class Diverged(InputError):
    """A training cannot continue. The code that keeps its checkpoints adds the step, and what remains."""
