"""The seam between the library and Kedro: nodes restore, call and return, without mathematics."""
