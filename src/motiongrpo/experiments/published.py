"""The ablation published in MotionGRPO's paper (arXiv:2605.05680): AMASS, no test-time optimisation.

Its data, body and definitions differ from ours, so relative gains are comparable and values are not. Only
MPJPE is published for every row. There is no row with noise but without the visual reward, no seed and no
interval.
"""

from typing import Literal

PublishedRow = Literal["joint", "joint_visual", "joint_visual_perlin"]

BASELINE = {
    "mpjpe_mm": 124.985,
    "egoallo_pa_mpjpe_mm": 103.958,
    "mpjve_mm_s": 553.221,
    "paper_mpjre_deg": 8.777,
    "paper_jitter_ratio": 2.394,
    "paper_penetration_m": 1.143,
    "egoallo_foot_skate_m": 1.290,
}
ROWS: dict[PublishedRow, dict[str, float]] = {
    "joint": {"mpjpe_mm": 117.418},
    "joint_visual": {"mpjpe_mm": 116.549},
    "joint_visual_perlin": {
        "mpjpe_mm": 114.207,
        "egoallo_pa_mpjpe_mm": 95.512,
        "mpjve_mm_s": 531.217,
        "paper_mpjre_deg": 8.413,
        "paper_jitter_ratio": 2.000,
        "paper_penetration_m": 0.901,
        "egoallo_foot_skate_m": 1.169,
    },
}


def published_change_percent(row: PublishedRow | None, metric: str) -> float | None:
    """The change of a metric from the paper's own baseline, in per cent; None where it is not published."""
    if row is None or metric not in ROWS[row]:
        return None
    return 100 * (ROWS[row][metric] - BASELINE[metric]) / BASELINE[metric]
