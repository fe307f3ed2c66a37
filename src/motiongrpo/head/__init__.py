"""A headset's path: read from any format, checked, repaired with a record, and put over its floor."""
