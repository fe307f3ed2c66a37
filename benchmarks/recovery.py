"""Recovery of a recording by the command: CPU and wall-clock seconds, peak memory, and the cost of a stop.

    python benchmarks/recovery.py [RUN]

A head that walks in curves, at 72 rows per second in OpenXR's axes, for one minute and then ten, with a run's
model. The second command finds the chunks of the first on disk: its time is reading, guidance and reports.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

RATE = 72.0
COLUMNS = "timestamp_ns,pos.x,pos.y,pos.z,rot.x,rot.y,rot.z,rot.w"
Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])


def write_walk(path: Path, seconds: float) -> None:
    """Write the path of a head at 1.6 m that walks at 0.8 m/s along a curve, nodding and looking around."""
    t = np.arange(round(seconds * RATE)) / RATE
    heading = 0.6 * np.sin(0.3 * t) + 0.25 * t
    p = np.cumsum(0.8 / RATE * np.stack([np.cos(heading), np.sin(heading), 0 * t], axis=1), axis=0)
    p[:, 2] = 1.6 + 0.02 * np.sin(2 * np.pi * 1.8 * t)
    looks = np.stack([heading + 0.3 * np.sin(0.7 * t), 0.1 * np.sin(0.9 * t)], axis=1)
    view = Rotation.from_matrix([[0, 0, -1], [-1, 0, 0], [0, 1, 0]])  # x right, y up, −z forward
    R = Rotation.from_euler("ZY", looks) * view
    q = (Rotation.from_matrix(Y_UP) * R).as_quat()
    rows = np.column_stack([np.round(t * 1e9), p @ Y_UP.T, q])
    np.savetxt(path, rows, fmt=["%d", *["%.7f"] * 7], delimiter=",", header=COLUMNS, comments="")


def timed(file: Path, data: Path, run: str) -> str:
    """CPU and wall-clock seconds of one command; memory is the peak of all commands so far."""
    params = f"data={data},run={run}"
    command = [
        sys.executable,
        "-m",
        "motiongrpo",
        "recover",
        str(file),
        "--format",
        "openxr",
        "--params",
        params,
    ]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"DO_NOT_TRACK": "1"})
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{wall:.0f} s of wall, {cpu:.0f} s of CPU, at most {after.ru_maxrss / 2**20:.2f} GiB"


def main(run: str) -> None:
    models = Path("data/06_models") / run
    if not (models / "policy.safetensors").is_file():
        print(f"needs a trained policy, and there is none in '{models}': make run")
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        shutil.copytree(models, data / "06_models" / run)
        if (bands := Path("data/07_model_output") / run / "band_calibration.json").is_file():
            (data / "07_model_output" / run).mkdir(parents=True)
            shutil.copy(bands, data / "07_model_output" / run)
        for seconds in (60, 600):
            file = Path(folder) / f"walk_{seconds}.csv"
            write_walk(file, seconds)
            print(f"{seconds} s of recording: {timed(file, data, run)}", flush=True)
            print(f"    the same command again: {timed(file, data, run)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "default")
