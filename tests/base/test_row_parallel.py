"""Rows divided among processes; that trainings are those of one process is tested with the trainings."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.row_parallel import ALONE, Team, in_shares, joined, team


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("rows", [5, 6, 7, 64])
def test_shares_are_neighbours_of_nearly_equal_size_that_cover_all_rows(rows, size):
    shares = [range(rows)[Team(rank, size).share(rows)] for rank in range(size)]
    assert [row for share in shares for row in share] == list(range(rows))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("rows", "divided"), [(0, False), (2, False), (3, True), (4, True)])
def test_fewer_rows_than_processes_are_everybodys_own(rows, divided):
    assert Team(rank=1, size=3).divides(rows) == divided


def test_alone_nothing_is_divided():
    assert not ALONE.divides(64)
    assert team() is ALONE
    assert ALONE.leads


def test_a_team_ends_with_its_block_however_that_ends():
    def interrupted():
        with joined(Team(rank=1, size=2)):
            assert not team().leads
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert team() is ALONE


def test_a_measurement_of_a_share_sees_no_team(monkeypatch):
    """Otherwise a network inside would divide the share again."""
    seen = []

    def measure(x, y):
        seen.append((team(), len(x)))
        return {"sum": x + y}

    monkeypatch.setattr(Team, "add_up", lambda self, values: values)
    x = torch.arange(5.0)
    with joined(Team(rank=1, size=2)):
        found = in_shares(measure, x, x)
    assert seen == [(ALONE, 3)]
    assert_close(found["sum"], torch.tensor([0.0, 0, 4, 6, 8]))
