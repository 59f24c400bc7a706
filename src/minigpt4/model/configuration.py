"""What a MiniGPT-4 is made of: a vision encoder, perhaps a Q-Former, a projection and an LLM.

The configuration holds those of its parts, as every composite model of transformers does. The
model of the paper is `MiniGPT4Config(qformer_config={}, text_config=...)`: EVA-CLIP ViT-g/14 and
the Q-Former of BLIP-2 are transformers' own default sizes.

Paper: §3; the variants are the rows of Table 4.
"""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from minigpt4.errors import SettingsError

QFORMER_MODEL_TYPE = "blip_2_qformer"
VISION_MODEL_TYPE = "blip_2_vision_model"

# ln_vision of the official code has torch's default; transformers gives its counterpart the
# epsilon of the ViT's blocks (1e-6), which moves the image embeddings by 2.5e-4.
OFFICIAL_VISION_NORM_EPS = 1e-5


class MiniGPT4Config(PreTrainedConfig):
    """Configuration of a `MiniGPT4ForConditionalGeneration`.

    `qformer_config=None` is the variant without a Q-Former: the class token is dropped and
    `patches_per_token` consecutive patch features are joined into one image token.
    """

    model_type = "minigpt4"
    sub_configs_defaults = {
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type=VISION_MODEL_TYPE),
        "qformer_config": SubConfigSpec(
            config_class=AutoConfig, model_type=QFORMER_MODEL_TYPE, optional=True
        ),
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
    }

    vision_config: Any = None
    """Any vision model of transformers; its `last_hidden_state` is used."""

    qformer_config: Any = None
    """A `Blip2QFormerConfig`, or None for the variant without a Q-Former."""

    text_config: Any = None
    """Any causal LM of transformers that takes `inputs_embeds`."""

    num_query_tokens: int = 32
    """Image tokens of one picture with a Q-Former."""

    patches_per_token: int = 4
    """Consecutive patch features joined into one image token without a Q-Former."""

    projection_num_layers: int = 1
    """Linear layers of the projection, with a GELU between them. Paper: Table 4 (b) has three."""

    train_qformer: bool = False
    """Train the Q-Former and its queries with the projection. Paper: Table 4 (c)."""

    lora: Any = None
    """LoRA on the LLM: the fields of `model.lora.LoraSettings`, or None. Paper: Table 6."""

    vision_norm_eps: float | None = None
    """Epsilon of the vision encoder's last norm (`post_layernorm`); None: the encoder's own."""

    template: str = "vicuna_v0"
    """Name of the conversation template the projection was trained with."""

    tie_word_embeddings: bool = False
    """Belongs to transformers; the LLM's own configuration says whether its tables are tied."""

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        nested = getattr(self.vision_config, "vision_config", None)
        if isinstance(nested, PreTrainedConfig):
            self.vision_config = nested  # CLIP and SigLIP name the two-tower model's files
        if self.qformer_config is not None:
            self.qformer_config.encoder_hidden_size = vision_width(self.vision_config)
        for name in ("num_query_tokens", "patches_per_token", "projection_num_layers"):
            count = getattr(self, name)
            if not isinstance(count, int) or count < 1:
                raise SettingsError(
                    f"{name} is {count!r}, wanted a whole number of at least 1; correct it"
                )
        if not isinstance(self.vision_norm_eps, float | int | None):
            raise SettingsError(
                f"vision_norm_eps is {self.vision_norm_eps!r}, wanted a number or null; correct it"
            )

    @property
    def image_token_id(self) -> int:
        """The placeholder's id: the first id outside the LLM's embedding table, never looked up."""
        return self.text_config.vocab_size

    @property
    def image_size_px(self) -> int:
        """Height and width of the pictures the vision encoder takes."""
        size = self.vision_config.image_size
        return size if isinstance(size, int) else size[0]

    @property
    def num_image_tokens(self) -> int:
        """Positions one picture takes in the LLM's sequence."""
        if self.qformer_config is not None:
            return self.num_query_tokens
        patches = num_patches(self.vision_config)
        if patches % self.patches_per_token:
            raise SettingsError(
                f"{patches} patches do not split into groups of {self.patches_per_token}; "
                "choose patches_per_token so that they do"
            )
        return patches // self.patches_per_token

    @property
    def projection_in_features(self) -> int:
        """Width of what the projection maps into the LLM's embedding space."""
        if self.qformer_config is not None:
            return self.qformer_config.hidden_size
        return self.patches_per_token * vision_width(self.vision_config)


def vision_width(vision_config: PreTrainedConfig) -> int:
    """Return the width of the vision encoder's features."""
    width = getattr(vision_config, "hidden_size", None)
    # Convolutional encoders have one width a stage; the last one reaches the output.
    return width if width is not None else vision_config.hidden_sizes[-1]


def num_patches(vision_config: PreTrainedConfig) -> int:
    """Return how many patches the vision encoder cuts a picture into."""
    patch = getattr(vision_config, "patch_size", None)
    if vision_config.model_type == "resnet":
        patch = _resnet_stride(vision_config)
    if patch is None:
        raise SettingsError(
            f"a {vision_config.model_type} has no patch_size; "
            "use a Q-Former with it, which needs none"
        )
    image = vision_config.image_size
    height, width = (image, image) if isinstance(image, int) else tuple(image)
    rows, columns = (patch, patch) if isinstance(patch, int) else tuple(patch)
    return (height // rows) * (width // columns)


def _resnet_stride(vision_config: PreTrainedConfig) -> int:
    """Return how many pixels wide a cell of a ResNet's last grid is."""
    num_halvings = len(vision_config.depths) - (not vision_config.downsample_in_first_stage)
    return 4 * 2**num_halvings  # the stem halves twice
