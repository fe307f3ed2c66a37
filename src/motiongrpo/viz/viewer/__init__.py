"""The viewer: recordings in a browser, with a scrub bar."""
