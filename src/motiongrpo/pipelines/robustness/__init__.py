"""The last checkpoints → their errors under faults of a head path."""

from .pipeline import create_pipeline as create_pipeline
