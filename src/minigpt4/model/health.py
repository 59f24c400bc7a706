"""Check a model directory: is everything there, whole, and does its LLM know a language?

Most failed set-ups of MiniGPT-4 were weights that load without complaint and answer nonsense: a
git-lfs pointer in place of a file, a download cut short, Vicuna's *delta* weights, another LLM of
the same shape. Files are checked without loading anything; then the LLM reads a few plain
sentences. One that knows its language finds each word far likelier than chance, ln(vocabulary).
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Int
from torch import Tensor, nn

from minigpt4.errors import MiniGPT4Error

if TYPE_CHECKING:
    from minigpt4.model.frozen import FrozenSource

ENGLISH = (
    "The sun rises in the east and sets in the west.",
    "She opened the door, walked into the kitchen and made a cup of tea.",
    "Paris is the capital of France, and London is the capital of England.",
)
WORLD = (
    "The picture shows a clear evening on the farm. On the left there is a big black cactus. "
    "A large blue ball is on the right side.",
    "a rainy evening in the park with a small orange cake left and a large white train center",
)
CAPTION = (
    "harbor day clear ; left large white bird ; right small green boat a clear day at the harbor "
    "with a large white bird left and a small green boat right",
)
"""A caption after its scene in words: all that the LLM of the miniature's BLIP-2 baseline knows."""

CHANCE_SHARE = 0.6
"""A loss above this share of ln(vocabulary) is not that of a language model that fits."""

LARGE_PARAMETERS = 1_000_000_000
"""Above this an LLM is read in bf16, so that it fits a machine that could run it."""

LFS_MARK = b"version https://git-lfs.github.com/spec/v1"
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt")
MAX_HEADER_BYTES = 100_000_000


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found and, where something is wrong, what to do."""

    name: str
    status: Literal["ok", "warn", "problem"]
    detail: str
    remedy: str = ""


def inspect_model(directory: Path, *, load: bool = True) -> list[Check]:
    """Check a directory that holds one of our models or a causal LLM.

    The files come first; the model is loaded (`load`) only when they are whole.
    """
    checks = inspect_files(directory)
    if not load or any(check.status == "problem" for check in checks):
        return checks
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") == "minigpt4":
        return checks + _inspect_minigpt4(directory)
    if any(name.endswith("ForCausalLM") for name in config.get("architectures") or []):
        return checks + _inspect_llm(directory)
    kind = config.get("model_type", "unknown")
    detail = f"model type {kind!r} is neither a MiniGPT-4 nor a causal LLM; only its files count"
    return [*checks, Check("kind", "warn", detail)]


def inspect_files(directory: Path) -> list[Check]:
    """Check that a model directory is complete and that no weight file is cut or a stand-in."""
    if not directory.is_dir():
        return [Check("directory", "problem", f"{directory} is not a directory")]
    checks = [_check_config(directory / "config.json")]
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    weights = [path for path in files if path.suffix in WEIGHT_SUFFIXES]
    if not weights:
        remedy = "download or copy the weights; a config alone is no model"
        checks.append(Check("weights", "problem", f"no weight file in {directory}", remedy))
    for path in files:
        fault = find_fault(path)
        if fault or path in weights:
            name = str(path.relative_to(directory))
            whole = Check(name, "ok", f"whole, {path.stat().st_size / 1e6:.1f} MB")
            checks.append(replace(fault, name=name) if fault else whole)
        if path.name.endswith(".index.json") and not fault:
            checks += _check_shards(path)
    return checks


def find_fault(path: Path) -> Check | None:
    """Tell what is wrong with a file, without reading its tensors; None if nothing is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(LFS_MARK))
    if head.startswith(LFS_MARK):
        return Check(
            path.name,
            "problem",
            f"{path} is a git-lfs pointer of {size} bytes, not the file itself",
            remedy="install git-lfs and run `git lfs pull`, or download the file",
        )
    if path.suffix not in WEIGHT_SUFFIXES:
        return None
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return Check(path.name, "problem", f"{path} is a web page", "download the file again")
    found = _safetensors_fault(path, size) if path.suffix == ".safetensors" else _zip_fault(path)
    return Check(path.name, "problem", found, "download or copy it again") if found else None


