"""Words for things that an image-text model does not find in the picture, as flags for the person.

Any model of transformers that has picture and text features in one space will do (CLIP, SigLIP,
...). The things that a text names are compared with the picture; one that fits it worse than the
things that all the other texts name do on average is doubtful.

Paper: §3.2 (a person checks each description against its image); here they are told where to look.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from minigpt4.curation.draft import CHECKER
from minigpt4.curation.near_duplicates import replace_flags
from minigpt4.curation.store import DraftStore
from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError, SettingsError

PROMPT = "a picture of a {}"
MIN_ABOVE_AVERAGE = 0.0
"""How far above the average word a word must fit, in standard deviations over the words."""

_MAX_WORDS = 400
_PICTURES_AT_ONCE = 16
_DETERMINERS = r"(?:an?|the|its|his|her|their|some|several|many|two|three|four|five|another)"
_ENDS = frozenset(
    """a an and are as at be behind beside between by can from has have in inside into is it its
    contains depicts features holding holds lies looks near next of on or over showing shows sits
    sitting standing stands that the there to under walking was wearing wears were where which while
    who with without""".split()  # noqa: SIM905
)
_NO_THINGS = frozenset(
    """area background bottom center colour color corner day description detail edge foreground
    front group image kind left lot middle night number part photo picture place right scene shot
    side sky something thing things time top view way""".split()  # noqa: SIM905
)


def object_words(text: str) -> tuple[str, ...]:
    """Return the things a text names: the last word of each phrase that begins as "a", "the" does.

    No tagger is needed; what is no thing ("the left side") is left out by a short list.
    """
    found: dict[str, None] = {}
    # The phrase is only looked ahead at, for the next one may begin inside it.
    for match in re.finditer(rf"\b{_DETERMINERS}\s+(?=((?:[a-z]+[ -]?){{1,4}}))", text.lower()):
        phrase: list[str] = []
        for word in match.group(1).replace("-", " ").split():
            if word in _ENDS:
                break
            phrase.append(word)
        if phrase and phrase[-1] not in _NO_THINGS and len(phrase[-1]) > 2:
            found[phrase[-1]] = None
    return tuple(found)


class ImageTextModel:
    """Says how well words fit pictures."""

    def __init__(self, name: str, *, device: str = "cpu") -> None:
        """Load a model by directory or hub name.

        Raises:
            SettingsError: for a model without features of pictures and texts.
        """
        from transformers import AutoModel, AutoProcessor

        try:
            self._processor = AutoProcessor.from_pretrained(name)
            self._model: Any = AutoModel.from_pretrained(name).to(device).eval()
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"{name} can't be loaded as an image-text model: {error}"
            ) from error
        if not all(hasattr(self._model, f"get_{kind}_features") for kind in ("image", "text")):
            raise SettingsError(
                f"{name} is a {type(self._model).__name__} without features of pictures and texts; "
                "give a model such as CLIP or SigLIP"
            )
        self._device = device

    @torch.no_grad()
    def word_features(self, words: Sequence[str]) -> Float[Tensor, "words dim"]:
        """Return normalised features of words."""
        told = [PROMPT.format(word) for word in words]
        # SigLIP was trained with texts padded to its full length.
        padding = "max_length" if "siglip" in self._model.config.model_type else True
        inputs = self._processor(text=told, padding=padding, truncation=True, return_tensors="pt")
        return _normalised(self._model.get_text_features(**inputs.to(self._device)))

    @torch.no_grad()
    def picture_features(self, pictures: Sequence[Image.Image]) -> Float[Tensor, "pictures dim"]:
        """Return normalised features of pictures."""
        given = [picture.convert("RGB") for picture in pictures]
        inputs = self._processor(images=given, return_tensors="pt")
        return _normalised(self._model.get_image_features(**inputs.to(self._device)))


def flag_unfound_words(
    store: DraftStore,
    model: ImageTextModel,
    *,
    name: str,
    min_above_average: float = MIN_ABOVE_AVERAGE,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> int:
    """Flag drafts that name things which don't fit their picture; return how many."""
    drafts = [draft for draft in store.drafts(stage="ruled") if draft.outcome != "reject"]
    words_of = {draft.number: object_words(draft.text) for draft in drafts}
    counted = Counter(word for words in words_of.values() for word in words)
    vocabulary = [word for word, _ in counted.most_common(_MAX_WORDS)]
    flags: list[tuple[int, str]] = []
    if len(vocabulary) < 2:
        drafts = []  # nothing to compare with
    features = model.word_features(vocabulary) if drafts else None
    for start in range(0, len(drafts), _PICTURES_AT_ONCE):
        batch = drafts[start : start + _PICTURES_AT_ONCE]
        pictures = {}
        for draft in batch:
            try:
                path = store.picture_path(draft)
                pictures[draft.number] = decode_picture(path, where=draft.picture)
            except DataError:
                continue  # a picture that has vanished is counted by the export
        if pictures and features is not None:
            fits = model.picture_features(list(pictures.values())) @ features.T  # (P, W)
            fits = (fits - fits.mean(dim=1, keepdim=True)) / fits.std(dim=1, keepdim=True)
            for number, row in zip(pictures, fits.tolist(), strict=True):
                fit = dict(zip(vocabulary, row, strict=True))
                unfound = [w for w in words_of[number] if fit.get(w, 0.0) < min_above_average]
                if unfound:
                    flags.append((number, f"perhaps not in the picture: {', '.join(unfound)}"))
        report(start + len(batch), len(drafts))
    replace_flags(store, f"{CHECKER}{name}", flags)
    return len(flags)


def _normalised(output: Any) -> Tensor:
    features = getattr(output, "pooler_output", output)
    return features / features.norm(dim=-1, keepdim=True)
