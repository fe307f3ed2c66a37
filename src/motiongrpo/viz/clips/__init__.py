"""Clips: held-out windows that play, as MP4 and GIF."""
