"""What kedro-viz shows of a dataset in its side panel."""

import pandas as pd
from kedro_datasets._typing import TablePreview


def table_preview(table: pd.DataFrame) -> TablePreview:
    """A table as the panel wants it: JSON knows no NaN, and no types of numpy."""
    whole = table.astype(object).where(table.notna(), None)
    return TablePreview({str(name): part for name, part in whole.to_dict(orient="split").items()})
