"""Pretrained denoiser and reward model → post-trained policy."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
