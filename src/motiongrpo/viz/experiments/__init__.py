"""The ablation and the diversity study as tables, figures and sentences."""
