"""The one exception a user should ever meet, and the kind of it that ends a training."""


class InputError(ValueError):
    """What was given cannot be used. The message is one sentence: what, where, the value, the remedy."""


class Diverged(InputError):
    """A training cannot go on from here. Whoever keeps its checkpoints adds the step, and what stays."""
