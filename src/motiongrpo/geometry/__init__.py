"""Rotations, rigid transforms and headings: thin names over `roma`, in the project's conventions."""
