import subprocess
import sys

import torch

from motiongrpo.base.seeds import generator_for, seed_for


def test_the_same_address_draws_the_same_numbers():
    one, other = (torch.randn(5, generator=generator_for(3, "stage", "batch", 7)) for _ in range(2))
    assert torch.equal(one, other)


def test_every_part_of_an_address_counts_and_so_does_its_place():
    addresses = [
        (0, "a", 1),
        (1, "a", 1),
        (0, "b", 1),
        (0, "a", 2),
        (0, "a", "1"),
        (0, 1, "a"),
        (0, "a", 1, 1),
        (0, "a1"),
        (0, "a'", 1),
    ]
    assert len({seed_for(*address) for address in addresses}) == len(addresses)


def test_seeds_are_spread_over_63_bits():
    """In 4000 seeds each bit is set in about half: within five standard deviations of 2000."""
    seeds = [seed_for(0, "step", number) for number in range(4000)]
    assert max(seeds) < 2**63
    for bit in range(63):
        assert abs(sum(seed >> bit & 1 for seed in seeds) - 2000) < 5 * 4000**0.5 / 2


def test_neighbouring_addresses_draw_numbers_that_do_not_hang_together():
    draws = torch.stack([torch.randn(500, generator=generator_for(0, "step", step)) for step in range(20)])
    correlation = torch.corrcoef(draws) - torch.eye(20)
    assert float(correlation.abs().max()) < 5 / 500**0.5


def test_a_seed_is_the_same_in_every_process_and_for_good():
    """The value is fixed, since resumed trainings and published numbers depend on it."""
    program = "from motiongrpo.base.seeds import seed_for; print(seed_for(0, 'pretraining', 'batch', 1))"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert int(printed.stdout) == seed_for(0, "pretraining", "batch", 1) == 6863765947889262416
