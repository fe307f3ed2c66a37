"""The cost of faults: against evaluation, a network that ignores the path, and a table by hand."""

import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.disturbance import Disturbance
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.experiments.robustness import Robustness, RobustnessConfig, robustness_table
from motiongrpo.metrics.evaluation import score_denoiser
from motiongrpo.motion.windows import WindowBatch
from tests.bodies import FPS, open_body, window_batch
from tests.denoisers import small
from tests.experiments.test_scoring import CONFIG

NONE = {"floor_m": 0.0, "jitter_m": 0.0, "jitter_rad": 0.0, "gap_s": 0.0, "rate_hz": FPS}
FLOOR = Disturbance(**NONE | {"floor_m": 0.1})


class Blind(Denoiser):
    """A network that returns the truth under any path, and records its inputs."""

    def __init__(self, batch: WindowBatch) -> None:
        super().__init__(small())
        self.x_0, self.seen = true_motion(batch).pack(), None

    def forward(self, x_t, t, condition, mask):
        self.seen = condition
        return self.x_0[:, None].expand_as(x_t)


def network() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(small()).double().eval()


def study(batch: WindowBatch) -> Robustness:
    return Robustness(batch, open_body(), FPS, CONFIG)


def test_the_undisturbed_path_has_the_scores_of_evaluation_however_bodies_are_hung():
    batch = window_batch(frames=8, count=3)
    plain = score_denoiser(network(), batch, open_body(), FPS, CONFIG)
    assert study(batch).score(network(), None) == {"true head": plain, "told head": plain}


def test_a_floor_that_is_off_lifts_the_body_in_use_by_as_much_and_that_alone():
    """With a network that knows the motion, there is no other error."""
    batch = window_batch(frames=8, count=3)
    model = Blind(batch)
    found = study(batch).score(model, FLOOR)
    assert found["true head"]["mpjpe_mm"] == pytest.approx([0] * 3, abs=1e-4)
    assert found["told head"]["mpjpe_mm"] == pytest.approx([100] * 3, abs=1e-4)
    assert found["told head"]["head_position_mm"] == pytest.approx([100] * 3, abs=1e-4)
    assert found["told head"]["pa_mpjpe_mm"] == pytest.approx([0] * 3, abs=1e-4)


def test_the_network_is_shown_the_path_as_it_was_told():
    batch, model = window_batch(frames=8, count=3), Blind(window_batch(frames=8, count=3))
    study(batch).score(model, FLOOR)
    expected = model.condition(batch.T_world_cpf + torch.tensor([0.0] * 6 + [0.1]))
    torch.testing.assert_close(model.seen, expected, rtol=0, atol=1e-12)


def test_every_checkpoint_meets_the_same_faults():
    batch, jitter = window_batch(frames=8, count=3), Disturbance(**NONE | {"jitter_m": 0.005})
    first, second = Blind(batch), Blind(batch)
    study(batch).score(first, jitter)
    study(batch).score(second, jitter)
    assert torch.equal(first.seen, second.seen)


def test_none_is_no_name_for_a_fault():
    with pytest.raises(ValidationError, match="'none' is the undisturbed path, which is always scored"):
        RobustnessConfig(disturbances={"none": FLOOR})
    assert RobustnessConfig(disturbances={"floor": FLOOR}).cells() == {"none": None, "floor": FLOOR}


def test_the_table_has_means_and_the_change_from_the_undisturbed_path_for_both_ways_to_hang():
    about = pd.DataFrame({"sequence": [0, 0, 1], "window": [1, 33, 1], "subject": ["a", "a", "b"]})
    plain = {"mpjpe_mm": [50.0, 60.0, 70.0], "contact_f1": [0.5, None, 0.7]}
    scored = {
        "none": {"true head": plain, "told head": plain},
        "floor": {
            "true head": plain | {"mpjpe_mm": [60.0, 70.0, 80.0]},
            "told head": plain | {"mpjpe_mm": [150.0, 160.0, 170.0]},
        },
    }
    candidate = Candidate("grpo/step_0000002", "r", "grpo", 2, "w", None, "")
    table = robustness_table(scored, about, candidate, CONFIG)
    assert set(table["checkpoint"]) == {"grpo/step_0000002"}
    assert table[table["metric"] == "contact_f1"]["mean"].tolist() == pytest.approx([0.6] * 4)
    rows = table[table["metric"] == "mpjpe_mm"].set_index(["hung_from", "disturbance"])
    assert list(rows.index) == [(h, d) for h in ("true head", "told head") for d in ("none", "floor")]
    assert rows["mean"].tolist() == [60, 70, 60, 160]
    assert rows["difference"].tolist() == [0, 10, 0, 100]
    assert rows["difference_low"].tolist()[1] == pytest.approx(10)
