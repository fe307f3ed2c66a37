"""Experiments: the ablation and the diversity study, their cells, trainings, scores and tables."""
