import torch

from motiongrpo.body.floor_contact import estimate_floor
from tests.bodies import FPS


def soles(heights: list[float], fps: float = FPS) -> torch.Tensor:
    p = torch.zeros(len(heights), 1, 3, dtype=torch.float64)
    p[:, 0, 2] = torch.tensor(heights, dtype=torch.float64)
    return p


def test_the_floor_is_where_feet_rest_and_the_confidence_how_often():
    rest = [0.05] * 30 + [0.05 + 0.02 * i for i in range(20)] + [0.45] * 10
    found = estimate_floor(soles(rest), FPS, speed_m_s=0.2, tolerance_m=0.02)
    assert abs(found.height_m - 0.05) < 1e-12
    assert 0.7 < found.confidence < 0.8  # thirty to thirty-two of about forty resting frames


def test_a_body_that_never_rests_has_no_sure_floor():
    found = estimate_floor(soles([0.1 * i for i in range(20)]), FPS, 0.2, 0.02)
    assert (found.height_m, found.confidence) == (0.0, 0.0)


def test_of_two_floors_with_equally_many_feet_the_lower_one_is_taken():
    """Half of the feet rest on each; with one more on the upper floor, the upper one is taken."""
    found = estimate_floor(soles([0.3] * 10 + [0.1] * 10), FPS, 20.0, 0.02)
    assert (found.height_m, found.confidence) == (0.1, 0.5)
    found = estimate_floor(soles([0.3] * 11 + [0.1] * 10), FPS, 20.0, 0.02)
    assert found.height_m == 0.3


def test_a_band_is_twice_the_tolerance_wide():
    for gap, confidence in ((0.0399, 1.0), (0.0401, 0.5)):
        assert estimate_floor(soles([0.1, 0.1 + gap]), FPS, 20.0, 0.02).confidence == confidence


def test_only_the_lowest_point_of_a_frame_says_where_the_floor_is():
    """One foot stands, the other hangs still in the air."""
    p = torch.zeros(30, 2, 3, dtype=torch.float64)
    p[:, 0, 2] = 0.2
    found = estimate_floor(p, FPS, 0.2, 0.02)
    assert (found.height_m, found.confidence) == (0.0, 1.0)


def test_a_foot_in_swing_says_nothing_however_low_it_is():
    """The foot rests at 0.1 m for twenty frames, then passes through 0 m at 2 m/s."""
    p = torch.zeros(60, 1, 3, dtype=torch.float64)
    p[:20, 0, 2] = 0.1
    p[20:, 0, 0] = torch.arange(1, 41) * 2.0 / FPS
    found = estimate_floor(p, FPS, 0.2, 0.02)
    assert (found.height_m, found.confidence) == (0.1, 1.0)
