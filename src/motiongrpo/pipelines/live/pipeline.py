from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import recover_live


def create_pipeline(**kwargs: object) -> Pipeline:
    """The run's model and poses of a companion app → the viewer, until it is closed."""
    return stage(
        "live",
        [
            node(
                recover_live,
                None,
                pretrained="pretrained_denoiser_if_any",
                policy="policy_if_any",
                config="params:recovery",
                viewer="params:viewer",
                body_path="params:body",
                gender="params:gender",
            )
        ],
    )
