"""Pictures a second from tar shards into batches: our loader against webdataset's own.

    pip install -c constraints.txt -e '.[benchmarks]'
    python benchmarks/data.py --pictures 8000 --workers 0 1 2 4 --repeats 5

Both read the same img2dataset shards (JPEG of 224 px, made by this script), decode to RGB, squash
to 224 px and norm by the same function, and stack 64 pictures to a batch. Ours reads by position in
the order of a whole permutation and gives the same batches with any number of workers; webdataset
reads each worker's shards in sequence and shuffles within a buffer of 1,000. The two take turns, in
an order that changes with each round; printed are medians over the rounds. Start-up (processes,
and for us the index of the shards) is not counted in the rates but printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from minigpt4.data.mixing import Mixture
from minigpt4.data.shards import TarShards, write_shards
from minigpt4.processing.images import load_image, squash, to_pixel_values
from minigpt4.training.prefetch import prefetched

SIDE_PX, BATCH_SIZE, WARM_UP_BATCHES = 224, 64, 4
Loader = Callable[[Path, int, int], Iterator[Any]]


def main() -> None:
    """Make the shards, let both loaders run in turns, print a table and a JSON line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pictures", type=int, default=8000)
    parser.add_argument("--per-shard", type=int, default=500)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2, 4])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    num_batches = arguments.pictures // BATCH_SIZE
    with tempfile.TemporaryDirectory() as folder:
        write_shards(pictures(arguments.pictures), folder, samples_per_shard=arguments.per_shard)
        num_bytes = sum(path.stat().st_size for path in Path(folder).glob("*.tar"))
        print(f"{arguments.pictures} pictures in {num_bytes / 1e6:.0f} MB, {os.cpu_count()} cores")
        begun = time.perf_counter()
        TarShards(folder)
        print(f"index built in {time.perf_counter() - begun:.2f} s")
        print("workers  ours/s  webdataset/s  ours/webdataset   start-up: ours, webdataset (s)")
        for num_workers in arguments.workers:
            measure(Path(folder), num_batches, num_workers, arguments.repeats)


def measure(folder: Path, num_batches: int, num_workers: int, repeats: int) -> None:
    """Let both loaders run in turns and print one row."""
    loaders: dict[str, Loader] = {"ours": ours, "webdataset": webdatasets}
    rates: dict[str, list[float]] = {name: [] for name in loaders}
    starts: dict[str, list[float]] = {name: [] for name in loaders}
    for number in range(repeats):
        order = list(loaders) if number % 2 == 0 else list(reversed(loaders))
        for name in order:
            rate, start = run(loaders[name](folder, num_batches, num_workers))
            rates[name].append(rate)
            starts[name].append(start)
    mine, theirs = (statistics.median(rates[name]) for name in loaders)
    began = [statistics.median(starts[name]) for name in loaders]
    print(
        f"{num_workers:>7}  {mine:>6.0f}  {theirs:>12.0f}  {mine / theirs:>15.2f}   "
        f"{began[0]:.2f}, {began[1]:.2f}"
    )
    print(json.dumps({"workers": num_workers, "rates": rates, "starts": starts}))


def run(batches: Iterator[Any]) -> tuple[float, float]:
    """Return pictures a second after the warm-up, and the seconds up to the first batch."""
    begun = time.perf_counter()
    first = None
    counted = num_pictures = 0
    clock = begun
    for number, (pixels, texts) in enumerate(batches, start=1):
        assert pixels.shape[1:] == (3, SIDE_PX, SIDE_PX)
        assert len(pixels) == len(texts)
        if first is None:
            first = time.perf_counter() - begun
        if number == WARM_UP_BATCHES:
            clock = time.perf_counter()
        elif number > WARM_UP_BATCHES:
            counted += 1
            num_pictures += len(pixels)
    assert first is not None
    assert counted, "too few pictures for a measurement; give more"
    return num_pictures / (time.perf_counter() - clock), first


def ours(folder: Path, num_batches: int, num_workers: int) -> Iterator[Any]:
    """Batches in the order of a permutation, by position, through the training's own loader."""
    mixture = Mixture([(TarShards(folder), 1.0)], batch_size=BATCH_SIZE, seed=0)
    return prefetched(partial(batch, mixture), range(num_batches), num_workers=num_workers)


def batch(mixture: Mixture, step: int) -> Any:
    """Draw and prepare one batch."""
    examples = mixture.draw(step).examples
    pixels = torch.stack([prepare(example.image) for example in examples])
    return pixels, [example.turns[0].answer for example in examples]


def webdatasets(folder: Path, num_batches: int, num_workers: int) -> Iterator[Any]:
    """Batches as webdataset's documentation makes them."""
    import webdataset

    urls = sorted(map(str, folder.glob("*.tar")))
    dataset = (
        webdataset.WebDataset(urls, shardshuffle=len(urls))  # type: ignore[no-untyped-call]
        .shuffle(1000)
        .decode("pilrgb")
        .to_tuple("jpg", "txt")
        .map_tuple(prepare, str)
        .batched(BATCH_SIZE, collation_fn=collate, partial=False)
    )
    loader = webdataset.WebLoader(  # type: ignore[attr-defined]
        dataset, batch_size=None, num_workers=num_workers
    )
    for number, made in enumerate(loader):
        if number == num_batches:
            return
        yield made


def collate(samples: list[tuple[torch.Tensor, str]]) -> Any:
    """Stack a batch of webdataset."""
    pixels, texts = zip(*samples, strict=True)
    return torch.stack(pixels), list(texts)


def prepare(image: Any) -> torch.Tensor:
    """Turn a picture into numbers, as training does."""
    return to_pixel_values(squash(load_image(image), size_px=SIDE_PX))


def pictures(count: int) -> Iterator[tuple[Image.Image, str]]:
    """Yield blurred noise: it compresses to about the bytes of a photograph of that size."""
    rng = np.random.default_rng(0)
    for number in range(count):
        noise = rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
        image = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1.2))
        yield image, f"picture number {number} of a benchmark"


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message=".*fork.*")
    main()
