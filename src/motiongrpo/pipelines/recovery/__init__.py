"""A headset's recording → a moving body, in the formats of other tools, and a report."""

from .pipeline import create_pipeline as create_pipeline
