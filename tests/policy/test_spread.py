import itertools

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.skeleton import PARTS, Joint
from motiongrpo.policy.collection import credit_scale, pairwise_distance, reward_deviation, spread_mm

EXACT = {"rtol": 0, "atol": 1e-12}


def three_samples() -> torch.Tensor:
    """At 0, 3 and 9 mm along one axis: the pairs are 3, 6 and 9 mm apart, 6 on average."""
    p = torch.zeros(1, 3, 2, 22, 3, dtype=torch.float64)
    p[0, 1, ..., 0], p[0, 2, ..., 0] = 0.003, 0.009
    return p


def test_spread_is_the_mean_distance_over_pairs_in_millimetres():
    p = three_samples()
    assert_close(pairwise_distance(p), torch.full((1, 2, 22), 0.006, dtype=torch.float64), **EXACT)
    everywhere = spread_mm(p, torch.ones(1, 2, dtype=torch.bool))
    assert everywhere == pytest.approx(dict.fromkeys(["trunk", "arms", "legs", "all"], 6.0), abs=1e-9)


def test_every_pair_counts_once():
    p = torch.randn(2, 5, 3, 22, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pairs = [(p[:, i] - p[:, j]).norm(dim=-1) for i, j in itertools.combinations(range(5), 2)]
    assert_close(pairwise_distance(p), torch.stack(pairs).mean(0), **EXACT)


def test_padded_frames_are_not_counted():
    p = three_samples()
    p[0, :, 1] *= 100.0
    assert spread_mm(p, torch.tensor([[True, False]]))["all"] == pytest.approx(6.0, abs=1e-9)


def test_groups_count_by_their_real_frames():
    p = torch.cat([three_samples(), 10 * three_samples()])
    mask = torch.tensor([[True, True], [True, False]])
    assert spread_mm(p, mask)["all"] == pytest.approx((2 * 6.0 + 60.0) / 3, abs=1e-9)


def test_a_part_is_measured_by_its_own_joints():
    p = torch.zeros(1, 2, 1, 22, 3, dtype=torch.float64)
    p[0, 1, 0, Joint.LEFT_WRIST, 2] = 0.08
    spread = spread_mm(p, torch.ones(1, 1, dtype=torch.bool))
    expected = {"trunk": 0.0, "arms": 80 / len(PARTS["arms"]), "legs": 0.0, "all": 80 / 22}
    assert spread == pytest.approx(expected, abs=1e-9)


def test_permuting_a_group_or_moving_it_as_a_whole_changes_no_spread():
    p = torch.randn(2, 4, 3, 22, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(2, 3, dtype=torch.bool)
    plain = spread_mm(p, mask)
    assert spread_mm(p[:, [2, 0, 3, 1]] + 7.0, mask) == pytest.approx(plain, abs=1e-9)


def test_credits_are_scaled_by_deviations_of_errors_and_means_of_faults():
    """In two groups with equal faults within each there is no deviation, yet half a label can be gained."""
    r = torch.tensor([[0.0, 2.0], [10.0, 16.0]], dtype=torch.float64)
    equal = torch.tensor([[0.2, 0.2], [0.8, 0.8]], dtype=torch.float64)
    assert credit_scale({"position": r, "contact": equal}) == pytest.approx({"position": 2.0, "contact": 0.5})


def test_a_term_without_a_scale_is_refused_by_name():
    with pytest.raises(InputError, match="the reward term 'penetration' is the same for all samples"):
        credit_scale({"penetration": torch.zeros(2, 2, dtype=torch.float64)})


def test_reward_deviations_are_within_groups_and_averaged_over_them():
    r = torch.tensor([[0.0, 2.0], [10.0, 16.0]], dtype=torch.float64)
    assert reward_deviation({"r": r}) == {"r": pytest.approx(2.0)}
