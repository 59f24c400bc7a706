"""Build a model directory from the weights that were published with the paper.

Four sources become one directory: the ViT (`eva_vit_g.pth`), the Q-Former with its queries and
`ln_vision` (`blip2_pretrained_flant5xxl.pth`; no T5 is loaded), the LLM, and the projection. The
ViT and the Q-Former may also come from a `blip2-*` directory of the Hugging Face hub.

Every tensor is written as it is read: nothing is built in memory but the LLM, once, to take its
fingerprint.

Paper: §3; the variant without a Q-Former is Table 4 (a) and the Llama-2 release.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from minigpt4.errors import WeightsError, WrongLLMError
from minigpt4.model.build import build_processor
from minigpt4.model.configuration import MiniGPT4Config
from minigpt4.model.fingerprint import fingerprint, fingerprint_tensors
from minigpt4.model.frozen import (
    FrozenSource,
    copy_part,
    load_part,
    quiet_transformers,
    read_llm_config,
    refer_to,
    write_sources,
)
from minigpt4.model.loading import CARD_FILE, MADE_BY_FILES, OWNED_FILES, WEIGHTS_FILE
from minigpt4.model.official_files import open_tensors
from minigpt4.model.official_keys import need, projection_unknown, trained_qformer
from minigpt4.model.official_sizes import PUBLISHED_LLMS, read_sizes
from minigpt4.model.official_tensors import (
    checked,
    name_unknown,
    qformer_tensors,
    unknown_of_hub,
    unknown_trained,
    vision_tensors,
)
from minigpt4.model.storage import whole_directory
from minigpt4.processing.tokenizer import load_tokenizer

_log = logging.getLogger(__name__)


def import_official(  # noqa: PLR0913 - four files in, one directory out
    *,
    vision: Path,
    llm: Path,
    projection: Path,
    out: Path,
    qformer: Path | None = None,
    sizes: Path | None = None,
    copy_llm: bool = False,
) -> Path:
    """Build a model directory from files in the official formats.

    Leftovers of unknown use in the files are named in a warning. Only the widths of the LLM can be
    compared with the projection's; which LLM it was published with is said in the model card.

    Args:
        vision: `eva_vit_g.pth`, or a `blip2-*` directory of the hub.
        llm: directory of the LLM, merged and with its tokenizer.
        projection: `pretrained_minigpt4_7b.pth` or alike. What it holds of a Q-Former that was
            trained with it goes before what `qformer` has.
        out: the directory to write; an older model there is replaced when this one is complete.
        qformer: `blip2_pretrained_flant5xxl.pth`, or a `blip2-*` directory; None: the variant
            without a Q-Former.
        sizes: JSON file of the parts' sizes, as `read_sizes` takes it; None: those of a `blip2-*`
            directory, else the published ones.
        copy_llm: copy the LLM into `out` instead of naming its place.

    Returns:
        `out`.

    Raises:
        WrongLLMError: if the projection is of another width than the LLM; it says which it needs.
        WeightsError: for a tensor that is missing or has another shape, a file that cannot be
            read, or a full disk.
        SettingsError: for sizes that are missing or fit no model.
    """
    vision, llm, projection, out = Path(vision), Path(llm), Path(projection), Path(out)
    qformer = None if qformer is None else Path(qformer)
    hub = next((path for path in (vision, qformer) if path is not None and path.is_dir()), None)
    known = read_sizes(sizes, directory=hub)
    text_config = read_llm_config(llm)
    checkpoint = open_tensors(projection)
    trained_parts = trained_qformer(checkpoint)
    name_unknown(
        projection,
        projection_unknown(checkpoint)
        + (sorted(trained_parts) if qformer is None else unknown_trained(trained_parts, known)),
    )
    config = MiniGPT4Config(
        vision_config=known.vision,
        qformer_config=None if qformer is None else known.qformer,
        text_config=text_config,
        num_query_tokens=known.num_query_tokens,
        vision_norm_eps=known.norm_eps,
        template="vicuna_v0" if qformer is not None else "llama2",
    )
    trained = _projection_tensors(checkpoint, config, projection=projection, llm=llm)
    for path in dict.fromkeys(p for p in (vision, qformer) if p is not None and p.is_dir()):
        name_unknown(path, unknown_of_hub(open_tensors(path), known))
    # A card and an experiment of an older model would describe another one.
    with whole_directory(out, owned=OWNED_FILES | MADE_BY_FILES) as draft:
        sources = {}
        norm: dict[str, Tensor] | None = None
        if qformer is not None:
            part, queries, norm = qformer_tensors(
                open_tensors(qformer), known, qformer, trained=trained_parts
            )
            trained["query_tokens"] = queries
            sources["qformer"] = _write_part("qformer", part, config.qformer_config, draft)
        part = vision_tensors(open_tensors(vision), known, norm, vision)
        sources["vision_encoder"] = _write_part("vision_encoder", part, known.vision, draft)
        sources["llm"] = _llm_source(llm, config, draft if copy_llm else None, out)
        write_sources(sources, draft)
        save_file(trained, draft / WEIGHTS_FILE, metadata={"format": "pt"})
        config.architectures = ["MiniGPT4ForConditionalGeneration"]
        with quiet_transformers():
            tokenizer = load_tokenizer(llm)
            config.save_pretrained(draft)
            # Officially a pad token that the tokenizer lacks gets the id of its unknown token.
            has_pad = known.pad_token in tokenizer.get_vocab() or tokenizer.unk_token is not None
            pad_token = known.pad_token if has_pad else None
            build_processor(config, tokenizer, pad_token=pad_token).save_pretrained(draft)
        needed = needed_llm(trained["projection.weight"])
        (draft / CARD_FILE).write_text(_card(out.name, llm.name, needed), encoding="utf-8")
    _log.info("the projection in %s needs %s; it was given %s", projection, needed, llm)
    return out


def needed_llm(weight: Float[Tensor, "llm_dim feature_dim"]) -> str:
    """Say which LLM a projection's weight needs, as far as its shape tells."""
    llm_dim, feature_dim = weight.shape
    published = PUBLISHED_LLMS.get((llm_dim, feature_dim))
    return f"an LLM of hidden size {llm_dim}" + (f" ({published})" if published else "")


