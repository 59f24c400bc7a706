"""The nine findings of the paper, each with what decides it and the likely reason of the outcome.

Paper: §1, §4 and §5.
"""

from __future__ import annotations

from minigpt4.evaluation.score import Score
from minigpt4.recipes.extra_measures import UNTRAINED
from minigpt4.recipes.findings import (
    Comparison,
    Difference,
    Finding,
    compare,
    decide,
    without_guess,
)
from minigpt4.recipes.results import Results
from minigpt4.recipes.row_models import (
    BEFORE_STAGE2,
    BLIP2,
    BLIP2_FT,
    LOCNA,
    MINIGPT4,
    NO_QFORMER,
    QFORMER_TRAINED,
    THREE_LAYERS,
)
from minigpt4.recipes.table5 import LONG, SHORT

QUESTIONS = ("A-OKVQA", "GQA")


def decide_findings(results: Results) -> tuple[Finding, ...]:
    """Decide all nine from the numbers; likely reasons are known of the miniature only."""
    found = (
        _one_layer(results),
        _captions_alone(results),
        _stage2_data(results),
        _weak_llm(results),
        _qformer(results),
        _capacity(results),
        _length(results),
        _places(results),
        _composition(results),
    )
    if results.settings.base == "miniature":
        return found
    return tuple(map(without_guess, found))


def _one_layer(results: Results) -> Finding:
    before, after = results.alignment.get(UNTRAINED), results.alignment.get("after stage 1")
    comparisons: list[Comparison] = []
    if before and after:
        learned = compare(
            "loss of a caption token given the picture, after stage 1 against before",
            after["shown"], before["shown"], "less", unit="number",
        )  # fmt: skip
        looked = compare(
            "loss of a caption token given its picture, against given another picture",
            after["shown"], after["another"], "less", unit="number",
        )  # fmt: skip
        comparisons = [*learned, *looked, _against_words(after)]
    return decide(
        1, "One linear layer aligns the two worlds.", comparisons,
        {
            "shown": "the layer learned, it says what is in the picture and not only that a "
            "caption follows (another picture does worse), and a caption costs the frozen LLM at "
            "most 0.05 nats a token more when it sees the picture than when it is told the scene "
            "in words.",
            "not shown": "what is lost against telling the scene in words lies around the margin "
            "of 0.05 nats, or stage 1 changed too little to be seen.",
            "refuted": "the frozen LLM loses more than 0.05 nats a token against being told the "
            "scene in words, or another picture does as well, or stage 1 made it worse: the "
            "Q-Former was pretrained for another LLM, its few queries lose some of the picture, "
            "and stage 1 is short.",
        },
        needed=3,
    )  # fmt: skip


def _against_words(after: dict[str, Score]) -> Comparison:
    gap = after["gap"]
    low, high = gap.interval
    return Comparison(
        what="loss of a caption token, told the scene in words against shown the picture",
        difference=Difference(value=-gap.value, interval=(-high, -low)),
        expected="no worse", first=after["told"], second=after["shown"], unit="number",
    )  # fmt: skip


def _captions_alone(results: Results) -> Finding:
    comparisons = [
        comparison
        for column in ("detailed caption", "poem")
        for comparison in compare(
            f"failed generations ({column}), after stage 2 against before",
            results.score(3, MINIGPT4, column), results.score(3, BEFORE_STAGE2, column), "less",
        )
    ]  # fmt: skip
    return decide(
        2, "Short captions alone are not enough.", comparisons,
        {
            "shown": "captions alone teach no way to answer; few detailed descriptions do.",
            "not shown": "stage 2 does not lower both shares for certain: the miniature's frozen "
            "LLM has read few kinds of texts and hardly leaves them, so less can go wrong after "
            "stage 1 than with a chat LLM and web captions.",
            "refuted": "stage 2 makes a kind of failure more frequent: its descriptions pull other "
            "answers towards descriptions.",
        },
        needed=2,
    )  # fmt: skip


def _stage2_data(results: Results) -> Finding:
    comparisons = compare(
        "requests fulfilled (Table 1), MiniGPT-4 against LocNa",
        results.score(1, MINIGPT4, "all"), results.score(1, LOCNA, "all"), "more",
    ) + compare(
        "word pairs in common of two answers, LocNa against MiniGPT-4",
        results.sameness.get(LOCNA.name), results.sameness.get(MINIGPT4.name), "more",
    )  # fmt: skip
    amount = "That it matters more than the amount was not tried: both have the same."
    return decide(
        3, "The data of stage 2 matters more than its amount; monotonous narratives give "
        "monotonous answers.",
        comparisons,
        {
            "shown": "with the same number of pictures and steps, narratives in which each "
            "sentence is built alike make answers more alike and requests fulfilled rarer. "
            f"{amount}",
            "not shown": "the frozen LLM leaves the narratives' language when it is asked for "
            f"something else, and the descriptions come from a few templates as well. {amount}",
            "refuted": "the narratives do as well for what is asked, or their answers are no more "
            f"alike than those from descriptions, which come from a few templates too. {amount}",
        },
        needed=2,
    )  # fmt: skip


