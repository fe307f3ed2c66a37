"""Trainings: what they are made from, how they go on after a stop, and GRPO from stored artefacts."""
