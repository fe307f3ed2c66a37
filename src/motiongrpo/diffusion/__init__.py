"""The prior: a diffusion model that turns a head trajectory into body motion (EgoAllo, arXiv:2410.03665)."""