def _weak_llm(results: Results) -> Finding:
    comparisons = compare(
        "requests fulfilled (Table 1), BLIP-2 FT against MiniGPT-4",
        results.score(1, BLIP2_FT, "all"), results.score(1, MINIGPT4, "all"), "less",
    )  # fmt: skip
    return decide(
        4, "A weak language model does not gain the abilities from the same data.", comparisons,
        {
            "shown": "the weak LLM never read poems, recipes or advertisements, and the same "
            "descriptions do not teach them.",
            "not shown": "the two fulfil about as many requests here.",
            "refuted": "the LLM that was meant to be weak fulfils more requests: it is not weak.",
        },
    )  # fmt: skip


def _qformer(results: Results) -> Finding:
    comparisons = [
        comparison
        for column in QUESTIONS
        for comparison in compare(
            f"{column}, without Q-Former against MiniGPT-4",
            results.score(4, NO_QFORMER, column), results.score(4, MINIGPT4, column), "no worse",
        )
    ]  # fmt: skip
    return decide(
        5, "The Q-Former is not essential.", comparisons,
        {
            "shown": "patch features through one layer answer as well, within five points.",
            "not shown": "the difference lies around the margin of five points.",
            "refuted": "without the Q-Former answers are more than five points worse: patch "
            "features of a small ViT are further from words, and stage 1 is short.",
        },
        needed=2,
    )  # fmt: skip


def _capacity(results: Results) -> Finding:
    rows = (("three layers", THREE_LAYERS), ("Q-Former finetuned", QFORMER_TRAINED))
    comparisons = [
        comparison
        for title, model in rows
        for column in QUESTIONS
        for comparison in compare(
            f"{column}, {title} against MiniGPT-4",
            results.score(4, model, column), results.score(4, MINIGPT4, column), "less",
        )
    ]  # fmt: skip
    return decide(
        6, "More trainable parts do worse with little data.", comparisons,
        {
            "shown": "with the same pictures and steps, what trains more answers worse.",
            "not shown": "not all four are worse for certain: the drawn world is simple and its "
            "captions are seldom wrong, so that more capacity has little to overfit.",
            "refuted": "more capacity helps at least once: training and test pictures are drawn "
            "alike, so that there is little to overfit, and one layer may be too little for it.",
        },
        needed=4,
    )  # fmt: skip


def _length(results: Results) -> Finding:
    comparisons = [
        comparison
        for column, unit in (("CHAIR_i", "percent"), ("words", "number"))
        for comparison in compare(
            f"{column}, long prompt against short",
            results.row_score(5, LONG, column), results.row_score(5, SHORT, column), "more",
            unit=unit,  # type: ignore[arg-type]
        )
    ]  # fmt: skip
    return decide(
        7, "Longer answers hallucinate more.", comparisons,
        {
            "shown": "asked for more words, the model names more that is not there.",
            "not shown": "a drawn scene has at most five things, so a long answer has said them "
            "all before it makes up others, and the prompt may change the length little.",
            "refuted": "the long prompt is nearer to stage 2's own, so its answers are surer; the "
            "short one is a request that no training with pictures answered.",
        },
        needed=2,
    )  # fmt: skip


def _places(results: Results) -> Finding:
    comparisons = compare(
        "questions about places against those about presence",
        results.spatial.get("spatial"), results.spatial.get("pope"), "less",
    )  # fmt: skip
    return decide(
        8, "Spatial understanding is weak.", comparisons,
        {
            "shown": "places are answered worse than presence: stage 1's captions say what stands "
            "on what, but not left or right; the descriptions of stage 2 do, and are few.",
            "not shown": "places are answered about as well as presence: the descriptions of stage "
            "2 say of everything where it stands.",
            "refuted": "places are answered better than presence: the descriptions of stage 2 say "
            "of everything where it stands, and never what is absent.",
        },
    )  # fmt: skip


def _composition(results: Results) -> Finding:
    comparisons = compare(
        "requests fulfilled (Table 1), MiniGPT-4 against BLIP-2",
        results.score(1, MINIGPT4, "all"), results.score(1, BLIP2, "all"), "more",
    )  # fmt: skip
    return decide(
        9, "The abilities are compositions of image understanding and language skill.", comparisons,
        {
            "shown": "no training pairs a picture with a poem, recipe, advertisement or joke, and "
            "yet they are written about pictures. The LLM has read such texts without pictures, "
            "half of them after averaged embeddings in a picture's place, without which far fewer "
            "requests were fulfilled (docs/experiments.md).",
            "not shown": "the two fulfil about as many requests here.",
            "refuted": "BLIP-2 fulfils more requests.",
        },
    )  # fmt: skip
