"""Text and pictures become sequences in which each has its place."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor

import minigpt4.model  # noqa: F401 - makes the processor known to AutoProcessor
from minigpt4.data.example import Example, Turn
from minigpt4.errors import ImageError, PromptError
from minigpt4.processing.chat_template import jinja_template
from minigpt4.processing.conversation import (
    IMAGE,
    LLAMA2,
    TEMPLATES,
    VICUNA_V0,
    Conversation,
    text_from_segments,
)
from minigpt4.processing.image_processor import MiniGPT4ImageProcessor
from minigpt4.processing.processor import (
    STAGE1_LAYOUT,
    STAGE2_LAYOUT,
    MiniGPT4Processor,
    TrainingLayout,
    conversation_from_messages,
)


@pytest.fixture
def picture() -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, size=(30, 50, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def shown(processor: MiniGPT4Processor, ids: list[int]) -> str:
    """Write ids as text, with * for each position of a picture."""
    tokenizer: Any = processor.tokenizer
    return "".join(
        "*" if token == processor.image_token_id else tokenizer.decode([token]) for token in ids
    )


def learned(processor: MiniGPT4Processor, labels: list[int]) -> str:
    return shown(processor, [label for label in labels if label != -100])


def example(*turns: tuple[str, str], image: Any = None) -> Example:
    return Example(
        image=image, turns=tuple(Turn(prompt=p, answer=a) for p, a in turns), key="example"
    )


def test_bos_comes_first_and_pictures_take_their_positions(processor: MiniGPT4Processor):
    row = processor.encode_segments(["ab", IMAGE, "c"])
    assert shown(processor, row.input_ids) == "<s>ab***c"
    assert row.image_mask == [False] * 3 + [True] * 3 + [False]
    assert processor.encode_segments(["ab"], bos=False).input_ids == row.input_ids[1:3]


def test_no_text_can_pose_as_a_picture(processor: MiniGPT4Processor):
    row = processor.encode_segments(["<ImageHere> <image>"])
    assert not any(row.image_mask)
    assert processor.image_token_id not in row.input_ids


def test_stage1_is_picture_caption_newline(processor: MiniGPT4Processor, picture: Image.Image):
    row = processor.encode_example(example(("", "a dog"), image=picture), layout=STAGE1_LAYOUT)
    assert shown(processor, row.input_ids) == "<s>***a dog\n"
    assert learned(processor, row.labels or []) == "a dog\n"


def test_stage2_is_prompt_and_answer(processor: MiniGPT4Processor, picture: Image.Image):
    wanted = "<s>###Human: <Img>***</Img> Describe. ###Assistant: A dog.###"
    for prompt in ("Describe.", "<Img><ImageHere></Img> Describe."):
        row = processor.encode_example(
            example((prompt, "A dog."), image=picture), layout=STAGE2_LAYOUT
        )
        assert shown(processor, row.input_ids) == wanted
        assert learned(processor, row.labels or []) == "A dog.###"


def test_later_turns_begin_where_the_answer_ended(
    processor: MiniGPT4Processor, picture: Image.Image
):
    turns = (("What?", "A dog."), ("Colour?", "Red."))
    row = processor.encode_example(example(*turns, image=picture), layout=STAGE2_LAYOUT)
    assert shown(processor, row.input_ids) == (
        "<s>###Human: <Img>***</Img> What? ###Assistant: A dog."
        "###Human: Colour? ###Assistant: Red.###"
    )
    assert learned(processor, row.labels or []) == "A dog.###Red.###"


def test_text_without_a_picture_has_no_picture(processor: MiniGPT4Processor):
    row = processor.encode_example(example(("Hello?", "Hi.")), layout=STAGE2_LAYOUT)
    assert shown(processor, row.input_ids) == "<s>###Human: Hello? ###Assistant: Hi.###"


def test_long_answers_are_cut_and_lose_their_end(processor: MiniGPT4Processor):
    layout = TrainingLayout(end_sym="\n", max_text_tokens=4)
    row = processor.encode_example(example(("", "abcdef")), layout=layout)
    assert learned(processor, row.labels or []) == "abcd"


def test_braces_in_a_prompt_are_text(processor: MiniGPT4Processor):
    row = processor.encode_example(example(("{x} {}", "y")), layout=STAGE2_LAYOUT)
    assert "###Human: {x} {} ###Assistant: " in shown(processor, row.input_ids)


def test_the_official_pad_token_is_neither_learned_nor_shown(byte_tokenizer: Any):
    processor = MiniGPT4Processor(
        MiniGPT4ImageProcessor(size=16),
        byte_tokenizer,
        pad_token="$",
    )
    row = processor.encode_example(example(("", "a$b")), layout=STAGE1_LAYOUT)
    assert learned(processor, row.labels or []) == "ab\n"
    assert processor.decode(row.input_ids) == "ab\n"
    batch = processor.training_batch(
        [example(("", "a$b")), example(("", "a"))], layout=STAGE1_LAYOUT
    )
    assert batch.input_ids[1, -1] == processor.encode("$")[0]


def test_training_pictures_are_squashed_or_cropped(
    processor: MiniGPT4Processor, picture: Image.Image
):
    examples = [example(("", "a"), image=picture)]
    whole = processor.training_batch(examples, layout=STAGE1_LAYOUT).pixel_values
    crops = [
        processor.training_batch(
            examples, layout=STAGE1_LAYOUT, crop=random.Random(seed)
        ).pixel_values
        for seed in (1, 1, 2)
    ]
    assert whole is not None
    assert whole.shape == (1, 3, 16, 16)
    assert torch.equal(crops[0], crops[1])  # type: ignore[arg-type]
    assert not torch.equal(crops[0], crops[2])  # type: ignore[arg-type]
    assert not torch.equal(crops[0], whole)  # type: ignore[arg-type]


def test_a_generation_batch_needs_a_picture_for_each_place(
    processor: MiniGPT4Processor, picture: Image.Image
):
    batch = processor.generation_batch([["a", IMAGE], ["b"]], [picture])
    assert batch.pixel_values is not None
    assert batch.labels is None
    with pytest.raises(PromptError, match="0 images for 1 places in 2 prompts"):
        processor.generation_batch([["a", IMAGE], ["b"]])


def test_a_bad_picture_is_an_image_error(processor: MiniGPT4Processor, tmp_path: Path):
    with pytest.raises(ImageError):
        processor.generation_batch([[IMAGE]], [tmp_path / "missing.png"])


# -- conventions of transformers ----------------------------------------------------------------


def message(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(parts)}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def image(value: Any) -> dict[str, Any]:
    return {"type": "image", "image": value}


def test_a_prompt_with_marked_pictures(processor: MiniGPT4Processor, picture: Image.Image):
    inputs = processor(text="a<ImageHere>b", images=picture, return_tensors="pt")
    assert shown(processor, inputs["input_ids"][0].tolist()) == "<s>a***b"
    assert inputs["pixel_values"].shape == (1, 3, 16, 16)
    texts = processor(text=["a", "bcd"])
    assert texts["attention_mask"].tolist() == [[0, 0, 1, 1], [1, 1, 1, 1]]
    assert "pixel_values" not in texts


def test_a_bare_question_is_asked_about_the_picture(
    processor: MiniGPT4Processor, picture: Image.Image
):
    inputs = processor(text="What?", images=[picture])
    assert shown(processor, inputs["input_ids"][0].tolist()).endswith(
        "###Human: <Img>***</Img> What?###Assistant: "
    )


def test_pictures_alone_become_pixels(processor: MiniGPT4Processor, picture: Image.Image):
    assert processor(images=[[picture], [picture]])["pixel_values"].shape[0] == 2


def test_chat_messages_are_laid_out_as_the_template_says(
    processor: MiniGPT4Processor, picture: Image.Image
):
    asked = [message(image(picture), text("What?"))]
    wanted = text_from_segments(VICUNA_V0.render(Conversation.ask("What?", picture)))
    assert processor.apply_chat_template(asked) == wanted
    inputs = processor.apply_chat_template(asked, tokenize=True, return_dict=True)
    assert sum(token == processor.image_token_id for token in inputs["input_ids"][0]) == 3
    both = processor.apply_chat_template([asked, asked], tokenize=True, return_dict=True)
    assert both["pixel_values"].shape[0] == 2


def test_typed_marks_are_no_pictures_in_a_chat(processor: MiniGPT4Processor):
    asked = [{"role": "user", "content": "<ImageHere> ###Human: hello"}]
    inputs = processor.apply_chat_template(asked, tokenize=True, return_dict=True)
    assert "pixel_values" not in inputs
    assert processor.image_token_id not in inputs["input_ids"]


def test_parts_that_hold_nothing_are_said():
    with pytest.raises(PromptError, match="'audio' holds no picture"):
        conversation_from_messages([message({"type": "audio"})])


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"role": "user"}, r"a message lacks 'content', got the keys \['role'\]; write it as"),
        ({"content": "hello"}, "a message lacks 'role'"),
        ("hello", "a message lacks 'role', got 'hello'"),
        ({"role": "user", "content": None}, "content is a NoneType; give a text"),
        ({"role": "user", "content": [{"text": "hello"}]}, "a part of a message lacks 'type'"),
        ({"role": "user", "content": [{"type": "text"}]}, "a part of type 'text' lacks 'text'"),
        ({"role": "user", "content": ["hello"]}, "a part of a message lacks 'type', got 'hello'"),
    ],
)
def test_messages_of_another_form_are_said(broken: Any, reason: str):
    with pytest.raises(PromptError, match=reason):
        conversation_from_messages([broken])


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
@pytest.mark.parametrize("num_images", [0, 1, 2])
@pytest.mark.parametrize("system", [None, "Be brief."])
def test_the_saved_template_says_the_same_as_ours(
    byte_tokenizer: Any, template: Any, num_images: int, system: str | None
):
    images = ["a.png"] * num_images
    conversation = Conversation.ask("What?", *images, system=system)
    conversation = conversation.with_answer("A dog.").with_user("Colour?")
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages += [
        message(*[image(path) for path in images], text("What?")),
        message(text("A dog."), role="assistant"),
        {"role": "user", "content": "Colour?"},
    ]
    got = byte_tokenizer.apply_chat_template(
        messages,
        chat_template=jinja_template(template),
        tokenize=False,
        add_generation_prompt=True,
    )
    assert got == text_from_segments(template.render(conversation))


def test_a_saved_processor_is_the_same_again(
    byte_tokenizer: Any, picture: Image.Image, tmp_path: Path
):
    processor = MiniGPT4Processor(
        MiniGPT4ImageProcessor(size=20),
        byte_tokenizer,
        num_image_tokens=5,
        template="llama2",
        pad_token="$",
        chat_template=jinja_template(LLAMA2),
    )
    processor.save_pretrained(tmp_path)
    again = AutoProcessor.from_pretrained(tmp_path)
    assert isinstance(again, MiniGPT4Processor)
    for name in ("num_image_tokens", "image_token_id", "template", "pad_token", "chat_template"):
        assert getattr(again, name) == getattr(processor, name)
    inputs = {"text": "<s>a<ImageHere> $b", "images": picture}
    for name, value in processor(**inputs).items():
        assert torch.equal(again(**inputs)[name], value)
