"""The language models of the miniature, trained on text alone.

Everything the LLM is asked for later is to say what its context says. So a small LLaMA begins with
a circuit that copies (`miniature_induction.py`), and its documents of the drawn world come mixed
with an exercise in looking up: scenes that are told twice. Without these it writes fluent, untrue
text (`docs/experiments.md`).
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from minigpt4.config import config
from minigpt4.recipes.miniature_induction import give_induction
from minigpt4.training.task import StepLoss
from minigpt4.world.language.corpus import Document, sample_document, sample_retelling

BOS, EOS, UNKNOWN = 1, 2, 0
IGNORED = -100


@config
class LLMSettings:
    """The size and the diet of one language model."""

    hidden_size: int = 256
    num_layers: int = 6
    num_heads: int = 8
    intermediate_size: int = 688
    vocab_size: int = 2048
    small_corpus: bool = False
    """Captions and short answers only: the weaker LLM that teaches the Q-Former."""
    tokens_per_batch: int = 4096
    """Tokens of a batch of documents, padding included."""
    tokenizer_documents: int = 12_000
    """Documents the tokenizer is trained on."""
    seed: int = 0
    """Seed of the documents."""


def build_llm(settings: LLMSettings) -> LlamaForCausalLM:
    """Build an untrained LLaMA that copies; its embeddings are tied."""
    torch.manual_seed(settings.seed)
    llm = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=settings.vocab_size,
            hidden_size=settings.hidden_size,
            intermediate_size=settings.intermediate_size,
            num_hidden_layers=settings.num_layers,
            num_attention_heads=settings.num_heads,
            num_key_value_heads=settings.num_heads,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=UNKNOWN,
        )
    )
    # Short rows on a CPU: the fused kernel's backward alone would cost a fifth of each step.
    llm.set_attn_implementation("eager")
    give_induction(llm, seed=settings.seed)
    return llm


def train_tokenizer(
    *, vocab_size: int = 2048, num_documents: int = 12_000
) -> PreTrainedTokenizerFast:
    """Train the byte-level BPE tokenizer on the corpus; the same call gives the same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    # One space before every segment, as SentencePiece has it; `###` never melts into a word.
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(" ?###"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<unk>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (
        segment.text for index in range(num_documents) for segment in sample_document(1, index)
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<unk>",
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )


@dataclass(frozen=True)
class TokenBatch:
    """Right-padded documents. Causal attention needs no mask: padding only looks back.

    A place holds one token, or, where a scene is told in places, the mean of several.
    """

    token_ids: Tensor
    """The tokens of all places in turn (K,)."""
    starts: Tensor
    """Where in `token_ids` each place begins (B * T,)."""
    weights: Tensor
    """What each token's embedding is multiplied by (K,); a place is the sum of its tokens."""
    noise_seed: int
    """Seed of the noise on places of several tokens."""
    noise: Tensor
    """Its standard deviation (B, T), as a share of the place's own."""
    labels: Tensor
    """The token to predict at each place (B, T)."""

    def to(self, device: torch.device | str) -> TokenBatch:
        """Move all tensors."""
        names = ("token_ids", "starts", "weights", "noise", "labels")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def embed(self, embeddings: Tensor) -> Tensor:
        """Return what the LLM reads (B, T, D), given its embeddings (V, D)."""
        flat = nn.functional.embedding_bag(
            self.token_ids, embeddings, self.starts, mode="sum", per_sample_weights=self.weights
        )
        embedded = flat.view(*self.labels.shape, -1)  # (B, T, D)
        if not bool(self.noise.any()):
            return embedded
        generator = torch.Generator().manual_seed(self.noise_seed)
        noise = torch.randn(embedded.shape, generator=generator).to(embedded.device)
        deviation = embedded.detach().square().mean(dim=-1, keepdim=True).sqrt()
        return embedded + self.noise[..., None] * deviation * noise


class LanguageTask:
    """Next-token prediction: documents in turn with retelling, which keeps looking up alive."""

    def __init__(
        self, module: LlamaForCausalLM, tokenizer_path: str, settings: LLMSettings
    ) -> None:
        self.module: nn.Module = module
        self._llm: Any = module
        self.settings = settings
        self._tokenizer_path = tokenizer_path
        self._pool = functools.lru_cache(maxsize=4)(self._build_pool)

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer; not needed before the first document."""
        return Tokenizer.from_file(self._tokenizer_path)

    def batch(self, step: int) -> TokenBatch:
        """Make the batch of a step: what it holds follows the `TURNS`."""
        cycle, place = divmod(step, len(TURNS))
        turn = TURNS[place]
        number = cycle * TURNS.count(turn) + TURNS[:place].count(turn)
        pool, place = divmod(number, BATCHES_PER_POOL)
        return pad_rows(self._pool(turn, pool)[place], seed=step)

    def _build_pool(self, turn: Turn, pool: int) -> list[list[Row]]:
        """Sort a pool of texts by length and cut it into batches of equal cost."""
        settings = self.settings
        wanted = settings.tokens_per_batch * BATCHES_PER_POOL
        rng = random.Random(f"pool {settings.seed} {pool}")
        rows: list[Row] = []
        tokens, index = 0, pool * MAX_POOL_DOCUMENTS
        while tokens < wanted:
            if turn == "retell":
                document = sample_retelling(settings.seed, index)
            else:
                document = sample_document(settings.seed, index, small=settings.small_corpus)
            row = encode_document(document, self.tokenizer)
            rows.append(row)
            tokens, index = tokens + len(row), index + 1
        rows.sort(key=len)
        batches = cut_evenly(rows, BATCHES_PER_POOL)
        rng.shuffle(batches)
        return batches

    def loss(self, batch: TokenBatch) -> StepLoss:
        """Mean cross-entropy over the learned tokens, logits computed only there."""
        inputs_embeds = batch.embed(self._llm.get_input_embeddings().weight)
        hidden = self._llm.model(inputs_embeds=inputs_embeds).last_hidden_state[:, :-1]
        targets = batch.labels[:, 1:]
        kept = targets != IGNORED
        logits = self._llm.lm_head(hidden[kept])  # (kept tokens, V)
        loss = nn.functional.cross_entropy(logits.float(), targets[kept])
        return StepLoss(loss=loss, weight=float(kept.sum()), num_examples=len(batch.labels))


Turn = Literal["retell", "read"]
TURNS: tuple[Turn, ...] = ("read", "retell", "read", "read")
"""What the steps do in turn."""
ROPE_THETA = 100_000.0
"""Base of the rotary frequencies: more slow channels than LLaMA's 10,000 leaves, to match by."""
BATCHES_PER_POOL = 8
MAX_POOL_DOCUMENTS = 4096
LARGEST_LOG_SCALE = 2.5
"""Places told as in a picture are up to 12 times as long as words: projections grow to 8 times."""
LARGEST_NOISE = 1.5
"""Up to so much of its own length is added to each: half of a projected picture is constant."""


@dataclass(frozen=True)
class Row:
    """One document: what is read at each place, and what is to be predicted there."""

    places: list[list[int]]
    labels: list[int]
    blurred: list[bool]
    """Whether a place stands for part of a picture: scaled, and with noise."""

    def __len__(self) -> int:
        return len(self.places)


def encode_document(document: Document, tokenizer: Tokenizer) -> Row:
    """Encode a document: BOS, then each segment tokenised on its own."""
    row = Row([[BOS]], [IGNORED], [False])
    for segment in document:
        if segment.places:
            places = [_encode(text, tokenizer) for text in segment.places]
        else:
            places = [[token] for token in _encode(segment.text, tokenizer)]
        row.places.extend(places)
        row.labels.extend(place[0] if segment.learned else IGNORED for place in places)
        row.blurred.extend([bool(segment.places)] * len(places))
    return row


def _encode(text: str, tokenizer: Tokenizer) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def cut_evenly(rows: Sequence[Row], parts: int) -> list[list[Row]]:
    """Cut rows sorted by length into parts of about the same number of tokens."""
    total = sum(len(row) for row in rows)
    batches: list[list[Row]] = [[] for _ in range(parts)]
    seen = 0
    for row in rows:
        batches[min(parts - 1, seen * parts // total)].append(row)
        seen += len(row)
    return batches


def pad_rows(rows: Sequence[Row], *, seed: int = 0) -> TokenBatch:
    """Pad rows on the right; `seed` decides scale and noise of the places told as in pictures."""
    rng = random.Random(f"scale and noise {seed}")
    length = max(len(row) for row in rows)
    token_ids: list[int] = []
    starts: list[int] = []
    weights: list[float] = []
    noise = torch.zeros(len(rows), length)
    labels = torch.full((len(rows), length), IGNORED)
    for number, row in enumerate(rows):
        # A projection is free in the length of its embeddings; the LLM must not depend on it.
        scale = math.exp(rng.uniform(0.0, LARGEST_LOG_SCALE))
        noise[number, : len(row)] = rng.uniform(0.0, LARGEST_NOISE) * torch.tensor(row.blurred)
        labels[number, : len(row)] = torch.tensor(row.labels)
        padding = [[UNKNOWN]] * (length - len(row))
        blurred = [*row.blurred, *[False] * len(padding)]
        for place, blur in zip([*row.places, *padding], blurred, strict=True):
            starts.append(len(token_ids))
            token_ids += place
            weights += [(scale if blur else 1.0) / len(place)] * len(place)
    return TokenBatch(
        token_ids=torch.tensor(token_ids),
        starts=torch.tensor(starts),
        weights=torch.tensor(weights),
        noise_seed=seed,
        noise=noise,
        labels=labels,
    )
