"""Between the library and Kedro: nodes restore, call and hand back. No mathematics here."""
