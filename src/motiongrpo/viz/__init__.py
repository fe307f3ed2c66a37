"""Figures and the report: what a run did, to be looked at. Tables and bodies in, figures and pages out."""
