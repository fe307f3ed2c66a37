"""Around the pipelines: the commands in words, all parameters, and refusals before a run."""
