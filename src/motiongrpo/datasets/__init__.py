"""Kedro datasets: the seam between the library and the disk."""
