"""What all other folders build on: parameter records, errors, random seeds, checkpoints, optimisation."""
