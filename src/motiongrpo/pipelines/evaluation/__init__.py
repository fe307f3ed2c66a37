"""Checkpoints without a score → scores → comparison."""

from .pipeline import create_pipeline as create_pipeline
