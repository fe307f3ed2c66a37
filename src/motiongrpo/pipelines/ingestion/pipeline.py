from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import ingest_motions, list_verdicts, make_windows


def create_pipeline(**kwargs: object) -> Pipeline:
    """Raw motion → `motions`, `ingestion_report`, `ingestion_summary`, `windows`."""
    made = [
        node(
            ingest_motions,
            "motions",
            raw="raw_motions",
            model="body_model",
            conversion="gender_conversion",
            progress="ingestion_progress",
            known="raw_contents",
            config="params:ingestion",
        ),
        node(make_windows, "windows", config="params:ingestion"),
    ]
    # Kedro runs independent nodes in order of name, so verdicts are listed before windows are made.
    verdicts = node(list_verdicts, ["ingestion_report", "ingestion_summary"])
    return stage("ingestion", made) + stage("ingestion", [verdicts], tags="report")
