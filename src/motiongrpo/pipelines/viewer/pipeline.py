from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .nodes import draw_recordings, open_viewer


def create_pipeline(**kwargs: object) -> Pipeline:
    """Held-out head paths → `recordings` of truth and samples → the viewer, until it is closed."""
    return stage(
        "viewer",
        [
            Node(
                draw_recordings,
                inputs={
                    "motions": "motions",
                    "windows": "windows",
                    "body": "body_model",
                    "pretrained": "pretrained_denoiser",
                    "policy": "policy_if_any",
                    "config": "params:viewer",
                    "evaluation": "params:evaluation",
                    "window": "params:windows",
                },
                outputs="recordings",
                name="draw_recordings",
            ),
            Node(
                open_viewer,
                inputs=["recordings", "params:body", "params:gender", "params:viewer"],
                outputs=None,
                name="open_viewer",
            ),
        ],
    )
