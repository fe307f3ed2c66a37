"""The layout that `docs/data.md` gives as an example, used on a file of such a rig."""

import re

import yaml

from motiongrpo.motion.ingestion import ingest
from motiongrpo.motion.parallel import Ingestion
from motiongrpo.motion.sources.mocap.layouts import BVH_LAYOUTS, BvhLayout
from tests.bodies import open_body
from tests.motion.rigs import cmu_take
from tests.motion.sources.raw_folders import base_config, listed
from tests.pipelines.kedro_project import ROOT

EXAMPLE = re.search(r"```yaml\n(ingestion:.*?)```", (ROOT / "docs/data.md").read_text(), re.DOTALL)
MOCAP = yaml.safe_load(EXAMPLE[1])["ingestion"]["mocap"] if EXAMPLE else {}


def take_of_the_rig() -> str:
    """CMU's rig under the names of the example, in centimetres."""
    ours, theirs = MOCAP["layouts"]["mine"]["joints"], BVH_LAYOUTS["motionbuilder"]
    named = {theirs.joints[joint]: name for joint, name in ours.items()}
    text = re.sub(
        r"(?<=[TN] )\w+$", lambda word: named.get(word[0], word[0]), cmu_take(45), flags=re.MULTILINE
    )
    size = 100 * theirs.unit_m

    def scaled(line: str) -> str:
        words = line.split()
        return " ".join(f"{size * float(w):.9f}" if i in (1, 2, 3) else w for i, w in enumerate(words))

    head, rows = text.split("Frame Time: 0.033333333\n")
    head = re.sub(r"^OFFSET .*$", lambda line: scaled(line[0]), head, flags=re.MULTILINE)
    rows = "\n".join(scaled(f"_ {row}")[2:] for row in rows.splitlines())
    return f"{head}Frame Time: 0.033333333\n{rows}\n"


def test_the_example_has_every_key_and_reads_a_file_of_its_rig(tmp_path):
    assert set(MOCAP["layouts"]["mine"]) == set(BvhLayout.model_fields)
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio/one.bvh").write_text(take_of_the_rig())
    config = base_config("mocap", mocap=MOCAP)
    ((name, read),) = Ingestion(listed(tmp_path), open_body(), config, None).readers.values()
    verdict = ingest(name, read, open_body(), config)
    assert (verdict.verdict, verdict.reason) == ("accepted", "")
    assert verdict.clips[0].clip.subject == "ann"
    assert 0.8 < float(verdict.clips[0].clip.T_world_root[0, 6]) < 1.1
