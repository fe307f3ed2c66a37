"""Motion of a body over time: sources, cleaning, the store, and the windows that training reads."""
