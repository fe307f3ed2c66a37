from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import draw_recordings, open_viewer


def create_pipeline(**kwargs: object) -> Pipeline:
    """Held-out head paths → `recordings` of truth and samples → the viewer, until it is closed."""
    return stage(
        "viewer",
        [
            node(
                draw_recordings,
                "recordings",
                policy="policy_if_any",
                config="params:viewer",
                evaluation="params:evaluation",
            ),
            node(open_viewer, None, body="params:body", gender="params:gender", config="params:viewer"),
        ],
    )
