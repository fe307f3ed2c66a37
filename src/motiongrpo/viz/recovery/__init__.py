"""What a recovery is handed over as: a report that opens offline, and the record of all its files."""
