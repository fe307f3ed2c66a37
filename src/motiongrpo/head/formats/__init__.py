"""Head recordings in the formats that headsets and trackers write, each read into rows of one form."""
