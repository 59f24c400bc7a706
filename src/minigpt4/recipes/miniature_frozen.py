"""Train what the miniature freezes: its LLM, and the vision side as BLIP-2 pretrained it.

Each part is a run of the training loop in a folder of its own, so that a stopped recipe goes on in
the part that it was in.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Blip2QFormerConfig,
    Blip2QFormerModel,
    LlamaForCausalLM,
)

from minigpt4.data.drawn import Pictures, load_pictures
from minigpt4.errors import SettingsError
from minigpt4.model.build import build_model
from minigpt4.model.configuration import vision_width
from minigpt4.model.loading import MINIATURE, load, save
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.recipes.miniature_llm import (
    LanguageTask,
    LLMSettings,
    build_llm,
    train_tokenizer,
)
from minigpt4.recipes.miniature_qformer import (
    QFormerSettings,
    QFormerTask,
    encode_all,
    initial_queries,
)
from minigpt4.recipes.miniature_tags import build_targets
from minigpt4.recipes.miniature_vision import (
    DistillTask,
    PictureStream,
    TagTask,
    TeacherTask,
    build_teacher,
    build_vision_encoder,
)
from minigpt4.training import TrainResult, TrainSettings, fit
from minigpt4.training.progress import progress_bar

if TYPE_CHECKING:
    from minigpt4.recipes.miniature import LLMExperiment, VisionExperiment

logger = logging.getLogger(__name__)


def run_llm(experiment: LLMExperiment, *, out: Path, resume: bool, device: str) -> TrainResult:
    """Train tokenizer and LLM; `out/model` is a directory that transformers loads."""
    if experiment.start and not (Path(experiment.start) / "config.json").is_file():
        raise SettingsError(
            f"start={experiment.start} is no folder of an LLM (it has no config.json); give what "
            'an earlier run left, e.g. --set start=runs/miniature_llm/model, or "" to begin anew'
        )
    tokenizer = out / "tokenizer"
    if not (tokenizer / "tokenizer.json").exists():
        earlier = AutoTokenizer.from_pretrained(experiment.start) if experiment.start else None
        own = earlier or train_tokenizer(
            vocab_size=experiment.llm.vocab_size,
            num_documents=experiment.llm.tokenizer_documents,
        )
        own.save_pretrained(tokenizer)
    start = AutoModelForCausalLM.from_pretrained(experiment.start) if experiment.start else None
    sizes = replace(experiment.llm, tokens_per_batch=experiment.batch_size, seed=experiment.seed)
    llm, task = _language_task(sizes, tokenizer, start=start)
    settings = part_settings(
        experiment.num_steps, experiment, peak_lr=experiment.peak_lr, final_lr=2e-5, warmup=80,
        optimizer=experiment.optimizer,
    )  # fmt: skip
    folder = out / "llm"
    result = fit(task, settings, out=folder, resume=_goes_on(folder, resume), device=device)
    if result.finished:
        llm.save_pretrained(out / "model")
        AutoTokenizer.from_pretrained(tokenizer).save_pretrained(out / "model")
    return result


def run_vision(
    experiment: VisionExperiment, *, out: Path, resume: bool, device: str
) -> TrainResult:
    """Train the vision side; `out/model` is the BLIP-2 baseline, a whole model directory."""
    tokenizer = _find_tokenizer(experiment)
    earlier = load(experiment.start) if experiment.start else None
    sizes = replace(experiment.weak_llm, seed=experiment.seed)
    weak, reading = _language_task(sizes, tokenizer, start=earlier and earlier.llm)
    settings = part_settings(
        experiment.weak_llm_steps, experiment, peak_lr=1.5e-3, final_lr=2e-5, warmup=80
    )
    folder = out / "weak_llm"
    result = fit(reading, settings, out=folder, resume=_goes_on(folder, resume), device=device)
    if not result.finished:
        return result
    pictures = draw_with_progress("train", experiment.seed, experiment.num_pictures)
    encoder, result = _train_eyes(experiment, pictures, out=out, resume=resume, device=device)
    if not result.finished:
        return result
    model = baseline_model(experiment, encoder, weak, AutoTokenizer.from_pretrained(tokenizer))
    if earlier is not None:
        begin_with(model, earlier)
    task = QFormerTask(
        model,
        pictures,
        encode_all(encoder, pictures),
        batch_size=experiment.batch_size,
        seed=experiment.seed,
        settings=experiment.qformer,
    )
    settings = part_settings(experiment.num_steps, experiment, peak_lr=8e-4, optimizer="muon")
    result = fit(
        task, settings, out=out / "qformer", resume=_goes_on(out / "qformer", resume), device=device
    )
    if result.finished:
        model.config.train_qformer = False
        save(model, out / "model", experiment=_record(out))
    return result


def baseline_model(
    experiment: VisionExperiment, encoder: nn.Module, weak: nn.Module, tokenizer: Any
) -> MiniGPT4ForConditionalGeneration:
    """Join the frozen encoder to the weak LLM with a Q-Former that is still to learn."""
    sizes = experiment.qformer
    qformer = untrained_qformer(sizes, encoder_width=vision_width(encoder.config))  # type: ignore[arg-type]
    return build_model(
        vision_encoder=encoder,
        qformer=qformer,
        query_tokens=initial_queries(sizes, seed=experiment.seed),
        llm=weak,
        tokenizer=tokenizer,
        train_qformer=True,
        template="vicuna_v0_training",
    )


def begin_with(
    model: MiniGPT4ForConditionalGeneration, earlier: MiniGPT4ForConditionalGeneration
) -> None:
    """Copy an earlier baseline's Q-Former, queries and projection into a new one.

    Raises:
        SettingsError: where their sizes differ.
    """
    names = ("qformer.", "query_tokens", "projection.")
    state = {name: t for name, t in earlier.state_dict().items() if name.startswith(names)}
    wanted = {name: t.shape for name, t in model.state_dict().items() if name.startswith(names)}
    if {name: t.shape for name, t in state.items()} != wanted:
        raise SettingsError(
            "start names a model whose Q-Former has other sizes than this recipe's; give "
            'the recipe those sizes (--set qformer.hidden_size=...) or start from nothing: ""'
        )
    # Encoder and LLM stay as they are; that all of the rest is there was compared above.
    model.load_state_dict(state, strict=False)


def untrained_qformer(sizes: QFormerSettings, *, encoder_width: int) -> Blip2QFormerModel:
    """Build a Q-Former whose every second layer looks at features of the given width."""
    qformer = Blip2QFormerModel(
        Blip2QFormerConfig(
            hidden_size=sizes.hidden_size,
            num_hidden_layers=sizes.num_layers,
            num_attention_heads=sizes.num_heads,
            intermediate_size=sizes.intermediate_size,
            encoder_hidden_size=encoder_width,
            cross_attention_frequency=2,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )
    # As for the ViT: at these lengths the fused kernel is slower on a CPU.
    qformer.set_attn_implementation("eager")
    return qformer


def draw_with_progress(split: Any, seed: int, count: int) -> Pictures:
    """Load pictures of the world, showing a bar while new ones are drawn."""
    with progress_bar(count, 0, label="drawing") as advance:
        return load_pictures(split, seed, count, report=lambda done, _: advance(done, None))


def part_settings(
    steps: int,
    experiment: Any,
    *,
    peak_lr: float,
    final_lr: float = 1e-5,
    warmup: int = 50,
    optimizer: Literal["adamw", "muon"] = "adamw",
) -> TrainSettings:
    """Settings that the parts share."""
    return TrainSettings(
        num_steps=steps,
        peak_lr=peak_lr,
        final_lr=final_lr,
        warmup_steps=warmup,
        optimizer=optimizer,
        betas=(0.9, 0.98),
        grad_clip=1.0,
        precision="bf16",
        log_every_steps=20,
        checkpoint_every_steps=experiment.checkpoint_every_steps,
        validate_every_steps=200,
    )


def _language_task(
    sizes: LLMSettings, tokenizer: Path, *, start: nn.Module | None
) -> tuple[LlamaForCausalLM, LanguageTask]:
    llm = build_llm(sizes)
    if start is not None:
        wanted = {name: tuple(t.shape) for name, t in llm.state_dict().items()}
        found = {name: tuple(t.shape) for name, t in start.state_dict().items()}
        if found != wanted:
            raise SettingsError(
                "start names an LLM of other sizes than this recipe's; give the recipe those sizes "
                '(--set llm.hidden_size=...) or begin from nothing: --set start=""'
            )
        llm.load_state_dict(start.state_dict())
    return llm, LanguageTask(llm, str(tokenizer / "tokenizer.json"), sizes)


def _train_eyes(
    experiment: VisionExperiment, pictures: Pictures, *, out: Path, resume: bool, device: str
) -> tuple[nn.Module, TrainResult]:
    """Train the teacher on tags, then, if it is asked for, the ViT on the teacher."""
    held_out = draw_with_progress("validation", experiment.seed, experiment.num_validation_pictures)
    stream = PictureStream(
        pictures=pictures,
        targets=build_targets(pictures),
        batch_size=experiment.batch_size,
        seed=experiment.seed + 1,
        held_out=(held_out, build_targets(held_out)),
    )
    sizes = replace(experiment.vision, seed=experiment.seed)
    teacher, encoder = build_teacher(sizes), build_vision_encoder(sizes)
    settings = part_settings(experiment.teacher_steps, experiment, peak_lr=2.5e-3)
    folder = out / "teacher"
    task: Any = TeacherTask(teacher, stream)
    result = fit(task, settings, out=folder, resume=_goes_on(folder, resume), device=device)
    if not result.finished or experiment.vision_encoder == "teacher":
        return teacher.eval(), result
    task = DistillTask(encoder, teacher, stream, tag_weight=experiment.vision.tag_weight)
    settings = part_settings(experiment.vision_encoder_steps, experiment, peak_lr=1.5e-3)
    folder = out / "vision_encoder"
    result = fit(task, settings, out=folder, resume=_goes_on(folder, resume), device=device)
    if not result.finished:
        return encoder, result
    finish: Any = TagTask(encoder, task.head, stream)
    settings = part_settings(
        experiment.vision_encoder_finish_steps, experiment, peak_lr=6e-4, optimizer="muon"
    )
    folder = out / "vision_encoder_finish"
    return encoder, fit(
        finish, settings, out=folder, resume=_goes_on(folder, resume), device=device
    )


def _find_tokenizer(experiment: VisionExperiment) -> Path:
    own = Path("runs/miniature_llm/tokenizer")
    folder = Path(experiment.tokenizer) if experiment.tokenizer else own
    if not experiment.tokenizer and not (own / "tokenizer.json").exists():
        folder = MINIATURE
    logger.info("tokenizer of %s", folder)
    return folder


def _goes_on(out: Path, resume: bool) -> bool:
    """A part that was not reached before the stop begins anew."""
    return resume and out.exists()


def _record(out: Path) -> dict[str, Any]:
    path = out / "experiment.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
