"""OK-VQA: questions that need outside knowledge, scored by ten people's answers.

    minigpt4 evaluate okvqa --data OpenEnded_mscoco_val2014_questions.json --images val2014

The annotations file lies beside the questions under its official name. See `vqa_task` for scores.
"""

from __future__ import annotations

from functools import partial

from minigpt4.evaluation.task import Task
from minigpt4.evaluation.vqa_task import vqa_questions, vqa_score

TASK = Task(
    about="questions of knowledge, VQA accuracy",
    paper="",
    questions=partial(
        vqa_questions, name="okvqa", patterns=("OpenEnded_mscoco_val2014_questions.json",)
    ),
    score=vqa_score,
)
