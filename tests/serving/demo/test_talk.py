"""A conversation as data."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image

from minigpt4.errors import ImageError
from minigpt4.generation.settings import GREEDY
from minigpt4.serving.demo.talk import LARGEST_PX, Answer, Picture, Talk, Turn
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene


def picture(color: str = "red") -> Picture:
    return Picture(Image.new("RGB", (20, 10), color))


def turn(question: str, *texts: str, pictures: tuple[Picture, ...] = ()) -> Turn:
    answers = tuple(Answer(model=f"m{i}", text=text, ending="stop") for i, text in enumerate(texts))
    return Turn(question=question, pictures=pictures, settings=GREEDY, answers=answers)


def test_each_model_reads_its_own_answers():
    talk = Talk().with_turn(turn("a?", "first of 0", "first of 1"))
    for place, text in enumerate(("first of 0", "first of 1")):
        said = [(each.role, each.text) for each in talk.messages(place, turn("b?"))]
        assert said == [("user", "a?"), ("assistant", text), ("user", "b?")]


def test_pictures_stay_with_their_questions():
    old, new = picture("red"), picture("blue")
    talk = Talk().with_turn(turn("a?", "x", pictures=(old,)))
    messages = talk.messages(0, turn("b?", pictures=(new,)))
    assert [each.images for each in messages] == [(old.image,), (), (new.image,)]


def test_the_pictures_of_an_unanswered_question_go_to_the_next():
    first, second = picture("red"), picture("blue")
    talk = Talk().with_turn(turn("a?", "", pictures=(first,)))
    (message,) = talk.messages(0, turn("b?", pictures=(second,)))
    assert (message.text, message.images) == ("b?", (first.image, second.image))


def test_a_large_upload_is_kept_smaller():
    file = io.BytesIO()
    Image.new("L", (LARGEST_PX * 2, 30)).save(file, "png")
    kept = Picture.load(file.getvalue()).image
    assert (kept.mode, kept.width) == ("RGB", LARGEST_PX)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ImageError, match="not a picture"):
        Picture.load(b"hello")


def test_an_upload_is_read_by_few_decoders_and_its_size_is_limited():
    file, eps = io.BytesIO(), io.BytesIO()
    Image.new("1", (6_000, 6_000)).save(file, "png")
    with pytest.raises(ImageError, match="limit 25000000"):
        Picture.load(file.getvalue())
    Image.new("RGB", (20, 10)).save(eps, "eps")
    with pytest.raises(ImageError, match="not a picture"):
        Picture.load(eps.getvalue())


def test_a_drawn_picture_is_written_without_loss():
    image = draw(sample_scene("test", 5, 0))
    kind, _, code = Picture(image).as_data_url().partition(",")
    assert kind == "data:image/png;base64"
    again = Image.open(io.BytesIO(base64.b64decode(code)))
    assert again.tobytes() == image.tobytes()


def test_a_conversation_goes_into_json_whole():
    scene = sample_scene("test", 5, 0)
    shown = Picture(draw(scene), scene)
    values = json.loads(json.dumps(Talk().with_turn(turn("a?", "x", pictures=(shown,))).as_json()))
    (first,) = values["turns"]
    assert first["question"] == "a?"
    assert first["pictures"][0]["truth"]["kind"] == scene.kind
    assert first["answers"] == [{"model": "m0", "text": "x", "ending": "stop"}]
    assert first["settings"]["do_sample"] is False
