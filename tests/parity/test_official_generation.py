"""Prompts, answers and rankings of the official chat, batch generation and multiple choice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
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

OFFICIAL_STOP = "###"


def template_of(goldens: Goldens, chat: str) -> ConversationTemplate:
    prompt = goldens[f"chat_prompts/{chat}/turns"][0]["prompt"]
    return LLAMA2 if "[INST]" in prompt else VICUNA_V0


def vicuna_chat(goldens: Goldens) -> str:
    """Return the chat with which stops, beams and cut prompts were recorded."""
    return next(chat for chat in goldens["chat_prompts"] if template_of(goldens, chat) == VICUNA_V0)


def official_form(template: ConversationTemplate) -> ConversationTemplate:
    """The official code stops at the end token alone, and takes an answer as it is."""
    return replace(template, stop_strings=(), reserved=())


def official_cut(text: str) -> str:
    """Cut an answer as the official chat does, after it has been generated."""
    return text.split(OFFICIAL_STOP)[0].split("Assistant:")[-1].strip()


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
def test_chat_prompts(goldens: Goldens, chat: str, turn: int):
    model = goldens.model_of(chat)
    wanted = goldens[f"chat_prompts/{chat}/turns"][turn]
    conversation = conversation_at(goldens, chat, turn)
    segments = template_of(goldens, chat).render(conversation)
    assert text_from_segments(segments) == wanted["prompt"]
    pieces = [segment for segment in segments if segment is not IMAGE]
    bos = [model.processor.tokenizer.bos_token_id]
    ids = [model.processor.encode(piece) for piece in pieces]
    assert [bos + ids[0], *ids[1:]] == wanted["segment_ids"]

    prompt = Prompt(tuple(segments), conversation.images)
    embeds, mask = embed_prompts(model, [encode_prompt(model, prompt, ImageCache(model))])
    assert mask.sum() == wanted["n_embeds"]
    assert_close(embeds, goldens.tensor(f"chat_{chat}_turn{turn + 1}_embeds"), atol=1e-5)


def chat_settings(goldens: Goldens, key: str, **values: Any) -> GenerationSettings:
    """The official chat's defaults, made greedy as the goldens were."""
    note, usual = f"{key}/note", goldens["generate/common/max_new_tokens"]
    return GenerationSettings(
        top_p=goldens.number_in_note(note, "top_p", 1e-3),
        max_new_tokens=int(goldens.number_in_note(note, "max_new_tokens", usual)),
        **values,
    )


def check_turn(chat: Chat, turn: Mapping[str, Any]) -> None:
    """Make an answer what the official chat keeps of it, and compare what it will read next."""
    conversation = chat.conversation
    before = replace(conversation, messages=conversation.messages[:-1])
    chat.conversation = before.with_answer(turn["text"])
    # Officially an empty answer leaves out the separator behind it too; ours never does.
    if turn["text"]:
        template = official_form(chat.template)
        after = text_from_segments(template.render(chat.conversation.with_user("next")))
        assert after.startswith(turn["prompt_after"])


def questions_of(goldens: Goldens, chat: str) -> list[tuple[str, tuple[Path, ...]]]:
    """Return the questions of a chat with their pictures."""
    values = goldens[f"chat_prompts/{chat}"]
    return [(values["q1"], (goldens.directory / values["image"],)), (values["q2"], ())]


def check_tokens(
    goldens: Goldens, chat: str, wanted: Sequence[Mapping], settings: GenerationSettings
) -> None:
    """Compare tokens and texts of answers that nothing but tokens may end."""
    model = goldens.model_of(chat)
    own = Chat(model, settings, template=official_form(template_of(goldens, chat)))
    for (question, images), turn in zip(questions_of(goldens, chat), wanted, strict=True):
        reply = own.ask(question, *images)
        assert list(reply.token_ids) == turn["ids"][1:]
        assert official_cut(model.processor.decode(reply.token_ids)) == turn["text"]
        check_turn(own, turn)


def check_texts(
    goldens: Goldens, chat: str, wanted: Sequence[Mapping], settings: GenerationSettings
) -> None:
    """Compare the texts of answers that end at our stop strings too."""
    template = template_of(goldens, chat)
    own = Chat(goldens.model_of(chat), settings, template=template)
    for (question, images), turn in zip(questions_of(goldens, chat), wanted, strict=True):
        text = turn["text"]
        for stop in template.stop_strings:
            text = text.split(stop)[0].strip()
        assert official_cut(own.ask(question, *images).text) == text
        check_turn(own, turn)


def test_chat_answers(goldens: Goldens, chat: str):
    keys = [key for key in goldens.values if key.startswith("chat_answer")]
    assert keys, "golden.json has no chat_answer...; wanted the answers of each chat"
    for key in keys:
        settings = chat_settings(goldens, key)
        check_tokens(goldens, chat, goldens[key][chat], settings)
        check_texts(goldens, chat, goldens[key][chat], settings)


