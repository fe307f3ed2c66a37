"""Sources of motion: motion capture files, AMASS, RICH, EgoAllo's preprocessed AMASS, and synthesis."""
