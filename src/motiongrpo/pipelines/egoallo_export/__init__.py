"""Denoisers of a run → folders that EgoAllo's own code can load."""

from .pipeline import create_pipeline as create_pipeline
