"""Prompts, answers and rankings of the official chat, batch generation and multiple choice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from minigpt4.generation import (
    GREEDY,
    Chat,
    GenerationSettings,
    Prompt,
    candidate_losses,
    generate,
    rank_candidates,
)
from minigpt4.generation.prompt import ImageCache, embed_prompts, encode_prompt
from minigpt4.generation.rows import Rows
from minigpt4.generation.text import AnswerText, TokenText
from minigpt4.processing.conversation import (
    IMAGE,
    LLAMA2,
    VICUNA_V0,
    Conversation,
    ConversationTemplate,
    segments_from_text,
    text_from_segments,
)
from parity.goldens import Goldens, assert_close

CHATS = {"vicuna0": VICUNA_V0, "llama2": LLAMA2}
CASES = (
    "greedy",
    "greedy_rp1.05",
    "greedy_rp1.5",
    "beam3",
    "beam3_rp1.05",
    "beam3_lp2",
    "beam3_lp-1",
)


def unstopped(template: ConversationTemplate) -> ConversationTemplate:
    """The official batch generation and the chat's default know no stop but the end token."""
    return replace(template, stop_strings=())


def new_ids(ids: list[int], eos: int) -> list[int]:
    """Drop the placeholder the official ids begin with, and the padding behind the end."""
    ids = ids[1:]
    return ids[: ids.index(eos) + 1] if eos in ids else ids


def conversation_at(goldens: Goldens, chat: str, turn: int) -> Conversation:
    values = goldens[f"chat_prompts/{chat}"]
    asked = Conversation.ask(values["q1"], goldens.directory / values["image"])
    if turn == 0:
        return asked
    return asked.with_answer(values["scripted_answer1"]).with_user(values["q2"])


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("chat", CHATS)
def test_chat_prompts(goldens: Goldens, chat: str, turn: int):
    model = goldens.model_of(chat)
    wanted = goldens[f"chat_prompts/{chat}/turns"][turn]
    conversation = conversation_at(goldens, chat, turn)
    segments = CHATS[chat].render(conversation)
    assert text_from_segments(segments) == wanted["prompt"]
    pieces = [segment for segment in segments if segment is not IMAGE]
    bos = [model.processor.tokenizer.bos_token_id]
    ids = [model.processor.encode(piece) for piece in pieces]
    assert [bos + ids[0], *ids[1:]] == wanted["segment_ids"]

    prompt = Prompt(tuple(segments), conversation.images)
    embeds, mask = embed_prompts(model, [encode_prompt(model, prompt, ImageCache(model))])
    assert mask.sum() == wanted["n_embeds"]
    assert_close(embeds, goldens.tensor(f"chat_{chat}_turn{turn + 1}_embeds"), atol=1e-5)


def chat_settings(**values: Any) -> GenerationSettings:
    """The official chat's defaults, made greedy as the goldens were."""
    return GenerationSettings(top_p=1e-3, max_new_tokens=20, **values)


def check_chat(goldens: Goldens, chat: str, wanted: list[dict], settings: GenerationSettings):
    model, template = goldens.model_of(chat), CHATS[chat]
    values = goldens[f"chat_prompts/{chat}"]
    # Officially an answer is cut at "###" after it has been generated.
    own = Chat(model, settings, template=template)
    free = Chat(model, settings, template=unstopped(template))
    for question, turn in zip((values["q1"], values["q2"]), wanted, strict=True):
        images = () if own.conversation.messages else (goldens.directory / values["image"],)
        reply = own.ask(question, *images)
        assert list(free.ask(question, *images).token_ids) == turn["ids"][1:]
        assert reply.text == turn["text"]
        after = text_from_segments(template.render(own.conversation.with_user("next")))
        assert after.startswith(turn["prompt_after"])


@pytest.mark.parametrize("chat", CHATS)
def test_chat_answers(goldens: Goldens, chat: str):
    check_chat(goldens, chat, goldens[f"chat_answer_top_p_1e-3/{chat}"], chat_settings())


@pytest.mark.parametrize("number", [1, 2])
def test_chat_answers_stop_at_token_sequences(goldens: Goldens, number: int):
    stops = tuple(tuple(each) for each in goldens[f"chat_stop/stops_{number}"])
    settings = chat_settings(stop_token_sequences=stops)
    check_chat(goldens, "vicuna0", goldens[f"chat_stop/result_{number}"], settings)


def test_a_prompt_cut_as_officially_is_answered_as_officially(goldens: Goldens):
    """We drop whole old turns instead; the goldens' cut prompt is rebuilt here by hand."""
    model = goldens.with_qformer
    values = goldens["chat_prompts/vicuna0"]
    conversation = Conversation.ask(values["q1"], goldens.directory / values["image"])
    max_length, max_new_tokens = 60, 20
    for question, turn in zip(
        (None, values["q2"]), goldens["chat_stop/truncate_max_length_60"], strict=True
    ):
        conversation = conversation.with_user(question) if question else conversation
        prompt = Prompt(tuple(VICUNA_V0.render(conversation)), conversation.images)
        embeds, _ = embed_prompts(model, [encode_prompt(model, prompt, ImageCache(model))])
        kept = embeds[:, -(max_length - max_new_tokens) :]
        ids = model.generate(
            # The official penalty counts the BOS its `generate` begins with.
            torch.tensor([[model.processor.tokenizer.bos_token_id]]),
            inputs_embeds=kept,
            attention_mask=torch.ones(kept.shape[:2], dtype=torch.long),
            do_sample=False,
            repetition_penalty=1.05,
            max_new_tokens=max_new_tokens,
            stop_strings=None,
        )
        assert ids[0].tolist() == turn["ids"]
        answer = AnswerText(TokenText(model.processor.tokenizer), ("###",))
        for token in ids[0, 1:].tolist():
            answer.push(token)
        answer.finish()
        text = answer.text.strip()
        assert text == turn["text"]
        conversation = conversation.with_answer(text)
        told = text_from_segments(VICUNA_V0.render(conversation.with_user("next")))
        assert told.startswith(turn["prompt_after"])


