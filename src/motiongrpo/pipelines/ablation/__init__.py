"""Pretrained denoiser and reward model → every cell of the ablation → table, figures, verdict."""

from .pipeline import create_pipeline as create_pipeline