def test_chat_answers_stop_at_token_sequences(goldens: Goldens, stops: str):
    sequences = tuple(tuple(each) for each in goldens[f"chat_stop/stops_{stops}"])
    settings = chat_settings(goldens, "chat_stop", stop_token_sequences=sequences)
    chat, wanted = vicuna_chat(goldens), goldens[f"chat_stop/result_{stops}"]
    check_tokens(goldens, chat, wanted, settings)
    check_texts(goldens, chat, wanted, settings)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_chat_answers_of_sampled_beams(goldens: Goldens, seed: int):
    """Two candidates a beam are kept and all of them drawn, so nothing is left to chance."""
    keys = [key for key in goldens["chat_stop"] if re.fullmatch(r"beams\d+", key)]
    for key in keys:
        num_beams = int(key.removeprefix("beams"))
        settings = chat_settings(goldens, "chat_stop", num_beams=num_beams, seed=seed)
        check_tokens(goldens, vicuna_chat(goldens), goldens[f"chat_stop/{key}"], settings)


def test_a_prompt_cut_as_officially_is_answered_as_officially(goldens: Goldens):
    """We drop whole old turns instead; the goldens' cut prompt is rebuilt here by hand."""
    found = [re.fullmatch(r"truncate_max_length_(\d+)", key) for key in goldens["chat_stop"]]
    for match in filter(None, found):
        check_cut_prompts(goldens, goldens[f"chat_stop/{match[0]}"], max_length=int(match[1]))


def check_cut_prompts(goldens: Goldens, wanted: Sequence[Mapping], *, max_length: int) -> None:
    model, settings = goldens.with_qformer, chat_settings(goldens, "chat_stop")
    template = official_form(VICUNA_V0)
    conversation = Conversation()
    for (question, images), turn in zip(
        questions_of(goldens, vicuna_chat(goldens)), wanted, strict=True
    ):
        conversation = conversation.with_user(question, *images)
        prompt = Prompt(tuple(template.render(conversation)), conversation.images)
        embeds, _ = embed_prompts(model, [encode_prompt(model, prompt, ImageCache(model))])
        kept = embeds[:, max(0, embeds.shape[1] + settings.max_new_tokens - max_length) :]
        ids = model.generate(
            # The official penalty counts the BOS its `generate` begins with.
            torch.tensor([[model.processor.tokenizer.bos_token_id]]),
            inputs_embeds=kept,
            attention_mask=torch.ones(kept.shape[:2], dtype=torch.long),
            do_sample=False,
            repetition_penalty=settings.repetition_penalty,
            max_new_tokens=settings.max_new_tokens,
            stop_strings=None,
        )
        assert ids[0].tolist() == turn["ids"]
        assert official_cut(model.processor.decode(ids[0].tolist())) == turn["text"]
        if not turn["text"]:
            return  # An empty answer is told differently afterwards, see `check_turn`.
        conversation = conversation.with_answer(turn["text"])
        told = text_from_segments(template.render(conversation.with_user("next")))
        assert told.startswith(turn["prompt_after"])


def generation_prompts(goldens: Goldens) -> list[Prompt]:
    images = goldens.batch_images(goldens["generate/images"])
    texts = goldens["generate/texts"]
    return [Prompt.from_text(text, path) for text, path in zip(texts, images, strict=True)]


def generation_settings(goldens: Goldens, case: str) -> GenerationSettings:
    arguments = goldens[f"generate/cases/{case}"].get("args") or {}
    values = {**goldens["generate/common"], **arguments}
    assert values.pop("min_length") <= 1
    whole = ("do_sample", "max_new_tokens", "num_beams")
    return replace(
        GREEDY,
        **{name: value if name in whole else float(value) for name, value in values.items()},
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


def test_generated_tokens(goldens: Goldens, case: str):
    """Ours decodes as transformers 4.30 did, so cases that newer ones differ in are equal too."""
    model, wanted = goldens.with_qformer, goldens[f"generate/cases/{case}"]
    settings, template = generation_settings(goldens, case), official_form(VICUNA_V0)
    prompts = generation_prompts(goldens)
    eos = model.processor.tokenizer.eos_token_id
    replies = generate(model, prompts, settings, template=template)
    singles = [generate(model, [prompt], settings, template=template)[0] for prompt in prompts]
    assert [one.token_ids for one in singles] == [many.token_ids for many in replies]
    ids = [list(one.token_ids) for one in singles]
    assert ids == [new_ids(row, eos) for row in wanted["single_ids"]]
    # Where the official batch differs from its own single rows, ours is like the single rows.
    if wanted["batch_equals_single"]:
        assert ids == [new_ids(row, eos) for row in wanted["ids"]]
        assert [reply.text for reply in replies] == [official_answer(t) for t in wanted["answers"]]


def official_answer(text: str) -> str:
    """Strip an answer as the official batch generation does."""
    return text.split("</s>")[0].replace("<s>", "").split("[/INST]")[-1].strip()


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
