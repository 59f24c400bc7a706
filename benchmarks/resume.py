"""Kill a training at random moments again and again; compare it with one that was left alone.

    python benchmarks/resume.py --kills 10

Stage 1 of the miniature is trained twice by the command line, with the same settings: once left
alone, once killed (kill -9) at random moments and gone on with `--resume` after each. Compared are
the SHA-256 of the model's trained weights, of all metrics lines and of the last checkpoint. Every
second start has another number of loader workers. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMPARED = ("model/model.safetensors", "training/metrics.jsonl")


def main() -> int:
    """Train both, print what was done and both hashes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--num-steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--num-pictures", type=int, default=512)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: chance")
    parser.add_argument("--out", type=Path, default=None, help="folder for both runs")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    folder = given.out or Path(tempfile.mkdtemp(prefix="resume-"))
    settings = {
        "num_steps": given.num_steps,
        "batch_size": given.batch_size,
        "num_pictures": given.num_pictures,
        "num_validation_pictures": 16,
        "checkpoint_every_steps": 10,
    }
    print(f"moments by seed {seed}; folders in {folder}", flush=True)
    began = time.perf_counter()
    if start(folder / "alone", settings).wait() != 0:
        raise SystemExit(f"the undisturbed run failed, see {folder / 'alone.log'}")
    seconds = time.perf_counter() - began
    print(f"left alone: {seconds:.0f} s", flush=True)
    kill_again_and_again(folder / "killed", settings, kills=given.kills, dice=random.Random(seed))
    return compare(folder)


def kill_again_and_again(
    out: Path, settings: dict[str, int], *, kills: int, dice: random.Random
) -> None:
    """Train to the end with `kills` interruptions at random steps and random moments in them."""
    # Kills at the same step, or before a step that was reached already, hit a run that is only
    # starting or has saved nothing new.
    latest = settings["num_steps"] * 4 // 5  # so that no run ends before it is killed
    steps = sorted(dice.randrange(latest) for _ in range(kills))
    for number, step in enumerate(steps):
        process = start(out, settings, resume=number > 0, num_workers=number % 2)
        began = time.perf_counter()
        while last_step(out) < step - step % 10 and process.poll() is None:
            time.sleep(0.02)
        # Up to a second later: in a step, in a save, in a validation, or while still starting.
        time.sleep(dice.random())
        process.kill()
        code = process.wait()
        if code != -9:
            raise SystemExit(f"the run ended with {code} before kill {number + 1}")
        seconds = time.perf_counter() - began
        print(f"kill {number + 1:2d} after {seconds:4.1f} s, step {last_step(out)}", flush=True)
    if start(out, settings, resume=True).wait() != 0:
        raise SystemExit(f"the last run failed, see {out.with_suffix('.log')}")


def start(
    out: Path, settings: dict[str, int], *, resume: bool = False, num_workers: int = 0
) -> subprocess.Popen[bytes]:
    """Start the command line in the background; what it says goes to a log beside the run."""
    command = [sys.executable, "-m", "minigpt4", "train", "miniature_stage1", "--device", "cpu"]
    command += ["--out", str(out), *(["--resume"] if resume else [])]
    for name, value in (settings | {"num_workers": num_workers}).items():
        command += ["--set", f"{name}={value}"]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, env={"OMP_NUM_THREADS": "1", **os.environ}
        )


def last_step(out: Path) -> int:
    """Return the last step in the metrics file, 0 before the first."""
    path = out / "training" / "metrics.jsonl"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    whole = text.split("\n")[:-1]
    return json.loads(whole[-1])["step"] if whole else 0


def compare(folder: Path) -> int:
    """Print the hashes of both runs; return the exit code."""
    last = sorted((folder / "alone" / "training" / "checkpoints").glob("step_*"))[-1].name
    names = [*COMPARED, f"training/checkpoints/{last}/weights.safetensors"]
    same = True
    for name in names:
        hashes = [
            hashlib.sha256((folder / run / name).read_bytes()).hexdigest()
            for run in ("alone", "killed")
        ]
        print(f"{name}\n  alone  {hashes[0]}\n  killed {hashes[1]}")
        same = same and hashes[0] == hashes[1]
    print("the same bytes" if same else "NOT the same bytes")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
