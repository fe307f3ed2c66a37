"""Logs, scores and motion → figures and one page."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
