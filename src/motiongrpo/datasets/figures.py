"""Figures of several panels in the catalog."""

import json

from kedro_datasets._typing import PlotlyPreview
from kedro_datasets.plotly import JSONDataset

from motiongrpo.viz.figures.panel_menu import one_at_a_time


class PanelsDataset(JSONDataset):
    """A plotly figure as JSON; kedro-viz, whose panel has room for one, shows its panels one at a time."""

    def preview(self) -> PlotlyPreview:
        return PlotlyPreview(json.loads(str(one_at_a_time(self.load()).to_json())))  # type: ignore[arg-type]
