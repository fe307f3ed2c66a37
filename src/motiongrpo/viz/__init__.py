"""Figures, clips, the viewer and the report of a run. Tables and bodies in, figures and pages out."""
