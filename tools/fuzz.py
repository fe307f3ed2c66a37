"""Coverage-guided fuzzing of the readers of files.

    make fuzz                 ten minutes for all readers together; SECONDS=60 sets another time
    python tools/fuzz.py bvh 60     one reader, a minute

Files of raw motion are passed to `Ingestion.one`, whose verdict must not come from an unforeseen error; head
recordings and EgoAllo's configuration to the functions that read them, which may raise only InputError.
Inputs that violate this are kept below build/fuzz, named after the error and its place in the code. Needs the
extra `fuzz` (atheris), which runs on Linux.
"""

import hashlib
import logging
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
FOUND = ROOT / "build" / "fuzz"
LARGEST = 20_000  # largest input in bytes

with atheris.instrument_imports(include=["motiongrpo", "yaml"]):
    from motiongrpo.base.errors import InputError
    from motiongrpo.diffusion.egoallo_config import read_config
    from motiongrpo.head.formats.reader import read_head_path
    from motiongrpo.motion.parallel import Ingestion
    from tests.bodies import open_body
    from tests.head import writers
    from tests.motion.rigs import cmu_take
    from tests.motion.sources.mocap.test_asf_amc import AMC, ASF
    from tests.motion.sources.raw_folders import base_config, listed, rich_tree, smplh_file

Target = tuple[Callable[[bytes], object], Iterable[bytes]]
"""What takes an input, and whole files to begin with."""


def ingestion(root: Path, path: Path, source: str, name: str, **changes: object) -> Callable[[bytes], object]:
    """Ingest a folder's file `name` after writing the input to `path`; a foreign verdict is an error."""
    work = Ingestion(listed(root), open_body(), base_config(source, **changes), None)
    (name,) = (file for file in work.readers if name in file)
    failures: list[BaseException] = []
    logging.getLogger("motiongrpo").addFilter(lambda record: failures.append(record.exc_info[1]) or False)

    def ingest(data: bytes) -> None:
        path.write_bytes(data)
        failures.clear()
        verdict = work.one(name).line
        if verdict["reason"].startswith("reading it failed"):
            raise failures[-1] if failures else AssertionError(verdict["reason"])
        assert len(verdict["reason"]) < 400
        assert verdict["reason"].isprintable()

    return ingest


def bvh(root: Path) -> Target:
    path = root / "a.bvh"
    path.write_text(cmu_take(3))
    whole = path.read_bytes()
    return ingestion(root, path, "mocap", "a.bvh", mocap={"subjects": {"*": "1"}}), [whole]


def acclaim(root: Path, damaged: str) -> Target:
    contents = {"s.asf": ASF, "s_01.amc": AMC}
    for name, content in contents.items():
        (root / name).write_text(content)
    return ingestion(root, root / damaged, "mocap", "s_01.amc"), [contents[damaged].encode()]


def npz(root: Path) -> Target:
    path = smplh_file(root / "KIT/1/a_poses.npz", seconds=0.05, dmpls=None)
    return ingestion(root, path, "amass", "a_poses", amass={"subsets": ["KIT"]}), [path.read_bytes()]


def pickle(root: Path) -> Target:
    path = rich_tree(root, "BBQ_001_guitar", "001", range(1))[0]
    return ingestion(root, path, "rich", "BBQ_001_guitar"), [path.read_bytes()]


def camera(root: Path) -> Target:
    rich_tree(root, "BBQ_001_guitar", "001", range(1))
    path = root / "data/multicam2world/BBQ_multicam2world.json"
    return ingestion(root, path, "rich", "BBQ_001_guitar"), [path.read_bytes()]


def configuration(root: Path) -> Target:
    from tests.diffusion.test_egoallo_files import model, write_egoallo

    write_egoallo(model(), root, 7)
    path = root / "model_config.yaml"
    seed = path.read_bytes()

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_config(path, mask_self_attention=True)

    return read, [seed]


def head(root: Path) -> Target:
    """Read a head recording, with the format chosen by the first byte of the input."""
    formats, (path_, seconds) = list(writers.WRITERS), writers.walk(4, 30.0)
    path, seeds = root / "head.csv", []
    for number, format_ in enumerate(formats):
        writers.write(path, path_, seconds, format_)
        seeds.append(bytes([number]) + path.read_bytes())
    configs = [writers.head_config(**writers.options(format_, seconds)) for format_ in formats]

    def read(data: bytes) -> None:
        if data:
            path.write_bytes(data[1:])
            read_head_path(path, configs[data[0] % len(configs)])

    return read, seeds


TARGETS: dict[str, Callable[[Path], Target]] = {
    "bvh": bvh,
    "asf": lambda root: acclaim(root, "s.asf"),
    "amc": lambda root: acclaim(root, "s_01.amc"),
    "npz": npz,
    "pickle": pickle,
    "json": camera,
    "yaml": configuration,
    "head": head,
}


def keep(name: str, data: bytes, error: Exception) -> None:
    """Write an input that failed under the name of its error, once for each place in the code."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__}_{Path(frame.filename).stem}_{frame.lineno}"
    path = FOUND / name / place
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"\n{name}: {place}: {str(error)[:200]}", flush=True)


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one reader; atheris exits the process at the end."""
    logging.disable(logging.NOTSET)
    logging.getLogger("motiongrpo").setLevel(logging.DEBUG)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "raw").mkdir()
        (root / "seeds").mkdir()
        take, seeds = TARGETS[name](root / "raw")
        for seed in seeds:
            (root / "seeds" / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

        def one(data: bytes) -> None:
            try:
                take(data)
            except InputError:
                pass
            except Exception as error:
                keep(name, data, error)

        options = [f"-max_total_time={seconds}", f"-max_len={LARGEST}", "-rss_limit_mb=3000", "-timeout=20"]
        atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={FOUND}/", str(root / "seeds")], one)
        atheris.Fuzz()


def main() -> None:
    """Fuzz the named reader, or each in a separate process, and print the number of inputs."""
    if len(sys.argv) == 3:
        FOUND.mkdir(parents=True, exist_ok=True)
        fuzz(sys.argv[1], int(sys.argv[2]))
    seconds = int(sys.argv[1]) if len(sys.argv) == 2 else 600
    for name in TARGETS:
        command = [sys.executable, __file__, name, str(seconds // len(TARGETS))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs = re.search(r"Done (\d+) runs in (\d+) second", done.stdout + done.stderr)
        kept = sorted(path.name for path in (FOUND / name).glob("*"))
        if runs is None:
            print(f"{name}: it did not end as it should: {done.stderr[-500:]}")
            continue
        pace = 60 * int(runs[1]) // int(runs[2])
        print(f"{name}: {pace} inputs a minute, {len(kept)} found {' '.join(kept)}")


if __name__ == "__main__":
    main()
