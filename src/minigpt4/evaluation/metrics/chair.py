"""CHAIR: which of the objects that a caption names are not in the picture.

Named objects are found by words: a caption is split, its words made singular, pairs such as "hot
dog" merged, and looked up in a table of the categories' words. What is in a picture are the
categories annotated in it, and those its reference captions name. (Rohrbach et al. 2018, §2.1.)

    CHAIRi = named objects that are not there / all named objects, each mention counting
    CHAIRs = captions that name at least one such object / captions

The reference script never recognises "bus", since its singular of it is "bu". By default we use
plain English singulars and else its table; `coco_words("reference")` repeats the script exactly,
`coco_words("repaired")` also finds the entries that its table holds in a form no caption can have.

Paper: Table 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.metrics.english_words import english_words
from minigpt4.evaluation.metrics.files import read_captions, read_instances, read_results
from minigpt4.evaluation.metrics.result import MetricResult, keep_scores
from minigpt4.evaluation.metrics.singular import plain_singular, reference_singular
from minigpt4.evaluation.metrics.word_tables import load_table
from minigpt4.evaluation.score import Score, bootstrap_score, mean_score, share_score

Rules = Literal["english", "reference", "repaired"]


@dataclass(frozen=True, kw_only=True)
class ChairWords:
    """How objects are found in a text."""

    object_of: Mapping[str, str]
    """The object that a singular word, or a merged pair, stands for."""
    merged: Mapping[str, str]
    """What two words in a row become, e.g. `hot dog` itself and `baby bear` a bear."""
    singular: Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Mentions:
    """What a text names."""

    words: tuple[str, ...]
    """All its words, singular and merged."""
    named: tuple[tuple[str, str], ...]
    """Each mention as (word, object), in order."""
    positions: tuple[int, ...]
    """Where each mention began, counted in words before merging."""


@cache
def coco_words(rules: Rules = "english") -> ChairWords:
    """Return the words of COCO's 80 categories.

    Args:
        rules: "english", the script's table with English singulars; "reference", the script as
            published; "repaired", English, with the table's dead entries (cheesecake, motor bike,
            iPhone) alive.

    Raises:
        SettingsError: for other rules.
    """
    if rules not in get_args(Rules):
        raise SettingsError(f"rules={rules}; wanted one of {', '.join(get_args(Rules))}")
    table = load_table("chair_words.json")
    object_of = _words_to_objects(table["categories"])
    if rules == "repaired":
        object_of |= _words_to_objects(table["never_found"])
    merged = {pair: pair for pair in table["pairs"]} | table["renamed_pairs"]
    merged |= {f"{age} {animal}": animal for age in table["ages"] for animal in table["aged"]}
    singular = reference_singular if rules == "reference" else plain_singular
    return ChairWords(object_of=object_of, merged=merged, singular=singular)


def words_of_objects(objects: Mapping[str, Iterable[str]] | Iterable[str]) -> ChairWords:
    """Return the words of other objects, such as the drawn world's kinds: a table of one's own.

    Args:
        objects: names, or a mapping from each to its synonyms (its own name always counts).
            Names of two words are found as pairs. A plural counts in the singular too, as that
            is how the words of a text are looked up.

    Raises:
        SettingsError: for a name of more than two words, or a word of two objects.
    """
    given = objects if isinstance(objects, Mapping) else dict.fromkeys(objects, ())
    table = {
        name: tuple(form for word in (name, *words) for form in (word, _singular_name(word)))
        for name, words in given.items()
    }
    object_of = _words_to_objects(table)
    for name, words in table.items():
        for word in words:
            if object_of[word] != name or len(word.split()) > 2:
                raise SettingsError(
                    f"{word!r} cannot stand for {name!r}: wanted one or two words that stand for "
                    "no other object"
                )
    pairs = {word: word for word in object_of if " " in word}
    return ChairWords(object_of=object_of, merged=pairs, singular=plain_singular)


def score_files(
    answers: str | Path,
    *,
    instances: str | Path,
    captions: str | Path,
    words: ChairWords | None = None,
) -> MetricResult:
    """Score a results list of captions against COCO's instances and captions files.

    Raises:
        DataError: for a damaged file, or captions of pictures that neither file knows.
    """
    words = words or coco_words()
    truth = truth_of(read_instances(instances), read_captions(captions), words)
    return score_captions(read_results(answers), truth, words)


def truth_of(
    instances: Mapping[Any, Iterable[str]],
    captions: Mapping[Any, Iterable[str]],
    words: ChairWords | None = None,
) -> dict[Any, set[str]]:
    """Return the objects in each picture: annotated, or named by its reference captions.

    Raises:
        DataError: for a category that the table of words does not have.
    """
    words = words or coco_words()
    truth: dict[Any, set[str]] = {}
    for picture, names in instances.items():
        unknown = [name for name in names if name not in words.object_of]
        if unknown:
            raise DataError(
                f"picture {picture}: category {unknown[0]!r} is not in the table of words; give "
                "`words_of_objects(...)` of the data's own categories"
            )
        truth[picture] = {words.object_of[name] for name in names}
    for picture, texts in captions.items():
        found = truth.setdefault(picture, set())
        for text in texts:
            found |= {name for _, name in mentions(text, words).named}
    return truth


def score_captions(
    captions: Mapping[Any, str], truth: Mapping[Any, set[str]], words: ChairWords | None = None
) -> MetricResult:
    """Score one caption for each picture against the objects that are in it.

    Raises:
        DataError: for captions of pictures whose truth is not known.
    """
    words = words or coco_words()
    unknown = [picture for picture in captions if picture not in truth]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(captions)} captions are of pictures without a truth, the "
            f"first is {unknown[0]!r}; give the annotations that have these pictures, or leave "
            "their captions out"
        )
    items = tuple(_item(key, text, truth[key], words) for key, text in captions.items())
    return MetricResult(items=items, totals=totals_of(items), scores=_scores(items))


def mentions(text: str, words: ChairWords | None = None) -> Mentions:
    """Find the objects a text names."""
    words = words or coco_words()
    tokens = [words.singular(word) for word in english_words(text.lower())]
    merged: list[str] = []
    begins: list[int] = []
    index = 0
    while index < len(tokens):
        begins.append(index)
        pair = " ".join(tokens[index : index + 2])
        is_pair = pair in words.merged
        merged.append(words.merged[pair] if is_pair else tokens[index])
        index += 2 if is_pair else 1
    kept = merged
    if "toilet" in merged and "seat" in merged:
        # "The seat of the toilet" is no chair. As in the script, later positions then slip.
        kept = [word for word in merged if word != "seat"]
    found = [(place, word) for place, word in enumerate(kept) if word in words.object_of]
    return Mentions(
        words=tuple(merged),
        named=tuple((word, words.object_of[word]) for _, word in found),
        positions=tuple(begins[place] for place, _ in found),
    )


def totals_of(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the totals over items, which may come from several sets of captions."""
    items = list(items)
    count, true = len(items), sum(len(item["truth"]) for item in items)
    named = sum(len(item["named"]) for item in items)
    wrong = sum(len(item["hallucinated"]) for item in items)
    false_captions = sum(item["CHAIRs"] for item in items)
    recalled = sum(len(item["recalled"]) for item in items)
    return {
        "CHAIRs": false_captions / count if count else None,
        "CHAIRi": wrong / named if named else None,
        "recall": recalled / true if true else None,
        "length": sum(item["length"] for item in items) / count if count else None,
        "captions": count,
        "captions_with_hallucination": false_captions,
        "mentioned": named,
        "hallucinated": wrong,
    }


