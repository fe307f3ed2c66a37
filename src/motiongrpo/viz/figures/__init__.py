"""Figures: curves, intervals, stick figures, and the palette they share."""
