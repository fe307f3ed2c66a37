from kedro.pipeline import Node, Pipeline

from .nodes import ingest_motions, make_windows, report_ingestion


def create_pipeline(**kwargs: object) -> Pipeline:
    """Raw motion → `motions`, `ingestion_report`, `ingestion_summary`, `windows`."""
    return Pipeline(
        [
            Node(
                ingest_motions,
                inputs=[
                    "raw_motions",
                    "body_model",
                    "gender_conversion",
                    "ingestion_progress",
                    "params:ingestion",
                ],
                outputs="motions",
                name="ingest_motions",
            ),
            Node(
                report_ingestion,
                inputs="motions",
                outputs=["ingestion_report", "ingestion_summary"],
                name="report_ingestion",
                tags="report",
            ),
            Node(
                make_windows,
                inputs=["motions", "params:ingestion", "params:windows"],
                outputs="windows",
                name="make_windows",
            ),
        ]
    )
