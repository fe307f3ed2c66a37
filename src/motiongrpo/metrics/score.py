"""All metrics of one sample at once, and the definition of each, for tables and reports."""

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.metrics.amplitude import amplitude_ratio, limb_speed_m_s
from motiongrpo.metrics.contact import (
    contact_f1,
    floating_share,
    foot_sliding_mm_s,
    penetration_mm,
    penetration_share,
)
from motiongrpo.metrics.in_print import IN_PRINT, score_in_print
from motiongrpo.metrics.metric import NO_CONTACT, STILL_TRUTH, Metric
from motiongrpo.metrics.motion import BodyMotion
from motiongrpo.metrics.pose import (
    head_position_mm,
    head_rotation_deg,
    mpjpe_mm,
    mpjre_deg,
    mpjve_mm_s,
    pa_mpjpe_mm,
)
from motiongrpo.metrics.smoothness import jitter_m_s3, jitter_ratio

METRICS: dict[str, Metric] = {
    "mpjpe_mm": Metric("mm", "lower", "Mean distance of the 22 body joints in the world, without alignment."),
    "pa_mpjpe_mm": Metric(
        "mm",
        "lower",
        "Mean distance of joints after each predicted frame is rotated, scaled and shifted onto the truth.",
    ),
    "mpjre_deg": Metric(
        "°",
        "lower",
        "Mean geodesic angle between the local rotations of the 22 joints, the root's being in the world.",
    ),
    "mpjve_mm_s": Metric("mm/s", "lower", "Mean norm of the difference of joint velocities."),
    "jitter_m_s3": Metric(
        "m/s³",
        "none",
        "Mean norm of the third derivative of joint positions; as much as a person has is best.",
    ),
    "true_jitter_m_s3": Metric("m/s³", "none", "The jitter of the truth."),
    "jitter_ratio": Metric(
        unit="",
        better="none",
        definition="Jitter over the jitter of the truth, 1 being best; its mean is a ratio of means.",
        undefined=STILL_TRUTH,
        weight="true_jitter_m_s3",  # a plain mean of ratios is dominated by windows that hardly move
    ),
    "true_limb_speed_m_s": Metric(
        "m/s", "none", "The mean speed of the truth's wrists and toe joints, as the pelvis sees them."
    ),
    "amplitude_ratio": Metric(
        unit="",
        better="none",
        definition="Limb speed over that of the truth, 1 being as lively and 0 a statue; a ratio of means.",
        undefined=STILL_TRUTH,
        weight="true_limb_speed_m_s",
    ),
    "foot_sliding_mm_s": Metric(
        "mm/s",
        "lower",
        "Mean horizontal speed of ankles and toe joints while they truly are in contact.",
        NO_CONTACT,
    ),
    "penetration_mm": Metric(
        "mm", "lower", "Mean depth of the deepest sole point below the floor, zero where it is above."
    ),
    "penetration_share": Metric(
        "", "lower", "Share of frames with a sole point more than 1 cm below the floor."
    ),
    "floating_share": Metric(
        "", "lower", "Share of frames with all soles more than 4 cm high while a foot truly is in contact."
    ),
    "head_position_mm": Metric(
        "mm",
        "lower",
        "Distance of the central pupil frame from the given one; a check, zero by construction.",
    ),
    "head_rotation_deg": Metric(
        "°", "lower", "Angle of the central pupil frame to the given one; a check, zero by construction."
    ),
    "contact_f1": Metric(
        "", "higher", "F1 of the predicted contact labels of ankles and toe joints.", NO_CONTACT
    ),
    "best_of_k_mpjpe_mm": Metric("mm", "lower", "The smallest MPJPE among the samples of a window."),
    "pairwise_diversity_mm": Metric("mm", "none", "Mean distance of joints between two samples of a window."),
    **IN_PRINT,
}
"""Every metric in the order of a table: textbook definitions first, then those of papers.

`score` gives all except `best_of_k_mpjpe_mm` and `pairwise_diversity_mm`, which need several samples.
"""


def score(guess: BodyMotion, truth: BodyMotion, mask: FrameMask, fps: float) -> dict[str, PerSequence]:
    """Every metric of one sample of each window; a window needs four consecutive real frames."""
    joints, true_joints = guess.p_world_joint, truth.p_world_joint
    heads = guess.T_world_cpf, truth.T_world_cpf
    return {
        "mpjpe_mm": mpjpe_mm(joints, true_joints, mask),
        "pa_mpjpe_mm": pa_mpjpe_mm(joints, true_joints, mask),
        "mpjre_deg": mpjre_deg(guess.R_parent_joint, truth.R_parent_joint, mask),
        "mpjve_mm_s": mpjve_mm_s(joints, true_joints, mask, fps),
        "jitter_m_s3": jitter_m_s3(joints, mask, fps),
        "true_jitter_m_s3": jitter_m_s3(true_joints, mask, fps),
        "jitter_ratio": jitter_ratio(joints, true_joints, mask, fps),
        "true_limb_speed_m_s": limb_speed_m_s(truth, mask, fps),
        "amplitude_ratio": amplitude_ratio(guess, truth, mask, fps),
        "foot_sliding_mm_s": foot_sliding_mm_s(joints, truth.contacts, mask, fps),
        "penetration_mm": penetration_mm(guess.p_world_sole, mask),
        "penetration_share": penetration_share(guess.p_world_sole, mask),
        "floating_share": floating_share(guess.p_world_sole, truth.contacts, mask),
        "head_position_mm": head_position_mm(*heads, mask),
        "head_rotation_deg": head_rotation_deg(*heads, mask),
        "contact_f1": contact_f1(guess.contacts, truth.contacts, mask),
        **score_in_print(guess, truth, mask, fps),
    }
