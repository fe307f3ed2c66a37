"""Credit by branches, against theory: what a rotation can move, unbiasedness, and invariances."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.body.kinematics import pose_body, root_from_head, sole_positions
from motiongrpo.body.skeleton import BODY_JOINTS, FEET, Joint
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.policy.branch import (
    ROTATIONS,
    BranchCredit,
    CreditConfig,
    cotangent,
    derivative,
    influence,
    label_slope,
    moved_by,
    smooth_basis,
    turned_by,
    within,
)
from tests.bodies import open_body
from tests.rewards.test_hybrid import hybrid, samples

JOINT = ["rotation", "position", "aligned_position", "velocity"]
SCALES = {"position": 0.1, "contact": 0.1}
FAULTS = ["sliding", "penetration"]  # without contact labels, which do not depend on rotations


def credit_config(**changes) -> CreditConfig:
    values = {
        "kind": "branch",
        "pairs": 1,
        "sd_rad": 0.05,
        "sd_contact": 0.25,
        "frames": 0,
        "body": True,
        "perceptual_pairs": 1,
        "modes": 2,
        "null_control": False,
    }
    return CreditConfig.model_validate(values | changes)


def credit(terms: list[str] = JOINT, **changes) -> BranchCredit:
    reward = hybrid(terms=terms)
    return BranchCredit(reward, dict.fromkeys(terms, 0.1), credit_config(**changes))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_moves_a_joint_is_what_its_position_depends_on():
    """The mask is the sparsity pattern of the Jacobian of a body hung from its head."""
    body = open_body().shaped(torch.zeros(16, dtype=torch.float64))
    torch.manual_seed(0)
    R = matrix_from_rotation_vector(0.3 * torch.randn(ROTATIONS, 3, dtype=torch.float64))
    head = Transform(torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))

    def posed(v: torch.Tensor):
        turned = R @ matrix_from_rotation_vector(v)
        return pose_body(body, turned, root_from_head(body, turned, head))

    zero = torch.zeros(ROTATIONS, 3, dtype=torch.float64)
    p = torch.autograd.functional.jacobian(lambda v: posed(v).p_world_joint, zero)
    root = torch.autograd.functional.jacobian(lambda v: posed(v).R_world_joint[0], zero)
    moves = p.abs().amax(dim=(1, 3)) > 1e-9
    for joint in range(BODY_JOINTS):
        assert {b + 1 for b in range(ROTATIONS) if moves[joint, b]} == set(moved_by(joint)), Joint(joint).name
    turns = root.abs().amax(dim=(0, 1, 3)) > 1e-9
    assert {b + 1 for b in range(ROTATIONS) if turns[b]} == set(turned_by(Joint.PELVIS))
    assert turned_by(Joint.LEFT_KNEE) == {Joint.LEFT_KNEE}


def test_what_moves_a_sole_is_what_its_height_depends_on():
    body = open_body().shaped(torch.zeros(16, dtype=torch.float64))
    torch.manual_seed(0)
    R = matrix_from_rotation_vector(0.3 * torch.randn(ROTATIONS, 3, dtype=torch.float64))
    head = Transform(torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))

    def heights(v: torch.Tensor):
        turned = R @ matrix_from_rotation_vector(v)
        return sole_positions(body, pose_body(body, turned, root_from_head(body, turned, head)))[..., 2]

    zero = torch.zeros(ROTATIONS, 3, dtype=torch.float64)
    moves = torch.autograd.functional.jacobian(heights, zero).abs().amax(dim=-1) > 1e-9
    reach = influence("penetration", body=True)
    for joint in set(body.sole_joints):
        points = [point for point, owner in enumerate(body.sole_joints) if owner == joint]
        assert moves[points].any(dim=0).tolist() == (reach[:, joint] == 1).tolist(), joint.name


def test_a_turn_is_credited_with_every_fault_that_it_can_change():
    """One frame is rotated, and all changes due to it are credited to that frame and joint."""
    x, batch, placement = samples(1)
    in_the_floor = placement[:1, 0] - torch.tensor([0, 0, 0, 0, 0, 0, 0.1]).double()
    guess = PlacedMotion.sampled(x[:1, 0], in_the_floor, batch.mask[:1])
    for term in FAULTS:
        branches = credit([term], frames=1)
        true = branches.reward.true_motion(PlacedMotion.truth(batch.rows(torch.arange(1))), torch.tensor([0]))
        z = torch.zeros_like(guess.R_parent_joint[..., 0])
        z[:, 10, Joint.LEFT_HIP - 1] = 0.3
        plus, minus = (branches._errors(guess, true, sign * z) for sign in (1, -1))
        gathered = branches.credited(plus, minus, guess.mask)[0, 10, Joint.LEFT_HIP - 1]
        whole = 0.5 * (minus[term] - plus[term]).sum() / (0.1 * BODY_JOINTS * guess.mask.sum())
        assert abs(float(whole)) > 1e-9, term
        assert_close(gathered, whole, rtol=1e-6, atol=0)


def test_labels_are_credited_with_what_a_step_of_theirs_does_to_f1():
    """One label of four is at the threshold, the others are found: F1 is 2 · 3.5 / 7.5 where all are true.

    The slope of a missed contact is the density times (2 − F1) / (claims + facts); that of a false claim is
    negative, with F1 over that sum.
    """
    contacts, truth = torch.zeros(2, 1, 1, 21, dtype=torch.float64)
    feet = [joint - 1 for joint in FEET]
    contacts[..., feet], truth[..., feet] = 9.0, 1.0
    contacts[..., feet[0]] = 0.5
    mask, density = torch.ones(1, 1, dtype=torch.bool), 1 / (0.25 * (2 * torch.pi) ** 0.5)
    slope = label_slope(contacts, truth, mask, 0.25)
    assert float(slope[..., feet[0]]) == pytest.approx(density * (2 - 7 / 7.5) / 7.5)
    assert int((slope.abs() > 1e-9).sum()) == 1
    truth[..., feet[0]] = 0.0  # now the label is half a false claim: F1 is 2 · 3 / 6.5
    slope = label_slope(contacts, truth, mask, 0.25)
    assert float(slope[..., feet[0]]) == pytest.approx(-density * (6 / 6.5) / 6.5)


def test_contact_credits_labels_alone_and_its_null_says_nothing_of_them():
    x, batch, placement = samples(1)
    state = MotionState.unpack(credit(["contact"]).cotangent(x, batch, placement, generator()))
    assert not bool(state.body_rotmats.any())
    towards = torch.where(batch.contacts[:, None], state.contacts, -state.contacts)
    assert float(towards.min()) >= 0
    assert float(towards.max()) > 0
    same = torch.zeros(400, dtype=torch.long)
    null = credit(["contact"], null_control=True)
    drawn = null.cotangent(x[same], batch.rows(same), placement[same], generator())
    along = (MotionState.unpack(drawn).contacts * state.contacts[:1]).flatten(1).sum(1)
    assert float((along > 0).double().mean()) == pytest.approx(0.5, abs=0.1)


def test_a_weight_scales_the_credit_of_its_term_alone():
    x, batch, placement = samples(1)
    once, twice = (
        BranchCredit(hybrid(terms=["position", "contact"], weights=w), SCALES, credit_config())
        for w in ({}, {"position": 2.0})
    )
    one, two = (MotionState.unpack(c.cotangent(x, batch, placement, generator())) for c in (once, twice))
    assert_close(two.body_rotmats, 2 * one.body_rotmats, rtol=0, atol=1e-9)
    assert_close(two.contacts, one.contacts, rtol=0, atol=0)


def test_every_rotation_can_change_the_alignment_and_without_masks_everything():
    assert bool((influence("aligned_position", body=True) == 1).all())
    assert bool((influence("position", body=False) == 1).all())
    assert 0 < float(influence("position", body=True).mean()) < 0.5


def test_the_estimate_is_the_gradient_where_rewards_are_linear():
    """Errors that are linear in the rotations have a known gradient, which is the mean over branches."""
    count, frames, sd = 4000, 3, 0.05
    torch.manual_seed(0)
    slope = (
        torch.randn(BODY_JOINTS, ROTATIONS, 3, dtype=torch.float64) * influence("position", True).T[..., None]
    )
    z = sd * torch.randn(count, frames, ROTATIONS, 3, dtype=torch.float64)
    errors = torch.einsum("jrc,bfrc->bfj", slope, z)
    mask = torch.ones(count, frames, dtype=torch.bool)
    given = credit(["position"]).credited({"position": errors}, {"position": -errors}, mask)
    eye = torch.eye(3, dtype=torch.float64).expand(count, frames, ROTATIONS, 3, 3)
    G = cotangent(eye, z, given, sd)
    along = torch.stack(
        [G[..., 2, 1] - G[..., 1, 2], G[..., 0, 2] - G[..., 2, 0], G[..., 1, 0] - G[..., 0, 1]], -1
    )
    expected = -slope.sum(0) / (0.1 * BODY_JOINTS * frames)
    error = along.std(0) / count**0.5
    assert bool(((along.mean(0) - expected).abs() < 5 * error + 1e-12).all())
    assert float((along.mean(0) - expected).norm() / expected.expand_as(along[0]).norm()) < 0.2


def test_the_cotangent_of_a_turn_is_its_inner_product_with_every_other():
    """⟨credit · R[z]× / 2σ², R[v]×⟩ = credit · z·v / σ², to first order in v."""
    torch.manual_seed(0)
    R = matrix_from_rotation_vector(torch.randn(1, 1, ROTATIONS, 3, dtype=torch.float64))
    z, v = torch.randn(2, 1, 1, ROTATIONS, 3, dtype=torch.float64)
    G = cotangent(R, z, torch.full((1, 1, ROTATIONS), 0.7, dtype=torch.float64), 0.3)
    step = 1e-6
    change = (R @ matrix_from_rotation_vector(step * v) - R) / step
    assert_close((G * change).sum((-1, -2)), 0.7 * (z * v).sum(-1) / 0.3**2, rtol=1e-4, atol=1e-4)


@pytest.mark.soak
def test_many_branches_point_where_the_derivative_points():
    x, batch, placement = samples(1)
    few = (x[:1], batch.rows(torch.arange(1)), placement[:1])
    for terms in (["position"], JOINT, FAULTS):
        branches = credit(terms, pairs=600, sd_rad=0.01)
        of_values = MotionState.unpack(branches.cotangent(*few, generator())).body_rotmats
        slope = derivative(*few, branches.reward, branches.deviation)
        of_slope = MotionState.unpack(slope).body_rotmats
        assert float(torch.cosine_similarity(of_values.flatten(), of_slope.flatten(), dim=0)) > 0.6, terms


@pytest.mark.soak
def test_smooth_branches_climb_what_the_perceptual_model_says():
    x, batch, placement = samples(1)
    few = (x[:1], batch.rows(torch.arange(1)), placement[:1])
    branches = credit(["perceptual"], perceptual_pairs=400, sd_rad=0.01, modes=1)
    of_values = MotionState.unpack(branches.cotangent(*few, generator())).body_rotmats
    of_slope = MotionState.unpack(derivative(*few, branches.reward, branches.deviation)).body_rotmats
    assert float((of_values * of_slope).sum()) > 0


def test_a_constant_added_to_a_reward_changes_nothing():
    torch.manual_seed(0)
    plus, minus = torch.rand(2, 2, 5, BODY_JOINTS, dtype=torch.float64)
    mask = torch.ones(2, 5, dtype=torch.bool)
    branches = credit(["position"], frames=1)
    before = branches.credited({"position": plus}, {"position": minus}, mask)
    after = branches.credited({"position": plus + 3.0}, {"position": minus + 3.0}, mask)
    assert_close(after, before, rtol=0, atol=1e-12)


def test_padding_changes_nothing_and_gets_nothing():
    x, batch, placement = samples(1)
    mask = batch.mask.clone()
    mask[:, -4:] = False
    padded = replace(batch, mask=mask)
    worse = x.clone()
    worse[:, :, -4:] = 5.0
    for terms in (JOINT, [*FAULTS, "contact"], ["perceptual"]):
        one, other = (
            credit(terms, frames=1).cotangent(motion, padded, placement, generator()) for motion in (x, worse)
        )
        assert_close(one[:, :, :-4], other[:, :, :-4], rtol=0, atol=1e-9)
        assert not bool(one[:, :, -4:].any())


@pytest.mark.parametrize("terms", [["position"], ["perceptual"]])
def test_the_null_has_mean_zero_and_the_size_of_the_estimate(terms):
    """Credits of rotations other than the judged ones are pure drift; those of the judged ones are not."""
    x, batch, placement = samples(1)
    same = torch.zeros(200, dtype=torch.long)
    few = (x[same], batch.rows(same), placement[same])
    each = {
        null: credit(terms, null_control=null).cotangent(*few, generator()).flatten(1)
        for null in (False, True)
    }
    branches, one = credit(terms), torch.arange(1)
    slope = derivative(x[one], batch.rows(one), placement[one], branches.reward, branches.deviation).flatten()
    along = {null: (g @ slope) / slope.norm() for null, g in each.items()}
    z = {null: float(a.mean() / (a.std() / len(a) ** 0.5)) for null, a in along.items()}
    assert abs(z[True]) < 3.5
    assert z[False] > 5
    assert float(each[True].norm()) == pytest.approx(float(each[False].norm()), rel=0.5)


def test_neighbouring_frames_are_summed_and_nothing_lies_beyond_the_ends():
    values = torch.arange(1.0, 6.0)[None, :, None].expand(1, 5, BODY_JOINTS)
    assert within(values, 1)[0, :, 0].tolist() == [3.0, 6.0, 9.0, 12.0, 9.0]
    assert within(values, 0) is values


def test_the_basis_is_orthonormal_and_begins_with_a_constant():
    basis = smooth_basis(16, 4)
    assert_close(basis.T @ basis, torch.eye(4), rtol=0, atol=1e-5)
    assert float(basis[:, 0].std()) < 1e-6
