"""Motion → pretrained denoiser."""

from .pipeline import create_pipeline as create_pipeline
