"""Pictures and pages on disk."""

import base64

import pytest
from matplotlib.figure import Figure

from motiongrpo.datasets.pictures import PageDataset, PictureDataset

PNG = b"\x89PNG\r\n\x1a\n"


def drawn() -> Figure:
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


def test_a_figure_comes_back_as_the_png_that_a_page_can_hold(tmp_path):
    dataset = PictureDataset(str(tmp_path / "deep" / "a.png"), dpi=50)
    assert not dataset.exists()
    dataset.save(drawn())
    assert dataset.load().startswith(PNG)
    assert base64.b64decode(dataset.preview()) == dataset.load()


def test_one_figure_gives_the_same_bytes_twice(tmp_path):
    first, second = (PictureDataset(str(tmp_path / name), dpi=50) for name in ("a.png", "b.png"))
    first.save(drawn())
    second.save(drawn())
    assert first.load() == second.load()


def test_a_picture_that_fails_leaves_the_old_one(tmp_path):
    class Broken(Figure):
        def savefig(self, path, **how):
            path.write_bytes(b"half")
            raise OSError("disk full")

    dataset = PictureDataset(str(tmp_path / "a.png"), dpi=50)
    dataset.save(drawn())
    before = dataset.load()
    with pytest.raises(Exception, match="disk full"):
        dataset.save(Broken())
    assert dataset.load() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_page_comes_back_letter_by_letter(tmp_path):
    dataset = PageDataset(str(tmp_path / "a.html"))
    dataset.save("<p>ρ → °</p>\n")
    assert dataset.load() == "<p>ρ → °</p>\n"
