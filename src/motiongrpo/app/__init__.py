"""What stands around the pipelines: the commands in words, all parameters, refusals before a run."""
