"""Where motion comes from: motion capture files, AMASS, RICH, EgoAllo's preprocessed AMASS, and synthesis."""
