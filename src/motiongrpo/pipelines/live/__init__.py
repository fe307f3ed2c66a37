"""Poses from a socket → bodies in the viewer, and back to the sender."""

from .pipeline import create_pipeline as create_pipeline
