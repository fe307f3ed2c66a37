"""Checkpoints without a score → scores → comparison."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
