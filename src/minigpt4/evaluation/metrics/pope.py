"""POPE: is an object there? Yes-or-no questions, half of them about absent objects.

Absent objects are drawn at random, from the most frequent ones (popular), or from those that often
stand beside the present ones (adversarial). (Li et al. 2023.)

The reference script reads an answer up to its first period, and calls it no if `No`, `no` or `not`
is one of its words; anything else is yes, so "NO", "None", "isn't", "1. No" and the empty answer
are all yes. That is `rules="reference"`. The default reads English: an answer that begins with yes
or no is that, one that denies is no, one that affirms or names the object is yes, and what says
neither is unclear, which is never right and reported as such. So is "there is a dog" about a car.

Paper: §5 (hallucination); beside Table 5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.metrics.files import read_pope_answers, read_pope_questions
from minigpt4.evaluation.metrics.result import MetricResult, keep_scores
from minigpt4.evaluation.metrics.singular import plain_singular
from minigpt4.evaluation.score import Score, bootstrap_score, share_score

Rules = Literal["english", "reference"]
Reading = Literal["yes", "no", "unclear"]

_NUMBERING = re.compile(r"^\W*\d+\s*[.):]\s*")
_BEGINS = re.compile(r"^\W*(?:(?:the |my )?answer(?: is|:)\s*\W*)?(yes|yeah|yep|no|nope|none)\b")
_UNSURE = re.compile(
    r"\b(?:unclear|unsure|not (?:sure|certain|clear|possible)|(?:can ?not|can't) (?:tell|say|"
    r"determine|answer|be sure)|do(?: not|n't) know|hard to (?:tell|say)|maybe|perhaps)\b"
)
_DENIES = re.compile(r"\b(?:no|not|none|nothing|neither|without|cannot|\w+n't)\b")
_AFFIRMS = re.compile(
    r"^(?:it (?:is|does)|(?:they|these) (?:are|do)|indeed|sure|correct|true|certainly|of course|"
    r"definitely)\b"
)
_SHOWS = re.compile(
    r"^(?:there(?: is|'s| are)|i (?:can )?see|you can see|(?:it|this|that)(?: is|'s)(?= an? ))\b"
)
"""Affirms that there is what is named behind it."""
_ENDS_THING = re.compile(
    r"\b(?:in|on|at|by|near|next|beside|behind|under|above|below|left|right|to|with|and|that|"
    r"which|visible|here|indeed)\b|[,;]"
)
_POINTS_BACK = re.compile(
    r"(?:^|\b(?:ones?|some|several|many|few|lots?|it|them|two|three|four|five|\d+))$"
)
"""Ends in what stands for the object asked about."""
_ASKED = re.compile(
    r"\b(?:is|are) there (?:an? |any |some )?(.+?)"
    r"(?: in (?:the|this) (?:image|picture|photo))?\?"
)


def score_files(
    answers: str | Path, *, questions: str | Path, rules: Rules = "english"
) -> MetricResult:
    """Score a JSON lines file of answers against one of POPE's three files of questions.

    Raises:
        DataError: for a damaged file, or if the two do not have the same questions in the same
            order.
    """
    asked, given = read_pope_questions(questions), read_pope_answers(answers)
    if len(asked) != len(given):
        raise DataError(
            f"{answers} has {len(given)} answers, {questions} {len(asked)} questions; wanted one "
            "line of answer for each question, in their order"
        )
    for number, (ask, answer) in enumerate(zip(asked, given, strict=True), start=1):
        if "question" in answer and answer["question"] != ask["text"]:
            raise DataError(
                f"{answers}, line {number}: answers {answer['question']!r}, but {questions} asks "
                f"{ask['text']!r}; both files must have the same order"
            )
    return score_answers([answer["answer"] for answer in given], asked, rules=rules)


def score_answers(
    answers: Sequence[str], questions: Sequence[Mapping[str, Any]], *, rules: Rules = "english"
) -> MetricResult:
    """Score answers in the order of their questions, each with `text` and `label` (yes or no).

    Precision, recall and F1 are of yes; None where nothing was said or asked to be yes. An unclear
    answer is wrong whatever the label, and no yes.

    Raises:
        DataError: if the two differ in number.
        SettingsError: for unknown rules.
    """
    if len(answers) != len(questions):
        raise DataError(
            f"{len(answers)} answers for {len(questions)} questions; give one for each, in their "
            "order"
        )
    items = [
        {
            "question_id": ask.get("question_id", number),
            "label": ask["label"],
            "answer": answer,
            "parsed": parse(answer, question=ask.get("text", ""), rules=rules),
        }
        for number, (answer, ask) in enumerate(zip(answers, questions, strict=True), start=1)
    ]
    counts = {
        name: sum(item["label"] == label and item["parsed"] == parsed for item in items)
        for name, label, parsed in (
            ("TP", "yes", "yes"), ("FP", "no", "yes"), ("TN", "no", "no"), ("FN", "yes", "no"),
        )
    }  # fmt: skip
    said = {reading: sum(i["parsed"] == reading for i in items) for reading in get_args(Reading)}
    real = sum(item["label"] == "yes" for item in items)
    hits, right, count = counts["TP"], counts["TP"] + counts["TN"], len(items)
    totals = counts | {
        "accuracy": _share(right, count),
        "precision": _share(hits, said["yes"]),
        "recall": _share(hits, real),
        "f1": _share(2 * hits, said["yes"] + real),
        "yes_ratio": _share(said["yes"], count),
        "unclear": said["unclear"],
    }
    scores = {
        "accuracy": share_score(right, count),
        "precision": share_score(hits, said["yes"]),
        "recall": share_score(hits, real),
        "yes_ratio": share_score(said["yes"], count),
        "unclear": share_score(said["unclear"], count),
        "f1": _f1_score(items),
    }
    return MetricResult(items=tuple(items), totals=totals, scores=keep_scores(scores))


def parse(text: str, *, question: str = "", rules: Rules = "english") -> Reading:
    """Read an answer as yes, no or unclear.

    Args:
        question: with it, an answer that just names the object asked about is yes.
        rules: "english", or the "reference" script's, which never finds an answer unclear.

    Raises:
        SettingsError: for unknown rules.
    """
    if rules not in get_args(Rules):
        raise SettingsError(f"rules={rules}; wanted one of {', '.join(get_args(Rules))}")
    if rules == "reference":
        words = text.split(".")[0].replace(",", "").split(" ")
        return "no" if {"No", "no", "not"} & set(words) else "yes"
    plain = _NUMBERING.sub("", text.lower().replace("’", "'")).strip()
    begins = _BEGINS.match(plain)
    if begins:
        return "yes" if begins[1].startswith("y") else "no"
    sentence = re.split(r"[.!?\n]", plain)[0].strip()
    if _UNSURE.search(sentence):
        return "unclear"
    if _DENIES.search(sentence):
        return "no"
    found = _ASKED.search(question.lower())
    asked = found[1] if found else ""
    if asked and _names(sentence, asked):
        return "yes"
    shows = _SHOWS.match(sentence)
    if shows is None:
        return "yes" if _AFFIRMS.match(sentence) else "unclear"
    shown = _thing(sentence[shows.end() :])
    is_meant = not asked or _POINTS_BACK.search(shown) or _names(shown, _thing(asked))
    return "yes" if is_meant else "unclear"


def _thing(text: str) -> str:
    """Return what a text is about, without where that is: a dog, of "a dog on the left"."""
    return _ENDS_THING.split(text)[0].strip()


def _names(sentence: str, thing: str) -> bool:
    """Find a thing in a sentence, both in the singular: "car" is in "two cars", not in "carpet"."""
    words, wanted = (
        " ".join(plain_singular(word) for word in re.findall(r"\w+", text))
        for text in (sentence, thing)
    )
    return f" {wanted} " in f" {words} "


def _f1_score(items: Sequence[Mapping[str, Any]]) -> Score | None:
    """Return hits / (hits + half of what was said or real alone): a hit is a yes on both sides."""
    yes = [(item["parsed"] == "yes", item["label"] == "yes") for item in items]
    return bootstrap_score(
        [float(said and real) for said, real in yes], [(said + real) / 2 for said, real in yes]
    )


def _share(hits: int, count: int) -> float | None:
    return hits / count if count else None
