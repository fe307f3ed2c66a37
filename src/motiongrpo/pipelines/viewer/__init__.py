"""Held-out motion and samples of the models → a viewer in the browser."""

from .pipeline import create_pipeline as create_pipeline
