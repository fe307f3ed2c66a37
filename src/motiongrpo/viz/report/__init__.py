"""The report and the page of runs: one HTML file each, which opens offline."""
