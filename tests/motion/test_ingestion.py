from pathlib import Path

import pytest
import torch
import yaml

from motiongrpo.base.errors import InputError
from motiongrpo.motion.clip import Take
from motiongrpo.motion.ingestion import IngestionConfig, clip_readers, ingest
from motiongrpo.motion.ingestion_summary import ingestion_summary, kind_of_reason
from motiongrpo.motion.raw import RawFile, RawFolder
from motiongrpo.motion.store import StoreHeader, StoreWriter, open_store
from tests.bodies import open_body, standing_clip
from tests.motion.sources.raw_folders import listed

FILE = Path(__file__).parents[2] / "conf/base/parameters_ingestion.yml"
CONFIG = IngestionConfig.model_validate(yaml.safe_load(FILE.read_text("utf-8"))["ingestion"])


def of_source(source: str) -> IngestionConfig:
    return CONFIG.model_copy(update={"source": source})


def test_a_clip_without_fault_is_accepted_at_the_rate_of_the_store_and_on_the_floor():
    clip = standing_clip(frames=120, height=0.4)
    verdict = ingest("a", lambda: clip, open_body(), CONFIG.model_copy(update={"fps": 15.0}))
    assert (verdict.file, verdict.verdict, verdict.reason, verdict.seconds) == ("a", "accepted", "", 4.0)
    (kept,) = verdict.clips
    assert (kept.clip.fps, len(kept.clip)) == (15.0, 60)
    assert abs(kept.floor_shift_m - 0.4) < 1e-3


def test_a_file_that_cannot_be_read_is_refused_with_the_reader_s_sentence():
    def read():
        raise InputError("line 3 is cut")

    verdict = ingest("a", read, open_body(), CONFIG)
    assert (verdict.verdict, verdict.reason, verdict.seconds, verdict.clips) == (
        "refused",
        "line 3 is cut",
        0.0,
        [],
    )


def test_a_reason_is_short_and_has_nothing_in_it_that_steers_a_terminal():
    def read():
        raise InputError("joint '\x1b[31m\ud800" + "x" * 20_000_000 + "'")

    reason = ingest("a", read, open_body(), CONFIG).reason
    assert reason.startswith("joint '\\x1b[31m\\ud800xxx")
    assert len(reason) < 400


def test_a_glitch_is_mended_and_said():
    clip = standing_clip(frames=60)
    clip.q_parent_joint[30, 17] = torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    verdict = ingest("a", lambda: clip, open_body(), CONFIG)
    assert verdict.verdict == "repaired"
    assert verdict.reason == "1 glitch of left_elbow interpolated"


def test_a_jump_cuts_a_clip_in_two_pieces_each_on_its_own_floor():
    clip = standing_clip(frames=120)
    clip.T_world_root[60:, 4] += 5.0
    clip.T_world_root[60:, 6] += 0.3
    verdict = ingest("a", lambda: clip, open_body(), CONFIG)
    assert verdict.verdict == "split"
    assert verdict.reason == "cut at 1 jump, the first of pelvis at frame 60"
    assert [kept.clip.name for kept in verdict.clips] == ["stand.1", "stand.2"]
    assert abs(verdict.clips[1].floor_shift_m - verdict.clips[0].floor_shift_m - 0.3) < 1e-3


def climbing(frames: int) -> torch.Tensor:
    """Three steps of a staircase, so that a third of the resting feet have the same height."""
    return 0.15 * torch.div(3 * torch.arange(frames), frames, rounding_mode="floor")


def test_a_clip_without_a_floor_is_refused_with_the_share():
    clip = standing_clip(frames=90)
    clip.T_world_root[:, 6] += climbing(90)
    verdict = ingest("a", lambda: clip, open_body(), CONFIG)
    assert verdict.verdict == "refused"
    assert verdict.reason.startswith("no flat floor: 3")
    assert (verdict.seconds, verdict.clips) == (3.0, [])


def test_of_two_pieces_the_one_without_a_floor_is_named_and_the_other_kept():
    clip = standing_clip(frames=150)
    clip.T_world_root[60:, 4] += 5.0
    clip.T_world_root[60:, 6] += climbing(90)
    verdict = ingest("a", lambda: clip, open_body(), CONFIG)
    assert verdict.verdict == "split"
    assert "cut at 1 jump" in verdict.reason
    assert "; 'stand.2': no flat floor: 3" in verdict.reason
    assert [kept.clip.name for kept in verdict.clips] == ["stand.1"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"{}.bvh": "HIERARCHY"}, "it has no MOTION block: it is not a BVH file, or its end is missing"),
        ({"{}.bvh": "MOTION"}, "no ROOT before MOTION: the hierarchy is cut, get the file again"),
        ({"{}/07_01.amc": ""}, "it needs its skeleton '…' beside it"),
        (
            {"{}/07_01.amc": "", "{}/07.asf": ""},
            "'…' has no '…' section: it is no ASF file, or its end is missing",
        ),
    ],
)
def test_files_with_the_same_fault_are_counted_as_refused_for_one_reason(tmp_path, content, reason):
    for place in ("a", "b/deeper", "o'neill/c"):
        for name, text in content.items():
            path = tmp_path / "raw" / name.format(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    writer = StoreWriter(tmp_path, StoreHeader(CONFIG.fps, open_body().digest), "g")
    for name, read in clip_readers(listed(tmp_path / "raw"), open_body(), of_source("mocap"), None):
        writer.append(ingest(name, read, open_body(), CONFIG))
    writer.append(ingest("whole", lambda: standing_clip(frames=60), open_body(), CONFIG))
    writer.finish()
    assert ingestion_summary(open_store(tmp_path))["refused_by_reason"] == {reason: 3}


def test_clips_of_one_file_are_named_in_its_reason_so_that_their_names_are_not_counted():
    clips = [standing_clip(frames=10, name=name) for name in ("seq/one", "seq/two")]
    verdict = ingest("a", lambda: Take(clips, 1.0, ""), open_body(), CONFIG)
    assert verdict.reason.startswith("'seq/one': it lasts 0.33 s")
    assert "seq" not in kind_of_reason(verdict.reason)


def test_synthetic_clips_are_read_by_number_and_need_no_file():
    readers = clip_readers(RawFolder(None, {}), open_body(), of_source("synthetic"), None)
    assert len(readers) == CONFIG.synthetic.clips
    assert [name for name, _ in readers[:2]] == ["synthetic/0/000000", "synthetic/0/000001"]
    again = clip_readers(RawFolder(None, {}), open_body(), of_source("synthetic"), None)[1][1]()
    assert torch.equal(readers[1][1]().T_world_root, again.T_world_root)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("mocap", r"data_root 'nowhere' holds no \.bvh or \.amc file; pass --params data_root=DIR"),
        ("amass", r"ACCAD, BMLhandball.* are missing or empty in data_root, which holds no folder; download"),
    ],
)
def test_a_folder_without_motion_is_named_with_what_it_lacks(source, sentence):
    nowhere = Path("nowhere")
    files = RawFolder(nowhere, {"readme.txt": RawFile("readme.txt", nowhere / "readme.txt", 0, 0)})
    with pytest.raises(InputError, match=sentence):
        clip_readers(files, open_body(), of_source(source), None)
