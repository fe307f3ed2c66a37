"""Recordings of every format with seeded random damage: a head path, or one sentence."""

import warnings
from pathlib import Path

import pytest
import yaml

from motiongrpo.base.errors import InputError
from motiongrpo.head.flaws import HeadRepairConfig
from motiongrpo.head.formats.reader import read_head_path
from motiongrpo.head.preparation import prepared
from tests.damage import assert_one_sentence, damaged, within
from tests.head.writers import BASE, WRITERS, head_config, options, walk, write

COUNT = 15  # damaged files per format
PATH, SECONDS = walk(60, 30.0)


def repair_config() -> HeadRepairConfig:
    return HeadRepairConfig(**yaml.safe_load(BASE.read_text(encoding="utf-8"))["recovery"]["repair"])


def refusal(path: Path, format: str) -> str | None:
    """Why a recording is refused; None where a model can use it."""
    try:
        raw = read_head_path(path, head_config(**options(format, SECONDS)))
        prepared(raw, 30.0, repair_config(), "estimate")
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("format", WRITERS)
def test_a_damaged_recording_is_read_or_refused_in_one_sentence_that_names_it(format, tmp_path):
    path = tmp_path / "head.csv"
    write(path, PATH, SECONDS, format)
    whole = path.read_bytes()
    assert refusal(path, format) is None
    seen = set()
    for _, content in damaged(whole, list(WRITERS).index(format), COUNT):
        path.write_bytes(content)
        with within(), warnings.catch_warnings(action="error"):
            sentence = refusal(path, format)
        if sentence is not None:
            assert_one_sentence(sentence)
            assert "head.csv" in sentence
        seen.add(sentence is None)
    assert False in seen
    assert [found.name for found in tmp_path.iterdir()] == ["head.csv"]
