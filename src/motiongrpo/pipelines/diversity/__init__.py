"""A checkpoint → what noise, sampler and latent do to its groups and gradients."""

from .pipeline import create_pipeline as create_pipeline
