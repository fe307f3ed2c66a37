"""Trainings: their inputs, how they resume after a stop, and GRPO from stored artefacts."""