def _projection_tensors(
    checkpoint: Mapping[str, Tensor], config: MiniGPT4Config, *, projection: Path, llm: Path
) -> dict[str, Tensor]:
    """Return the projection, if it fits the LLM and the variant.

    Raises:
        WrongLLMError: with the LLM it needs.
    """
    weight, bias = (need(f"llama_proj.{part}", checkpoint) for part in ("weight", "bias"))
    if weight.ndim != 2:
        raise WeightsError(
            f"{projection}: llama_proj.weight is {tuple(weight.shape)}, wanted two dimensions; "
            "this is another model's file"
        )
    out_features, in_features = weight.shape
    bias = checked("llama_proj.bias", bias, (out_features,), projection)
    wanted = config.projection_in_features
    if out_features != config.text_config.hidden_size:
        raise WrongLLMError(
            f"{projection} needs {needed_llm(weight)}; the one in {llm} has hidden size "
            f"{config.text_config.hidden_size}; give the LLM it was trained with"
        )
    if in_features != wanted:
        variant = "a Q-Former" if config.qformer_config is not None else "no Q-Former"
        remedy = (
            "it was trained without one: import with --no-qformer"
            if config.qformer_config is not None
            else "give the Q-Former it was trained with (--qformer)"
        )
        raise WrongLLMError(
            f"{projection} takes features of width {in_features}, a model with {variant} makes "
            f"{wanted}; {remedy}"
        )
    return {
        "projection.weight": weight.to(torch.float32).contiguous(),
        "projection.bias": bias.to(torch.float32).contiguous(),
    }


def _write_part(name: str, tensors: dict[str, Tensor], config: Any, draft: Path) -> FrozenSource:
    folder = draft / name
    folder.mkdir()
    config.save_pretrained(folder)
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    return FrozenSource(
        kind="copy",
        path=name,
        fingerprint=fingerprint_tensors(tensors),
        num_parameters=sum(tensor.numel() for tensor in tensors.values()),
    )


def _llm_source(llm: Path, config: MiniGPT4Config, copy_to: Path | None, out: Path) -> FrozenSource:
    """Check the LLM by loading it once, then copy its files or name its place."""
    source = FrozenSource(kind="directory", path=str(llm.resolve()))
    stored = config.text_config.dtype or torch.float32
    part = load_part(
        "llm", source, directory=out, config=config, dtype=stored, device=torch.device("cpu")
    )
    source = replace(
        source,
        fingerprint=fingerprint(part),
        num_parameters=sum(parameter.numel() for parameter in part.parameters()),
    )
    if copy_to is None:
        return refer_to(source, directory=out, target=out)
    copy_part(part, source=str(llm), target=copy_to / "llm", dtype=None)
    return replace(source, kind="copy", path="llm")


def _card(name: str, llm: str, needed: str) -> str:
    return (
        f"# {name}\n\n"
        "Made of published weights by `minigpt4 import`. Its projection needs "
        f"{needed}; the LLM given is `{llm}`.\n\n"
        "The projection's file says how wide its LLM is, not which one it is. With another LLM of "
        "the same width the model loads and answers nonsense.\n"
    )
