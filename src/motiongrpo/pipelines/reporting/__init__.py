"""Logs, scores and motion → figures and one page."""

from .pipeline import create_pipeline as create_pipeline
