"""Poses from a socket → bodies in the viewer, and back to whoever sent them."""

from .pipeline import create_pipeline as create_pipeline