def _item(picture: Any, text: str, truth: set[str], words: ChairWords) -> dict[str, Any]:
    """Return what one caption says rightly and wrongly, as plain values."""
    said = mentions(text, words)
    places = [place for place, (_, name) in enumerate(said.named) if name not in truth]
    named = [name for _, name in said.named]
    return {
        "image_id": picture,
        "caption": text,
        "words": list(said.words),
        "named": named,
        "hallucinated": [list(said.named[place]) for place in places],
        "hallucinated_positions": [said.positions[place] for place in places],
        "truth": sorted(truth),
        "recalled": sorted(truth & set(named)),
        "length": len(text.split()),
        "CHAIRs": int(bool(places)),
        "CHAIRi": len(places) / len(named) if named else 0.0,
    }


def _scores(items: tuple[dict[str, Any], ...]) -> dict[str, Score]:
    """Return the four numbers of a table; mentions of one caption are not independent."""
    return keep_scores(
        {
            "CHAIRs": share_score(sum(item["CHAIRs"] for item in items), len(items)),
            "CHAIRi": bootstrap_score(
                [len(item["hallucinated"]) for item in items],
                [len(item["named"]) for item in items],
            ),
            "recall": bootstrap_score(
                [len(item["recalled"]) for item in items], [len(item["truth"]) for item in items]
            ),
            "length": mean_score([item["length"] for item in items]),
        }
    )


def _singular_name(name: str) -> str:
    return " ".join(plain_singular(word) for word in name.lower().split())


def _words_to_objects(table: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {word: name for name, words in table.items() for word in words}
