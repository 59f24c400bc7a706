"""Words for things that are not in the picture."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from curation.some_drafts import draft
from generation.tiny_model import build_tokenizer
from minigpt4.curation.image_text import ImageTextModel, flag_unfound_words, object_words
from minigpt4.curation.store import DraftStore
from minigpt4.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The image shows a red car and a tall old tree.", ("car", "tree")),
        ("On the left side of the photo stands an umbrella.", ("umbrella",)),
        ("Several people are sitting at two small tables.", ("people", "tables")),
        ("A dog sits next to the dog's house.", ("dog",)),
        ("It is raining.", ()),
    ],
)
def test_the_things_a_text_names_are_found(text, words):
    found = object_words(text)
    assert set(words) <= set(found)
    assert not set(found) & {"side", "left", "image", "photo"}


class SureModel(ImageTextModel):
    """Knows red pictures from blue ones."""

    def __init__(self) -> None:
        pass

    def word_features(self, words):
        return torch.tensor([[float(word == "car"), float(word == "sea"), 0.1] for word in words])

    def picture_features(self, pictures):
        reds = [picture.getpixel((0, 0))[0] > 100 for picture in pictures]  # type: ignore[index]
        return torch.tensor([[1.0, 0.0, 0.0] if red else [0.0, 1.0, 0.0] for red in reds])


def test_a_thing_that_fits_the_picture_less_than_others_do_is_flagged(tmp_path):
    with DraftStore(tmp_path, create=True) as store:
        store.add([draft(0, raw="x", repaired="There is a car."),
                   draft(1, raw="x", repaired="There is a car and the sea."),
                   draft(2, raw="x", repaired="There is the sea.")])  # fmt: skip
        for number, color in ((0, "red"), (1, "blue"), (2, "blue")):
            Image.new("RGB", (8, 8), color).save(store.pictures / f"{number:06d}.png")
        assert flag_unfound_words(store, SureModel(), name="sure") == 1
        assert [each.reason for each in store.load(1).flags] == ["perhaps not in the picture: car"]
        assert store.load(1).flags[0].judge == "checker:sure"
        assert store.load(1).outcome == "open"


@pytest.mark.filterwarnings("ignore")  # transformers' own
def test_an_image_text_model_of_transformers_is_taken_as_it_is(tmp_path):
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2}  # fmt: skip
    words = {"vocab_size": len(tokenizer), "max_position_embeddings": 32, "bos_token_id": 1,
             "eos_token_id": 2, "pad_token_id": 0}  # fmt: skip
    model = CLIPModel(
        CLIPConfig(text_config=small | words,
                   vision_config=small | {"image_size": 16, "patch_size": 8}, projection_dim=8)
    )  # fmt: skip
    model.save_pretrained(tmp_path)
    size = {"height": 16, "width": 16}
    pixels = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=size)
    CLIPProcessor(image_processor=pixels, tokenizer=tokenizer).save_pretrained(tmp_path)
    loaded = ImageTextModel(str(tmp_path))
    words_found = loaded.word_features(["car", "a tree"])
    assert words_found.shape == (2, 8)
    assert torch.allclose(words_found.norm(dim=-1), torch.ones(2))
    assert loaded.picture_features([Image.new("L", (30, 20))] * 3).shape == (3, 8)


def test_what_is_no_image_text_model_is_named(tmp_path):
    with pytest.raises(SettingsError, match="can't be loaded as an image-text model"):
        ImageTextModel(str(tmp_path))