def generation_prompts(goldens: Goldens) -> list[Prompt]:
    images = goldens.batch_images(goldens["generate/images"])
    texts = goldens["generate/texts"]
    return [Prompt.from_text(text, path) for text, path in zip(texts, images, strict=True)]


def generation_settings(goldens: Goldens, case: str) -> GenerationSettings:
    common = goldens["generate/common"]
    assert common["min_length"] <= 1
    arguments = goldens["generate/cases"][case].get("args", {})
    return replace(
        GREEDY,
        do_sample=common["do_sample"],
        temperature=float(common["temperature"]),
        max_new_tokens=common["max_new_tokens"],
        **{"length_penalty": float(common["length_penalty"]), **arguments},
    )


def test_prompts_to_generate_from_are_padded_on_the_left(goldens: Goldens):
    model = goldens.with_qformer
    cache = ImageCache(model)
    ready = [encode_prompt(model, prompt, cache) for prompt in generation_prompts(goldens)]
    embeds, mask = embed_prompts(model, ready)
    assert (mask == goldens.tensor("gen_attention_mask")).all()
    seen = mask.bool()
    assert_close(embeds[seen], goldens.tensor("gen_inputs_embeds")[seen], atol=1e-5)
    positions = (mask.cumsum(1) - 1)[seen]
    assert (
        positions.tolist() == torch.tensor(goldens["generate/prefill_position_ids"])[seen].tolist()
    )
    logits = Rows(model.llm).prefill(embeds, mask)
    assert_close(logits, goldens.tensor("gen_prefill_last_logits"), atol=1e-4, what="logits")


@pytest.mark.parametrize("case", CASES)
def test_generated_tokens(goldens: Goldens, case: str):
    model, wanted = goldens.with_qformer, goldens["generate/cases"][case]
    settings, template = generation_settings(goldens, case), unstopped(VICUNA_V0)
    prompts = generation_prompts(goldens)
    eos = model.processor.tokenizer.eos_token_id
    replies = generate(model, prompts, settings, template=template)
    if "version_sensitive" not in wanted or case.startswith("greedy"):
        ids = [new_ids(row, eos) for row in wanted["ids"]]
        assert [list(reply.token_ids) for reply in replies] == ids
        assert [reply.text for reply in replies] == [text.strip() for text in wanted["answers"]]
    singles = [generate(model, [prompt], settings, template=template)[0] for prompt in prompts]
    same = [one.token_ids == many.token_ids for one, many in zip(singles, replies, strict=True)]
    assert all(same) == wanted["batch_equals_single"]
    if "version_sensitive" not in wanted:
        assert [list(one.token_ids) for one in singles] == [
            new_ids(row, eos) for row in wanted["single_ids"]
        ]


def test_no_case_is_left_out(goldens: Goldens):
    assert set(goldens["generate/cases"]) == set(CASES)


def test_multiple_choice_losses_and_ranks(goldens: Goldens):
    model, values = goldens.with_qformer, goldens["multi_select"]
    images = goldens.batch_images(values["images"])
    prompts = [
        Prompt.from_text(text, path)
        for text, path in zip(values["instruction_input"], images, strict=True)
    ]
    candidates = [list(each) for each in zip(*values["answers_per_candidate"], strict=True)]
    end = values["end_sym"]
    encode = model.processor.encode
    counts = [[len(encode(answer + end)) for answer in each] for each in candidates]
    assert counts == values["answer_token_counts"]

    losses = candidate_losses(model, prompts, candidates, end_symbol=end)
    assert_close(torch.tensor(losses), goldens.tensor("multi_select_losses"), atol=1e-5)
    assert rank_candidates(losses) == values["ranks"]
    # Officially fewer candidates are ranked among themselves and the others follow in order.
    for row, count, wanted in zip(
        losses, values["num_cand"], values["ranks_num_cand"], strict=True
    ):
        assert rank_candidates([row[:count]])[0] == [i for i in wanted if i < count]

    means = candidate_losses(model, prompts, candidates, end_symbol=end, normalisation="token_mean")
    assert_close(torch.tensor(means), goldens.tensor("multi_select_token_mean_nll"), atol=1e-4)
    assert rank_candidates(means) == values["token_mean_ranks_NOT_official"]


def test_prompts_written_as_one_string_are_the_segments(goldens: Goldens):
    for text in [*goldens["generate/texts"], *goldens["multi_select/instruction_input"]]:
        assert text_from_segments(segments_from_text(text)) == text
