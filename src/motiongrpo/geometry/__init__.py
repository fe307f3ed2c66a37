"""Rotations, rigid transforms, headings and alignment in the project's conventions, computed by `roma`."""
