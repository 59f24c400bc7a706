"""A batch is its rows: same tokens together and alone, greedy, penalised, sampled or beams."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from minigpt4.errors import ContextLengthError, GenerationError, PromptError, SettingsError
from minigpt4.generation import CHAT, GREEDY, Prompt, generate, stream
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.conversation import VICUNA_V0, Conversation

SHORT = replace(GREEDY, max_new_tokens=16)


@pytest.fixture
def prompts(pictures) -> list[Conversation]:
    """Prompts of very different lengths, with no, one and two pictures."""
    return [
        Conversation.ask("What is this?", pictures[0]),
        Conversation.ask("Hi"),
        Conversation.ask("Describe both of these images in detail, please.", *pictures[1:3]),
        Conversation.ask("What?", pictures[3]).with_answer("A dog.").with_user("Where?"),
    ]


def ids(replies: list[Any]) -> list[tuple[int, ...]]:
    return [reply.token_ids for reply in replies]


@pytest.mark.parametrize(
    "settings",
    [
        SHORT,
        replace(SHORT, repetition_penalty=1.5),
        replace(SHORT, repetition_penalty=0.5),
        replace(CHAT, max_new_tokens=16, seed=5),
        replace(SHORT, num_beams=3, max_new_tokens=8),
        replace(SHORT, num_beams=2, max_new_tokens=8, repetition_penalty=1.3, length_penalty=2.0),
        replace(CHAT, num_beams=2, max_new_tokens=8, seed=5),
    ],
    ids=["greedy", "penalty", "reward", "sampled", "beams", "penalised_beams", "sampled_beams"],
)
def test_a_batch_of_n_equals_n_batches_of_one(model, prompts, settings: GenerationSettings):
    together = generate(model, prompts, settings, batch_size=len(prompts))
    alone = [generate(model, [prompt], settings)[0] for prompt in prompts]
    assert together == alone
    assert len(set(ids(together))) == len(prompts)


def test_rows_that_end_early_do_not_disturb_the_others(model, prompts):
    long = generate(model, prompts, SHORT)
    # A token of the first two answers becomes a stop; both rows leave the batch early.
    stops = tuple((reply.token_ids[index],) for index, reply in enumerate(long[:2], start=2))
    replies = generate(model, prompts, replace(SHORT, stop_token_sequences=stops))
    assert any(reply.finish_reason == "stop" for reply in replies[:2])
    for reply, before in zip(replies, long, strict=True):
        assert reply.token_ids == before.token_ids[: len(reply.token_ids)]
        assert reply.finish_reason == ("stop" if len(reply.token_ids) < 16 else "length")


def test_greedy_matches_the_generate_of_transformers(model, prompts):
    settings = replace(SHORT, repetition_penalty=1.0)
    for prompt in prompts:
        (reply,) = generate(model, [prompt], settings)
        batch = model.processor.generation_batch([VICUNA_V0.render(prompt)], prompt.images)
        rows = model.generate(
            **batch.model_inputs(), do_sample=False, max_new_tokens=16, stop_strings=None
        )
        assert rows[0, batch.input_ids.shape[1] :].tolist() == list(reply.token_ids)


def test_a_row_is_repeated_by_its_own_seed(model, prompts):
    settings = replace(CHAT, max_new_tokens=16)
    same = [prompts[0]] * 3
    first, second, third = ids(generate(model, same, settings, seeds=[1, 2, 1]))
    assert first == third != second
    assert ids(generate(model, [prompts[1], prompts[0]], settings, seeds=[9, 2]))[1] == second
    free = ids(generate(model, same, settings))
    assert len(set(free)) == 3


def test_a_stop_string_of_a_row_ends_it_alone(model, prompts, tokenizer):
    plain = generate(model, prompts, replace(CHAT, seed=3, max_new_tokens=30))
    stop = next(c for c in plain[0].text[3:] if c.isalnum())
    stopped = generate(
        model, prompts, replace(CHAT, seed=3, max_new_tokens=30, stop_strings=(stop,))
    )
    for before, after in zip(plain, stopped, strict=True):
        if stop in before.text:
            assert after.finish_reason == "stop"
            assert after.text == before.text.partition(stop)[0].strip()
        else:
            assert after == before


def test_a_prompt_may_be_given_as_segments(model, pictures):
    text = "###Human: <Img><ImageHere></Img> What is this? ###Assistant: "
    (reply,) = generate(model, [Prompt.from_text(text, pictures[0])], SHORT)
    assert reply.num_prompt_tokens == len(
        model.processor.encode_segments(Prompt.from_text(text).segments)
    )


@pytest.mark.parametrize("num_beams", [1, 2])
def test_streamed_pieces_are_the_text(model, prompts, num_beams: int):
    settings = replace(CHAT, seed=4, max_new_tokens=40, num_beams=num_beams)
    for prompt in prompts:
        answer = stream(model, prompt, settings)
        pieces = list(answer)
        assert all(pieces)
        assert "".join(pieces) == answer.reply.text
        assert answer.reply == generate(model, [prompt], settings)[0]


def test_no_streamed_piece_shows_part_of_a_stop_string(model, prompts):
    settings = replace(CHAT, seed=4, max_new_tokens=40)
    text = generate(model, prompts[:1], settings)[0].text
    stop = text[10:14]
    pieces = list(stream(model, prompts[0], replace(settings, stop_strings=(stop,))))
    assert "".join(pieces) == text[: text.index(stop)].strip()


def test_nothing_to_answer_gives_nothing(model):
    assert generate(model, []) == []


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_prompt_is_an_error(model, pictures, text: str):
    with pytest.raises(PromptError, match="empty"):
        generate(model, [Conversation.ask(text, pictures[0])])
    with pytest.raises(PromptError, match="empty"):
        generate(model, [Prompt(())])


def test_images_must_match_their_places(model, pictures):
    with pytest.raises(PromptError, match="places for 1 images, got 2"):
        generate(model, [Prompt.from_text("<ImageHere> a", *pictures[:2])])


def test_a_prompt_longer_than_the_context_is_an_error(model):
    with pytest.raises(ContextLengthError, match="context has 512"):
        generate(model, [Conversation.ask("word " * 600)], SHORT)
    with pytest.raises(ContextLengthError, match="context has 20"):
        generate(model, [Conversation.ask("Hi")], replace(SHORT, max_context_tokens=20))


def test_old_turns_give_way_but_images_stay(model, pictures):
    asked = Conversation.ask("First? " * 10, pictures[0]).with_answer("Yes.").with_user("Then?")
    limit = 150
    (reply,) = generate(model, [asked], replace(SHORT, max_context_tokens=limit))
    (short,) = generate(model, [Conversation.ask("Then?", pictures[0])], SHORT)
    assert reply == short


def test_broken_weights_are_a_clear_error(model, prompts, monkeypatch):
    def broken(**_: Any) -> Any:
        return type("Output", (), {"logits": torch.full((4, 1, 9), float("nan"))})

    monkeypatch.setattr(model.llm, "forward", lambda *a, **k: broken(**k))
    for num_beams in (1, 2):
        with pytest.raises(GenerationError, match="nan"):
            generate(model, prompts, replace(SHORT, num_beams=num_beams))


def test_seeds_and_batch_size_are_checked(model, prompts):
    with pytest.raises(SettingsError, match="1 seeds for 4 prompts"):
        generate(model, prompts, SHORT, seeds=[1])
    with pytest.raises(SettingsError, match="batch_size"):
        generate(model, prompts, SHORT, batch_size=0)


def test_generation_leaves_no_gradients(model, prompts):
    generate(model, prompts[:1], SHORT)
    assert all(parameter.grad is None for parameter in model.parameters())
