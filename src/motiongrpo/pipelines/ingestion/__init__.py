"""Raw motion → store, report and windows."""

from .pipeline import create_pipeline as create_pipeline
