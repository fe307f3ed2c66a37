"""Files damaged at random, from a seed: a sentence each, and the whole file beside them is ingested."""

import numpy as np
import pytest

from tests.motion.sources.mocap.test_asf_amc import AMC, ASF
from tests.motion.sources.raw_folders import rich_tree, smplh_file
from tests.motion.test_damage import TAKE, ingested


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """A file with one thing wrong: cut, bytes changed, a piece lost or doubled, or a number out of bounds."""
    place, length = int(random.integers(len(content))), int(random.integers(1, 200))
    match random.integers(5):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + random.bytes(min(length, 8)) + content[place + min(length, 8) :]
        case 2:
            return content[:place] + content[place + length :]
        case 3:
            return content[:place] + content[place : place + length] + content[place:]
        case _:
            words = (b"1e400", b"-1", b"9" * 5000, b"\r", b"\0", b"nan", b"\xff", b":", b"{", b"[[[[")
            return content[:place] + words[random.integers(len(words))] + content[place:]


@pytest.mark.parametrize("source", ["mocap", "amass", "rich"])
def test_files_damaged_at_random_are_met_with_a_sentence_and_the_whole_one_is_ingested(tmp_path, source):
    random = np.random.default_rng(7)
    for number in range(12):
        if source == "mocap":
            (tmp_path / f"{number}_01.bvh").write_bytes(damaged(TAKE.encode(), random))
            (tmp_path / f"{number}.asf").write_bytes(damaged(ASF.encode(), random))
            (tmp_path / f"{number}_02.amc").write_bytes(damaged(AMC.encode(), random))
        elif source == "amass":
            path = smplh_file(tmp_path / f"KIT/1/{number}_poses.npz", seconds=0.2, dmpls=None)
            path.write_bytes(damaged(path.read_bytes(), random))
        else:
            for path in rich_tree(tmp_path, f"S{number}_001_x", "001", range(2)).values():
                path.write_bytes(damaged(path.read_bytes(), random))
            camera = tmp_path / f"data/multicam2world/S{number}_multicam2world.json"
            camera.write_bytes(damaged(camera.read_bytes(), random))
    (tmp_path / "99_01.bvh").write_text(TAKE)
    smplh_file(tmp_path / "KIT/1/whole_poses.npz", dmpls=None)
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(60))
    found = ingested(tmp_path, source, **({"amass": {"subsets": ["KIT"]}} if source == "amass" else {}))
    whole = [
        verdict for name, verdict in found.items() if "99_01" in name or "whole" in name or "BBQ" in name
    ]
    assert [verdict["verdict"] for verdict in whole] == ["accepted"]
    assert len(found) > 12
