"""MiniGPT-4: a frozen vision encoder and a frozen LLM, joined by one linear layer.

    picture -> vision_encoder -> qformer -> projection -> image embeddings
    text    -> the LLM's own embedding table ----------> text embeddings
    both, in one sequence -> llm -> next-token logits

Everything but the projection comes from transformers and stays as it was trained. The sequence is
made by the processor: it writes a placeholder id at each image position, and `embed` writes the
image embeddings over the placeholders.

Paper: §3.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    GenerationMixin,
    PreTrainedModel,
)
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel

from minigpt4.errors import PromptError
from minigpt4.model.configuration import MiniGPT4Config, num_patches
from minigpt4.model.language import (
    answer_logits,
    check_takes_embeddings,
    next_token_logits,
    special_token_ids,
)
from minigpt4.model.lora import add_lora, is_lora, lora_modules, lora_settings
from minigpt4.model.loss import targets_of, token_losses
from minigpt4.model.prefix import Prefixes
from minigpt4.model.projection import build_projection
from minigpt4.model.vision import (
    LeftOut,
    build_vision_encoder,
    encode_patches,
    is_left_out,
    join_patches,
    set_last_norm_eps,
)


@dataclass
class MiniGPT4Output(CausalLMOutputWithPast):
    """What a forward pass returns.

    With labels, `loss` is the mean of `token_losses`, the fp32 negative log likelihood of each
    answer token in row-major order, and `logits` are those tokens' (targets, vocab). Without
    labels, `logits` are (batch, length or logits_to_keep, vocab).
    """

    token_losses: Tensor | None = None


class MiniGPT4ForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """A MiniGPT-4 with random weights, or made of the parts that are given.

    Use `minigpt4.load` for trained weights and `build_model` for parts in memory.
    """

    config_class = MiniGPT4Config
    config: MiniGPT4Config
    base_model_prefix = "minigpt4"
    main_input_name = "input_ids"
    input_modalities = ["image", "text"]
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _skip_keys_device_placement = ["past_key_values"]

    def __init__(
        self,
        config: MiniGPT4Config,
        *,
        vision_encoder: nn.Module | None = None,
        qformer: nn.Module | None = None,
        llm: nn.Module | None = None,
    ) -> None:
        super().__init__(config)
        # Parts are modules of transformers that share no type but nn.Module.
        self.vision_encoder: Any = vision_encoder or build_vision_encoder(config.vision_config)
        if config.vision_norm_eps is not None and not is_left_out(self.vision_encoder):
            set_last_norm_eps(self.vision_encoder, config.vision_norm_eps)
        self.qformer: Any = None
        self.query_tokens: Any = None
        if config.qformer_config is not None:
            self.qformer = qformer or Blip2QFormerModel(deepcopy(config.qformer_config))
            # Queries of zeros would be divided by the norm's epsilon: gradients of 1e18.
            queries = torch.randn(1, config.num_query_tokens, config.qformer_config.hidden_size)
            self.query_tokens = nn.Parameter(0.02 * queries)
        self.llm: Any = llm or AutoModelForCausalLM.from_config(deepcopy(config.text_config))
        check_takes_embeddings(self.llm)
        lora = lora_settings(config.lora)
        if lora is not None:
            add_lora(self.llm, lora)
        self.projection: nn.Module = build_projection(
            config.projection_in_features,
            config.text_config.hidden_size,
            num_layers=config.projection_num_layers,
        )
        self.processor: Any = None
        """The `MiniGPT4Processor` that belongs to the weights, attached by `load`."""
        self._prefixes = Prefixes()
        self.frozen_sources: dict[str, Any] = {}
        """Where `load` found the frozen parts, so that `save` can name the same places."""
        self.directory: Path | None = None
        """The directory the weights were loaded from or saved to last; None: neither yet."""
        self.post_init()
        self.generation_config = GenerationConfig(**special_token_ids(self.llm))
        self.freeze()

    # -- pictures -------------------------------------------------------------------------------

    def encode_images(
        self, pixel_values: Float[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images image_tokens feature_dim"]:
        """Encode pictures up to the projection's input."""
        return self._query_if_trained(self.encode_frozen(pixel_values))

    @torch.no_grad()
    def encode_frozen(
        self, pixel_values: Float[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images frozen_tokens frozen_dim"]:
        """Encode pictures as far as nothing is trained, so that the result can be cached.

        It is computed in the type the encoder was loaded in, whatever the precision of a training.
        """
        if is_left_out(self.vision_encoder):
            self.vision_encoder()  # says why there are no features
        with torch.autocast(pixel_values.device.type, enabled=False):
            tokens = encode_patches(
                self.vision_encoder, pixel_values.to(self.vision_encoder.dtype)
            )  # (N, 1+P, C)
            if self.qformer is None:
                return join_patches(
                    tokens,
                    num_patches=num_patches(self.config.vision_config),
                    patches_per_token=self.config.patches_per_token,
                )  # (N, P/4, 4C)
            return tokens if self.config.train_qformer else self._query(tokens)  # (N, Q, H)

    def _query_if_trained(self, features: Tensor) -> Tensor:
        trained = self.qformer is not None and self.config.train_qformer
        return self._query(features) if trained else features

    def _query(self, tokens: Tensor) -> Tensor:
        """Let the Q-Former's queries look at the vision encoder's tokens."""
        queries = self.query_tokens.expand(tokens.shape[0], -1, -1)  # (N, Q, H)
        return self.qformer(
            query_embeds=queries, encoder_hidden_states=tokens.to(self.qformer.dtype)
        ).last_hidden_state  # (N, Q, H)

    def leave_out_encoder(self) -> dict[str, nn.Module]:
        """Take out what `encode_frozen` needs and return it; cached features do without."""
        parts = {"vision_encoder": self.vision_encoder}
        self.vision_encoder = LeftOut("vision_encoder", self.config.vision_config)
        if self.qformer is not None and not self.config.train_qformer:
            parts["qformer"] = self.qformer
            self.qformer = LeftOut("qformer", self.config.qformer_config)
        return parts

    def project(
        self, features: Float[Tensor, "images image_tokens feature_dim"]
    ) -> Float[Tensor, "images image_tokens llm_dim"]:
        """Map features of pictures into the LLM's embedding space, in fp32."""
        with torch.autocast(features.device.type, enabled=False):
            return self.projection(features.float())

    def get_image_features(
        self, pixel_values: Float[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images image_tokens llm_dim"]:
        """Return the image embeddings of pictures."""
        return self.project(self.encode_images(pixel_values))

    def embed_features(
        self, features: Float[Tensor, "images frozen_tokens frozen_dim"]
    ) -> Float[Tensor, "images image_tokens llm_dim"]:
        """Return the image embeddings of pictures from the result of `encode_frozen`."""
        return self.project(self._query_if_trained(features))

    # -- the sequence ---------------------------------------------------------------------------

    def embed(
        self,
        input_ids: Int[Tensor, "batch length"],
        *,
        image_embeds: Float[Tensor, "images image_tokens llm_dim"] | None = None,
        image_mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length llm_dim"]:
        """Embed text and write the pictures' embeddings over their placeholders, in order.

        Raises:
            PromptError: if there are more or fewer placeholders than image embeddings.
        """
        if image_mask is None:
            image_mask = input_ids == self.config.image_token_id
        # Placeholders are no token of the LLM; any id will do where a picture goes.
        text_embeds = self.get_input_embeddings()(input_ids.masked_fill(image_mask, 0))  # (B, T, D)
        num_embeds = 0 if image_embeds is None else image_embeds.shape[0] * image_embeds.shape[1]
        if int(image_mask.sum()) != num_embeds:
            raise PromptError(
                f"{int(image_mask.sum())} image positions for {num_embeds} image embeddings; "
                f"each picture takes {self.config.num_image_tokens} positions"
            )
        if image_embeds is None:
            return text_embeds
        return text_embeds.masked_scatter(
            image_mask[..., None], image_embeds.to(text_embeds.device, text_embeds.dtype)
        )  # (B, T, D)

    def forward(  # noqa: PLR0913 - the names are transformers' own
        self,
        input_ids: Int[Tensor, "batch length"] | None = None,
        attention_mask: Tensor | None = None,
        pixel_values: Float[Tensor, "images 3 height width"] | None = None,
        image_features: Float[Tensor, "images frozen_tokens frozen_dim"] | None = None,
        image_embeds: Float[Tensor, "images image_tokens llm_dim"] | None = None,
        image_mask: Bool[Tensor, "batch length"] | None = None,
        labels: Int[Tensor, "batch length"] | None = None,
        inputs_embeds: Float[Tensor, "batch length llm_dim"] | None = None,
        position_ids: Int[Tensor, "rows length"] | None = None,
        past_key_values: Any = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> MiniGPT4Output:
        """Run the model on ids and pictures, or on embeddings made before.

        Pictures are given as `pixel_values`, as `image_features` (the result of `encode_frozen`)
        or as `image_embeds` (the result of `get_image_features`); the last given goes first. With
        `inputs_embeds` neither ids nor pictures are read.

        Args:
            input_ids: ids of the LLM, with the placeholder id where a picture goes.
            attention_mask: (batch, past + length), 1 for what is seen and 0 for padding, or what
                else the LLM takes as a mask.
            pixel_values: as the processor makes them, in the order of the placeholders.
            image_features: pictures as far as nothing is trained.
            image_embeds: pictures in the LLM's embedding space.
            image_mask: where pictures go; None: wherever the placeholder id is.
            labels: ids to predict, -100 where nothing is learned; logits are made there only.
            inputs_embeds: the whole sequence in the LLM's embedding space.
            position_ids: place of each id in its row (rows: the batch, or 1 for all); None: the
                LLM's own counting.
            past_key_values: the LLM's cache of what came before.
            logits_to_keep: as in transformers: so many positions from the end; 0: all.
            kwargs: given to the LLM.

        Raises:
            PromptError: if there is no input, or if placeholders and pictures do not match.
            WeightsError: for pictures where the encoder was left out when the model was loaded.
        """
        if inputs_embeds is None:
            if input_ids is None:
                raise PromptError("neither input_ids nor inputs_embeds are given; give one")
            if image_embeds is None and image_features is not None:
                image_embeds = self.embed_features(image_features)  # (N, Q, D)
            if image_embeds is None and pixel_values is not None:
                image_embeds = self.get_image_features(pixel_values)  # (N, Q, D)
            inputs_embeds = self.embed(
                input_ids, image_embeds=image_embeds, image_mask=image_mask
            )  # (B, T, D)
        kwargs.pop("return_dict", None)
        kwargs |= {
            "inputs_embeds": inputs_embeds,
            "attention_mask": attention_mask,
            "position_ids": position_ids,
        }
        if labels is None:
            kwargs |= {"past_key_values": past_key_values, "logits_to_keep": logits_to_keep}
            return MiniGPT4Output(**next_token_logits(self.llm, **kwargs))

        targets = targets_of(labels)
        if input_ids is not None and image_mask is not None:
            kwargs["prefix"] = self._prefixes.of(self.llm, input_ids, image_mask, inputs_embeds)
        logits = answer_logits(self.llm, targets.positions, **kwargs)  # (n, V)
        losses = token_losses(logits, targets.ids)
        return MiniGPT4Output(loss=losses.mean(), logits=logits, token_losses=losses)

    @torch.no_grad()
    def generate(
        self,
        inputs: Int[Tensor, "batch length"] | None = None,
        generation_config: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Generate as every model of transformers does; each picture is encoded once.

        Args:
            inputs: ids of the prompts, padded on the left; `input_ids` is the same.
            generation_config: transformers' settings; single ones may be given as keywords.
            kwargs: `attention_mask`, `pixel_values`, `image_embeds` and `image_mask` with the
                shapes that `forward` names, and whatever else `GenerationMixin.generate` takes.

        Returns:
            Ids (batch * answers, length), or transformers' output object if it was asked for. They
            start with the prompt's ids (placeholders included) if ids were given.

        Raises:
            PromptError: if placeholders and pictures do not match.
            WeightsError: for pictures where the encoder was left out when the model was loaded.
        """
        input_ids = kwargs.pop("input_ids", inputs)
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)
        image_mask = kwargs.pop("image_mask", None)
        if pixel_values is not None and image_embeds is None:
            image_embeds = self.get_image_features(pixel_values)
        # Beams and several answers repeat the rows of every tensor given, pictures too, which is
        # wrong unless each row has exactly one; embeddings of whole rows repeat rightly.
        if input_ids is not None and kwargs.get("inputs_embeds") is None:
            kwargs["inputs_embeds"] = self.embed(
                input_ids, image_embeds=image_embeds, image_mask=image_mask
            )
        if self.processor is not None:
            kwargs.setdefault("tokenizer", self.processor.tokenizer)  # finds stop strings with it
        generate: Any = super().generate  # pyright: ignore[reportAttributeAccessIssue]
        return generate(input_ids, generation_config, **kwargs)

    # -- what is frozen -------------------------------------------------------------------------

    @property
    def frozen_parts(self) -> dict[str, nn.Module]:
        """The parts that no training stage changes, by name."""
        parts = {"vision_encoder": self.vision_encoder, "qformer": self.qformer, "llm": self.llm}
        trained = {"qformer"} if self.config.train_qformer else set()
        return {
            name: part for name, part in parts.items() if part is not None and name not in trained
        }

    def freeze(self) -> None:
        """Let gradients reach the projection only, and Q-Former or LoRA where they are trained."""
        self.requires_grad_(False)
        self.projection.requires_grad_(True)
        if self.config.train_qformer and self.qformer is not None:
            self.qformer.requires_grad_(True)
            self.query_tokens.requires_grad_(True)
        if self.config.lora is not None:
            for name, parameter in self.llm.named_parameters():
                parameter.requires_grad_(is_lora(name))
        self.train(self.training)

    def train(self, mode: bool = True) -> MiniGPT4ForConditionalGeneration:
        """Set training mode for what is trained; frozen parts stay in eval mode (no dropout)."""
        super().train(mode)
        for part in self.frozen_parts.values():
            part.eval()
        if self.config.lora is not None:
            for module in lora_modules(self.llm):
                module.train(mode)  # its dropout
        return self

    # -- conventions of transformers ------------------------------------------------------------

    def init_weights(self) -> None:
        """Leave the weights alone: each part has initialised its own."""

    def get_input_embeddings(self) -> nn.Module:
        """Return the LLM's embedding table."""
        return self.llm.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module:
        """Return the LLM's head."""
        return self.llm.get_output_embeddings()

    @classmethod
    def from_pretrained(cls, path: Any, *arguments: Any, **kwargs: Any) -> Any:
        """Load a model directory as `minigpt4.load` does, to the CPU if no device is given.

        Raises:
            SettingsError: for a keyword that cannot be followed; `load_pretrained` says which can.
            WeightsError: if anything is missing, damaged or belongs to another model.
        """
        from minigpt4.model.pretrained import load_pretrained

        return load_pretrained(path, *arguments, **kwargs)

    def save_pretrained(self, save_directory: Any, **kwargs: Any) -> None:
        """Write a whole model directory as `save` does; frozen parts are copied into it.

        Raises:
            SettingsError: for a keyword that cannot be followed, as `push_to_hub` or `state_dict`.
            WeightsError: if the directory cannot be written.
        """
        from minigpt4.model.pretrained import save_pretrained

        save_pretrained(self, save_directory, **kwargs)
