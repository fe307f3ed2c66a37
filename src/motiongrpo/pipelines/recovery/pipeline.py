from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import assemble_bodies, draw_motions, read_head_paths


def create_pipeline(**kwargs: object) -> Pipeline:
    """A headset's file → `head_paths` → `recovery_parts`, by chunks → `recovered_bodies` with reports."""
    models = {
        "pretrained": "pretrained_denoiser_if_any",
        "policy": "policy_if_any",
        "config": "params:recovery",
    }
    return stage(
        "recovery",
        [
            node(
                read_head_paths,
                ["head_paths", "recovery_inputs", "recovery_sources"],
                sources_so_far="recovery_sources_so_far",
                **models,
            ),
            node(
                draw_motions,
                "recovery_parts",
                inputs="recovery_inputs",
                parts_so_far="recovery_parts_so_far",
                calibration="band_calibration_if_any",
                **models,
            ),
            node(
                assemble_bodies,
                "recovered_bodies",
                inputs="recovery_inputs",
                parts="recovery_parts",
                calibration="band_calibration_if_any",
                bands="params:bands",
                body_path="params:body",
                gender="params:gender",
                **models,
            ),
        ],
    )
