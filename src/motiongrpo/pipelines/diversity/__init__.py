"""A checkpoint → the effects of noise, sampler and latent on its groups and gradients."""

from .pipeline import create_pipeline as create_pipeline
