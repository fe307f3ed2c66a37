"""The gain when torch's threads sleep while they wait instead of spinning, alone and with a busy neighbour.

    python benchmarks/waiting_threads.py

Training steps of a small transformer on all cores, in fresh processes that alternate. Measured on two cores,
one of them already used by another program: spinning 4.7 steps/s, sleeping 11.6; with the neighbour as well,
0.3 and 9.7.
"""

import multiprocessing
import os
import subprocess
import sys

STEPS = """
import time, torch
torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(128, 4, 384, batch_first=True)
net = torch.nn.TransformerEncoder(layer, 4)
adam, x = torch.optim.AdamW(net.parameters()), torch.randn(32, 33, 128)
def step():
    adam.zero_grad()
    net(x).square().mean().backward()
    adam.step()
step()
started, count = time.perf_counter(), 0
while time.perf_counter() - started < 4:
    step()
    count += 1
print(count / (time.perf_counter() - started))
"""
POLICIES = ("", "PASSIVE")  # by default, OpenMP's threads spin for a while


def steps_per_second(policy: str) -> float:
    """The training rate of a fresh process under a waiting policy."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": policy} if policy else {}
    out = subprocess.run([sys.executable, "-c", STEPS], env=environment, capture_output=True, check=True)
    return float(out.stdout)


def spin() -> None:
    """A neighbour that occupies one core."""
    while True:
        pass


def compare(where: str) -> None:
    rates = {policy: [] for policy in POLICIES}
    for _ in range(3):
        for policy in POLICIES:
            rates[policy].append(steps_per_second(policy))
    spinning, asleep = (sorted(rates[policy])[1] for policy in POLICIES)
    print(f"{where}: spinning {spinning:.1f} steps/s, asleep {asleep:.1f}, ratio {asleep / spinning:.2f}")


def main() -> None:
    compare("as the machine is")
    neighbour = multiprocessing.Process(target=spin, daemon=True)
    neighbour.start()
    compare("beside a busy neighbour")
    neighbour.terminate()


if __name__ == "__main__":
    main()
