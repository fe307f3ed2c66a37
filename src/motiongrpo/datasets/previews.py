"""Previews of datasets in the side panel of kedro-viz."""

import base64
import json
from typing import Any

import pandas as pd
from kedro_datasets._typing import ImagePreview, JSONPreview, TablePreview


def json_preview(value: Any) -> JSONPreview:
    """Any JSON value, indented."""
    return JSONPreview(json.dumps(value, indent=2))


def table_preview(rows: pd.DataFrame | list[dict[str, Any]]) -> TablePreview:
    """A table as JSON for the panel: null for NaN, and plain numbers for numpy's."""
    table = pd.DataFrame(rows)
    whole = table.astype(object).where(table.notna(), None)
    return TablePreview({str(name): part for name, part in whole.to_dict(orient="split").items()})


def image_preview(data: bytes) -> ImagePreview:
    """A PNG or GIF, in base64."""
    return ImagePreview(base64.b64encode(data).decode("ascii"))