def language_loss(llm: nn.Module, tokenizer: Any, sentences: Sequence[str]) -> float:
    """Return the mean negative log likelihood of the sentences' tokens, in nats."""
    bos = tokenizer.bos_token_id
    total, count = 0.0, 0
    for sentence in sentences:
        ids = tokenizer(sentence, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([([bos] if bos is not None else []) + list(ids)])
        total += _token_losses(llm, ids).sum().item()
        count += ids.shape[1] - 1
    return total / max(count, 1)


def check_language(llm: nn.Module, tokenizer: Any) -> Check:
    """Tell good LLM weights from delta, random or corrupt ones by a few plain sentences."""
    losses = {
        "plain English": language_loss(llm, tokenizer, ENGLISH),
        "the miniature's world": language_loss(llm, tokenizer, WORLD),
        "a caption of that world": language_loss(llm, tokenizer, CAPTION),
    }
    chance = math.log(llm.get_input_embeddings().num_embeddings)  # type: ignore[operator]
    finite = {name: loss for name, loss in losses.items() if math.isfinite(loss)}
    if len(finite) < len(losses):
        detail = "the LLM's loss on plain sentences is not finite: its weights are corrupt"
        return Check("language", "problem", detail, "get the weights again; do not use float16")
    name, loss = min(finite.items(), key=lambda item: item[1])
    seen = f"loss {loss:.2f} on {name}; chance is ln(vocabulary) = {chance:.2f}"
    if loss < CHANCE_SHARE * chance:
        return Check("language", "ok", f"the LLM knows its language: {seen}")
    cause = (
        "like unmerged delta weights or weights never loaded"
        if loss < 1.1 * chance
        else "like corrupt weights or another model's tokenizer"
    )
    return Check(
        "language",
        "problem",
        f"the LLM does not know any language: {seen}; it looks {cause}",
        remedy="use merged, complete weights and the tokenizer of the same directory",
    )


def check_finite(model: nn.Module) -> Check:
    """Look for NaN and infinity in all parameters."""
    broken = [name for name, value in model.named_parameters() if not value.isfinite().all()]
    if broken:
        named = ", ".join(broken[:3]) + (" ..." if len(broken) > 3 else "")
        detail = f"{len(broken)} tensors hold NaN or infinity: {named}"
        return Check("values", "problem", detail, "get the weights again")
    return Check("values", "ok", "all parameters are finite")


def _inspect_minigpt4(directory: Path) -> list[Check]:
    """Check the frozen parts' files, then the LLM alone, then the whole model.

    The LLM comes first: it is what people most often get wrong, and the rest can wait for it.
    """
    from minigpt4.model.frozen import read_sources

    checks = []
    try:
        sources = read_sources(directory)
        for name, source in sources.items():
            place = source.locate(directory)
            if source.kind not in ("hub", "copy"):  # copies were looked at with the directory
                checks += inspect_files(Path(place))
            mark = source.fingerprint or "not recorded"
            checks.append(Check(name, "ok", f"{source.kind} {place}, fingerprint {mark}"))
        if not any(check.status == "problem" for check in checks):
            checks.append(_check_own_llm(directory, sources["llm"]))
        if not any(check.status == "problem" for check in checks):
            checks += _check_whole(directory)
    except (MiniGPT4Error, OSError, ValueError, RuntimeError, KeyError) as error:
        checks.append(Check("loading", "problem", " ".join(str(error).split())))
    return checks


def _check_own_llm(directory: Path, source: FrozenSource) -> Check:
    """Load only the LLM of a model directory and let it read."""
    from minigpt4.model.frozen import load_part
    from minigpt4.model.loading import load_processor, read_config

    llm = load_part(
        "llm",
        source,
        directory=directory,
        config=read_config(directory),
        dtype=torch.bfloat16 if (source.num_parameters or 0) > LARGE_PARAMETERS else torch.float32,
        device=torch.device("cpu"),
    )
    return check_language(llm, load_processor(directory).tokenizer)


def _check_whole(directory: Path) -> list[Check]:
    from minigpt4.model.loading import load

    model = load(directory)
    fits = Check("loading", "ok", "all shapes and fingerprints fit the configuration")
    return [fits, check_finite(model)]


def _inspect_llm(directory: Path) -> list[Check]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            directory, dtype="auto", local_files_only=True, output_loading_info=True
        )
        llm, report = loaded
    except (OSError, ValueError, RuntimeError) as error:
        return [Check("loading", "problem", " ".join(str(error).split()))]
    missing = sorted(report["missing_keys"]) + [str(key) for key in report["mismatched_keys"]]
    if missing:
        detail = f"{len(missing)} tensors are missing or of another shape, first {missing[0]}"
        return [Check("loading", "problem", detail, "get the complete weights of this LLM")]
    fits = Check("loading", "ok", "all shapes fit the configuration")
    return [fits, check_finite(llm), check_language(llm.eval(), tokenizer)]


def _check_config(path: Path) -> Check:
    if not path.is_file():
        remedy = "name a model directory, or build one with `minigpt4 import`"
        return Check("config.json", "problem", f"{path} is missing", remedy)
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError):
        return Check("config.json", "problem", f"{path} is no JSON with a `model_type`")
    return Check("config.json", "ok", f"model type {kind}")


def _check_shards(index: Path) -> list[Check]:
    """Report the files that an index names and that are not there."""
    try:
        wanted = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return [Check(index.name, "problem", f"{index} is no JSON with a `weight_map`")]
    missing = sorted(name for name in wanted if not (index.parent / name).is_file())
    if missing:
        detail = f"{len(missing)} of {len(wanted)} files are missing: {', '.join(missing[:3])}"
        return [Check(index.name, "problem", detail, "download the missing files")]
    return [Check(index.name, "ok", f"all {len(wanted)} files are there")]


def _safetensors_fault(path: Path, size: int) -> str | None:
    """Compare a safetensors file's length with the one its header promises."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            return f"{path} is cut short or not safetensors ({size} bytes)"
        try:
            header = json.loads(file.read(length))
            ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"{path} has no safetensors header"
    wanted = 8 + length + max(ends, default=0)
    if size != wanted:
        return f"{path} has {size} bytes, its header promises {wanted}: it is cut short or damaged"
    return None


def _zip_fault(path: Path) -> str | None:
    """A torch file is a zip whose directory stands at its end, so a cut file has none."""
    if zipfile.is_zipfile(path):
        return None
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(b"PK"):
        return f"{path} is cut short: a torch file without its end"
    return None if head.startswith(b"\x80") else f"{path} is not a torch file"


@torch.no_grad()
def _token_losses(llm: nn.Module, input_ids: Int[Tensor, "1 tokens"]) -> Tensor:
    ids = input_ids.to(next(llm.parameters()).device)
    logits = llm(input_ids=ids).logits[0, :-1].float()  # (T - 1, V)
    return nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")  # (T - 1,)
