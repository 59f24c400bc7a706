"""Questions about pictures and their answers, as examples: what the VQA sources share.

Ten people answer a question of VQAv2, OK-VQA and A-OKVQA, and rarely all the same. The answer that
is learned is the one given most often, so an example is the same whenever it is drawn.

Paper: Table 6 (VQAv2, OK-VQA and A-OKVQA mixed into stage 2). The paper prints no prompt for
them; ours is that of the authors' later code, without its task mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from minigpt4.data.conversations import plain_prompt
from minigpt4.data.example import Example, Turn
from minigpt4.errors import DataError

VQA_PROMPT = "Based on the image, respond to this question with a short answer: {}"
"""What stands around a question, so that short answers do not spoil the descriptions."""


def question_example(
    picture: Path, question: str, answer: str, *, key: str, prompt: str = VQA_PROMPT
) -> Example:
    """Make the example of a question and its one answer."""
    asked = prompt.replace("{}", plain_prompt(question))
    return Example(image=picture, turns=(Turn(prompt=asked, answer=answer),), key=key)


def most_common_answer(answers: Iterable[str], *, where: str) -> str:
    """Return the answer given most often, of equally frequent ones the first.

    Raises:
        DataError: if there is no answer with something in it.
    """
    counts = Counter(answer.strip() for answer in answers if answer.strip())
    if not counts:
        raise DataError(f"no answer: {where}")
    return counts.most_common(1)[0][0]
