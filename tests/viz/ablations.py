"""Plan and scores of a small ablation, as on disk, with every number set by hand."""

from typing import Any

from motiongrpo.experiments.contrast import PairedScores
from motiongrpo.viz.experiments.ablation_results import Results, results_of

GRID = {"joint": 0, "joint_visual": 1, "joint_perlin": 0, "joint_visual_perlin": 1}  # with φ's reward or not
KINDS = dict.fromkeys((*GRID, "scope_sample", "scope_nested", "null_control"), "grpo") | {
    "pretrained": "pretrained",
    "supervised": "supervised",
    "longer": "grpo",
    "best_of_8": "best_of",
    "mean_of_8": "mean_of",
    "oracle_of_8": "oracle",
    "egoallo_sampler": "sampler",
    "constant_upright": "baseline",
}
PUBLISHED = {"joint": "joint", "joint_visual": "joint_visual", "joint_visual_perlin": "joint_visual_perlin"}
SEQUENCES = 30


def entry(cell: str, seed: int, updates: int) -> dict[str, Any]:
    kind = KINDS[cell]
    trained = kind in ("grpo", "supervised")
    return {
        "cell": cell,
        "seed": seed,
        "name": f"{cell}/seed_{seed}/abc",
        "kind": kind,
        "steps": updates if trained else 0,
        "network_evaluations": 1000 if trained else 0,
        "published": PUBLISHED.get(cell),
        "terms": ["position", "perceptual"] if GRID.get(cell, 1) else ["position"],
    }


def score(
    step: int, seed: int, mpjpe: float, penetration: float, paid: float, on_training_motion: bool
) -> dict[str, Any]:
    """The score of a cell on held-out motion; on training motion its MPJPE is half as large."""
    training = {"training": judged(seed, mpjpe / 2, penetration, paid)} if on_training_motion else {}
    return {"step": step} | judged(seed, mpjpe, penetration, paid) | training


def judged(seed: int, mpjpe: float, penetration: float, paid: float) -> dict[str, Any]:
    """Windows differ by up to a millimetre, alike in all cells; each seed adds a tenth to all values."""
    w = range(SEQUENCES)
    windows = {
        "sequence": list(w),
        "window": [1] * SEQUENCES,
        "subject": [f"s{i // 5}" for i in w],
        "mpjpe_mm": [mpjpe + i / SEQUENCES + seed / 10 for i in w],
        "mpjve_mm_s": [500.0 + i for i in w],
        "foot_sliding_mm_s": [None if i == 0 else 50.0 + i for i in w],
        "penetration_mm": [penetration + i / 100 for i in w],
        "contact_f1": [0.8 + i / 1000 for i in w],
        "jitter_m_s3": [50.0 + i for i in w],
    }
    rewards = {
        "position": [0.4 + paid + i / 100 for i in w],
        "perceptual": [1.1 + paid + i / 100 for i in w],
    }
    return {"windows": windows, "rewards": rewards}


def left_behind(
    changes: dict[str, float], seeds: int = 3, penetration: float = 0.0, paid: float = 0.1
) -> tuple[list[dict], dict[str, dict]]:
    """Plan and scores of cells whose MPJPE differs from the pretrained 100 mm by `changes`.

    A trained cell has checkpoints at updates 1 and 2, with half of its change at the first; `penetration` and
    `paid` are the final changes of every trained cell.
    """
    plan, scores = [], {}
    for seed in range(seeds):
        for cell, change in ({"pretrained": 0.0} | changes).items():
            about = entry(cell, seed, 2)
            plan.append(about)
            for step in (1, 2) if about["steps"] else (0,):
                share = step / 2
                mpjpe = 100 + (change * share if about["steps"] else change)
                trained = bool(about["steps"]) or cell == "pretrained"
                values = score(step, seed, mpjpe, 1.0 + penetration * share, paid * share, trained)
                scores[f"{about['name']}/step_{step:07d}"] = values
    return plan, scores


def results(changes: dict[str, float], **more: Any) -> Results:
    return results_of(*left_behind(changes, **more), seed=0, resamples=200)


def held_out(changes: dict[str, float]) -> PairedScores:
    return results(changes).held_out
