"""Post-training: sampling as a Markov decision process, improved by group relative policy optimisation."""
