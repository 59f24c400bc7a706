"""Have a model answer the questions of a task: in batches, shared out, and never twice.

    answers = answer_all(model, questions, Path("runs/evaluation"))

Greedy unless a question says otherwise. Under torchrun every process answers its share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from minigpt4.errors import DataError
from minigpt4.evaluation.answer_store import AnswerStore, missing_of
from minigpt4.evaluation.identity import computed_with, identify_model
from minigpt4.evaluation.question import Answer, Question
from minigpt4.generation.generate import generate
from minigpt4.generation.prompt import Prompt, encode_row, model_template
from minigpt4.generation.ranks import Share, ranks_together
from minigpt4.generation.scoring import candidate_losses
from minigpt4.processing.conversation import PLAIN, Conversation, Template
from minigpt4.processing.processor import STAGE1_LAYOUT, STAGE2_LAYOUT, STAGE2_LLAMA2_LAYOUT

Report = Callable[[int, int], None]
"""Called with (done, all) as work goes on, for a progress bar."""


def answer_all(
    model: Any,
    questions: Sequence[Question],
    out: str | Path,
    *,
    batch_size: int = 16,
    report: Report | None = None,
) -> list[Answer]:
    """Return an answer to each question, in their order; known ones are read from `out`.

    Args:
        model: a model with its processor, as `load` returns it.
        out: the folder that keeps the answers; other tasks and models may share it.
        report: called with (done, all) questions.

    Raises:
        DataError: for a file of something else in the answers' place.
        ImageError: for a picture that cannot be read.
    """
    identity = identify_model(model)
    share = Share.from_environment()
    with ranks_together(share) as wait_for_others:
        with AnswerStore(Path(out), identity["fingerprint"], rank=share.rank) as store:
            missing = missing_of(questions, store)
            # Nobody writes before all have read what is missing: shares would not fit together.
            wait_for_others()
            mine = missing[share.rank :: share.num_ranks]
            if share.rank == 0 and missing:
                store.describe_model(identity)
            origin, done = computed_with(model), len(questions) - len(mine)
            for answers in answer_batches(model, mine, batch_size=batch_size):
                for answer in answers:
                    store.add(answer, computed_with=origin)
                done += len(answers)
                if report is not None:
                    report(done, len(questions))
        wait_for_others()
        if share.rank == 0:
            store.join()
        wait_for_others()
        if share.rank != 0:
            store = AnswerStore(Path(out), identity["fingerprint"])
    found = [store.find(question) for question in questions]
    return [answer for answer in found if answer is not None]


def answer_batches(
    model: Any, questions: Sequence[Question], *, batch_size: int
) -> Iterator[list[Answer]]:
    """Yield the answers batch by batch; a batch holds one kind of decoding and of prompt."""
    kinds: dict[tuple[Any, ...], list[Question]] = {}
    for question in questions:
        kind = (question.decoding, not question.prompt, bool(question.candidates))
        kinds.setdefault(kind, []).append(question)
    for alike in kinds.values():
        # Prompts of one length together: no row is padded for another's sake.
        alike.sort(key=lambda question: len(question.prompt))
        for start in range(0, len(alike), batch_size):
            batch = alike[start : start + batch_size]
            yield rank(model, batch) if batch[0].candidates else write(model, batch)


def write(model: Any, questions: Sequence[Question]) -> list[Answer]:
    """Generate the answers to questions of one decoding."""
    template, _ = _layout(model, questions[0])
    settings = questions[0].decoding
    replies = generate(
        model, [_conversation(each) for each in questions], settings,
        batch_size=len(questions), template=template,
    )  # fmt: skip
    return [
        Answer(
            question=question,
            text=reply.text,
            finished=reply.finish_reason == "stop",
            num_tokens=len(reply.token_ids),
            num_prompt_tokens=reply.num_prompt_tokens,
        )
        for question, reply in zip(questions, replies, strict=True)
    ]


def rank(model: Any, questions: Sequence[Question]) -> list[Answer]:
    """Choose among the candidates of each question the one with the lowest loss, as officially.

    What is kept is each candidate's summed loss and length, so that any normalisation can be
    applied afterwards. The official divisor depends on how questions are batched; here it is the
    one of a batch of one question and one candidate.
    """
    template, end = _layout(model, questions[0])
    prompts = [_conversation(each) for each in questions]
    losses = candidate_losses(
        model, prompts, [each.candidates for each in questions],
        end_symbol=end, normalisation="sum", template=template,
    )  # fmt: skip
    answers = []
    for question, prompt, sums in zip(questions, prompts, losses, strict=True):
        row = encode_row(model, Prompt(tuple(template.render(prompt)), prompt.images))
        lengths = tuple(len(model.processor.encode(each + end)) for each in question.candidates)
        answer = Answer(
            question=question, text="", losses=tuple(sums), lengths=lengths,
            num_prompt_tokens=len(row),
        )  # fmt: skip
        answers.append(replace(answer, text=question.candidates[lowest(official_losses(answer))]))
    return answers


def official_losses(answer: Answer) -> list[float]:
    """Return each candidate's loss over the length of prompt and candidate less one."""
    if answer.num_prompt_tokens is None or not answer.losses:
        raise DataError(f"the answer to {answer.question.key} has no losses; answer it again")
    return [
        loss / (answer.num_prompt_tokens + length - 1)
        for loss, length in zip(answer.losses, answer.lengths, strict=True)
    ]


def lowest(losses: Sequence[float]) -> int:
    """Return the place of the lowest loss, of equal ones the first."""
    return min(range(len(losses)), key=losses.__getitem__)


def _conversation(question: Question) -> Conversation:
    return Conversation.ask(question.prompt, question.picture.load())


def _layout(model: Any, question: Question) -> tuple[Template, str]:
    """Return the template to ask in (stage 1 for a bare picture) and what ends an answer."""
    if not question.prompt:
        return PLAIN, STAGE1_LAYOUT.end_sym
    template = model_template(model)
    for family, layout in (("vicuna_v0", STAGE2_LAYOUT), ("llama2", STAGE2_LLAMA2_LAYOUT)):
        if template.name.startswith(family):
            return template, layout.end_sym
    ends = [*template.stop_strings, *template.stop_tokens, model.processor.tokenizer.eos_token]
    return template, next(end for end in ends if end)
