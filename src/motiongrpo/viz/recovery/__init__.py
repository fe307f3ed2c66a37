"""The deliverables of a recovery: a report that opens offline, and the record of all its files."""
