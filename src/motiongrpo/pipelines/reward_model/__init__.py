"""Motion and samples of the denoiser → perceptual reward model."""

from .pipeline import create_pipeline as create_pipeline
