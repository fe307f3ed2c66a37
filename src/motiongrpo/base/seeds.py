"""Randomness by address: every draw names its purpose, so a resumed run needs no generator state."""

import hashlib

import torch


def seed_for(seed: int, *address: str | int) -> int:
    """A 63-bit seed that depends on every part of the address and is equal on every platform."""
    digest = hashlib.sha256(repr((seed, *address)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator_for(seed: int, *address: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator for one purpose, such as ("pretraining", "batch", step)."""
    return torch.Generator(device).manual_seed(seed_for(seed, *address))
