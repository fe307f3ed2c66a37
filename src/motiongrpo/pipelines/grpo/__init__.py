"""Pretrained denoiser and reward model → post-trained policy."""

from .pipeline import create_pipeline as create_pipeline
