from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .nodes import ingest_motions, list_verdicts, make_windows


def create_pipeline(**kwargs: object) -> Pipeline:
    """Raw motion → `motions`, `ingestion_report`, `ingestion_summary`, `windows`."""
    return stage(
        "ingestion",
        [
            Node(
                ingest_motions,
                inputs=[
                    "raw_motions",
                    "body_model",
                    "gender_conversion",
                    "ingestion_progress",
                    "raw_contents",
                    "params:ingestion",
                ],
                outputs="motions",
                name="ingest_motions",
            ),
            Node(
                list_verdicts,
                inputs="motions",
                outputs=["ingestion_report", "ingestion_summary"],
                name="list_verdicts",  # Kedro runs nodes that could run at once by name: before windows
                tags="report",
            ),
            Node(
                make_windows,
                inputs=["motions", "params:ingestion", "params:windows"],
                outputs="windows",
                name="make_windows",
            ),
        ],
    )
