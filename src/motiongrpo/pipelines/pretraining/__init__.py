"""Motion → pretrained denoiser."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
