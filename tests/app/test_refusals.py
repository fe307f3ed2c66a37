"""One sentence for each error that a user can fix, with the file that it is about."""

import resource

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import CSVDataset

from motiongrpo.app.refusals import sentence_of
from motiongrpo.datasets.motion_store import MotionStoreDataset
from motiongrpo.datasets.tables import StepLog
from motiongrpo.motion.store import EncodedFile, StoreHeader, StoreUpdate
from tests.bodies import FPS

MANY = [{"step": step, "loss": 0.5} for step in range(1000)]
FRAMES = {"frames": np.zeros(10_000, np.uint8)}


def update() -> StoreUpdate:
    names = ("q_body", "q_hand", "T_world_root", "T_world_cpf", "contacts")
    line = {"file": "a", "sequences": [{"frames": 10_000}]}
    file = EncodedFile(line, [{name: FRAMES["frames"] for name in names}])
    return StoreUpdate(StoreHeader(FPS, "body"), "g", [file], finished=False)


@pytest.mark.parametrize(
    ("dataset", "data", "name"),
    [
        (lambda path: CSVDataset(filepath=str(path)), pd.DataFrame(MANY), "table"),
        (lambda path: JSONDataset(filepath=str(path)), MANY, "table"),
        (lambda path: StepLog(str(path)), MANY, "table"),
        (lambda path: MotionStoreDataset(str(path)), update(), "table/g/q_body.bin"),
    ],
)
def test_a_full_disk_is_one_sentence_with_the_path(dataset, data, name, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(DatasetError) as told:
            dataset(tmp_path / "table").save(data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    remedy = "mend that, or name another place for runs with --params data=DIR"
    assert sentence_of(told.value) == f"'{tmp_path / name}': file too large; {remedy}"
