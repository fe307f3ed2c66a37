"""The last checkpoints → what faults of a head path cost them."""

from .pipeline import create_pipeline as create_pipeline
