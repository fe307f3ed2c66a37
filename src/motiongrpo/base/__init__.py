"""What everything else stands on: parameter records, errors, files that are whole, checkpoints, trainings."""
