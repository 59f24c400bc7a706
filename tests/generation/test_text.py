"""Text as it grows: whole characters, no part of a stop string, nothing lost."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from minigpt4.generation.text import AnswerText, TokenText
from minigpt4.processing.token_text import text_of_bytes

TEXTS = [
    "  A red dog. ",
    "café 中文 😀!",
    "one\n\ntwo  three ## four",
    "😀😀😀",
]


@pytest.fixture(scope="module")
def sentencepiece() -> PreTrainedTokenizerFast:
    """A tokenizer that spells unknown characters in bytes, as LLaMA's does."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", "a", "▁dog", "s", "#", "##", "▁The"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={piece: index for index, piece in enumerate(pieces)},
            merges=[("#", "#")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def pieces_of(answer: AnswerText, token_ids: list[int]) -> list[str]:
    pieces = []
    for token_id in token_ids:
        answer.push(token_id)
        pieces.append(answer.take_new())
    answer.finish()
    pieces.append(answer.take_new())
    return pieces


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_together_are_the_text(tokenizer, text: str):
    ids = tokenizer.encode(text, add_special_tokens=False)
    answer = AnswerText(TokenText(tokenizer), ["###"])
    pieces = pieces_of(answer, ids)
    assert "".join(pieces) == answer.text == text.strip()
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_character_spread_over_tokens_is_shown_once_and_whole(tokenizer):
    ids = [tokenizer.convert_tokens_to_ids(c) for c in "ðŁĺĢ"]  # the bytes of 😀
    assert None not in ids
    pieces = pieces_of(AnswerText(TokenText(tokenizer)), ids)
    assert [piece for piece in pieces if piece] == ["😀"]
    assert pieces[3] == "😀"


def test_a_broken_character_at_the_end_is_shown_as_such(tokenizer):
    ids = [tokenizer.convert_tokens_to_ids(c) for c in "ðŁ"]
    answer = AnswerText(TokenText(tokenizer))
    assert pieces_of(answer, ids) == ["", "", "\ufffd"]


def test_byte_tokens_become_characters(sentencepiece):
    ids = sentencepiece.convert_tokens_to_ids(["▁The", "<0xE4>", "<0xB8>", "<0xAD>", "<0x0A>"])
    ids += sentencepiece.convert_tokens_to_ids(["▁dog", "s", "<0xE4>", "a"])
    answer = AnswerText(TokenText(sentencepiece))
    pieces = pieces_of(answer, ids)
    assert "".join(pieces) == answer.text == "The中\n dogs\ufffda"
    assert pieces[:4] == ["The", "", "", "中"]


BYTES = [
    ("E4 B8 AD", "中"),
    ("E4 B8", "\ufffd" * 2),  # a character of three bytes that breaks off
    ("F0 9F 98", "\ufffd" * 3),
    ("F0 9F 98 80", "😀"),
    ("41 E4 B8 42", "A\ufffd\ufffdB"),
    ("E4 E4 B8 AD", "\ufffd中"),
    ("80 BF FF", "\ufffd" * 3),  # bytes that begin no character
    ("C0 80", "\ufffd" * 2),  # a character written longer than need be
    ("ED A0 80", "\ufffd" * 3),  # half of a pair of UTF-16
    ("F4 90 80 80", "\ufffd" * 4),  # behind the last character there is
    ("EF BF BD", "\ufffd"),  # the sign itself, rightly spelled
    ("C3 A9 9F C3 A9", "é\ufffdé"),
]


@pytest.mark.parametrize(("spelled", "text"), BYTES, ids=[spelled for spelled, _ in BYTES])
def test_each_bad_byte_is_shown_as_one_broken_character(sentencepiece, spelled: str, text: str):
    assert text_of_bytes(bytes.fromhex(spelled)) == text
    ids = sentencepiece.convert_tokens_to_ids([f"<0x{byte}>" for byte in spelled.split()])
    answer = AnswerText(TokenText(sentencepiece))
    assert "".join(pieces_of(answer, ids)) == answer.text == text
    dog = sentencepiece.convert_tokens_to_ids("▁dog")
    token_text = TokenText(sentencepiece)
    assert token_text.decode_all([*ids, dog, 2, *ids]) == f"{text} dog{text}"
    shown = token_text.decode_all([dog, 2, *ids], skip_special_tokens=False)
    assert shown == f"dog</s>{text}"


@pytest.mark.parametrize("stop", ["###", "##", "#"])
def test_a_stop_string_ends_the_text_wherever_tokens_break(sentencepiece, stop: str):
    for tokens in (["a", "#", "##", "s"], ["a", "##", "#", "s"], ["a", "#", "#", "#", "s"]):
        answer = AnswerText(TokenText(sentencepiece), [stop])
        pieces = pieces_of(answer, sentencepiece.convert_tokens_to_ids(tokens))
        assert answer.stopped
        assert "".join(pieces) == answer.text == "a"


def test_a_part_of_a_stop_string_waits_and_is_not_lost(sentencepiece):
    answer = AnswerText(TokenText(sentencepiece), ["###"])
    pieces = pieces_of(answer, sentencepiece.convert_tokens_to_ids(["a", "##", "a", "##"]))
    assert pieces == ["a", "", "##a", "", "##"]
    assert not answer.stopped


def test_the_earliest_stop_string_counts(sentencepiece):
    answer = AnswerText(TokenText(sentencepiece), ["s", "a#"])
    answer.push(sentencepiece.convert_tokens_to_ids("▁dog"))
    answer.push(sentencepiece.convert_tokens_to_ids("a"))
    assert answer.take_new() == "dog"
    answer.push(sentencepiece.convert_tokens_to_ids("##"))
    assert answer.text == "dog"


def test_a_truthful_role_name_is_not_cut(tokenizer):
    text = "The sign says Assistant: 5 dollars."
    answer = AnswerText(TokenText(tokenizer), ["###"])
    pieces_of(answer, tokenizer.encode(text, add_special_tokens=False))
    assert answer.text == text


def test_special_tokens_have_no_text(tokenizer):
    answer = AnswerText(TokenText(tokenizer))
    inside = tokenizer.encode("a b", add_special_tokens=False)
    assert "".join(pieces_of(answer, [1, *inside, 0, 2])) == "a b"


def test_a_token_outside_the_vocabulary_has_no_text(tokenizer):
    answer = AnswerText(TokenText(tokenizer))
    assert pieces_of(answer, [len(tokenizer) + 5]) == ["", ""]


def test_a_fork_is_independent(tokenizer):
    answer = AnswerText(TokenText(tokenizer))
    answer.push(tokenizer.convert_tokens_to_ids("ð"))
    twin = answer.fork()
    twin.push(tokenizer.convert_tokens_to_ids("a"))
    answer.finish()
    assert (answer.text, twin.text) == ("\ufffd", "\ufffda")
