"""`minigpt4 chat`: turns, commands, and troubles that end an answer but not the program."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from generation.tiny_model import build_tiny_model, draw_pictures
from minigpt4.cli import chat as command
from minigpt4.cli.main import main
from minigpt4.generation import Chat, GenerationSettings
from minigpt4.model import loading


@pytest.fixture(scope="module")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loading.save(build_tiny_model(), tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "it's a picture.png"
    draw_pictures()[0].save(path)
    return path


@pytest.fixture
def talk(capsys, monkeypatch, model_directory):
    """Run a chat with the given lines; return stdout and stderr."""

    def run(*lines: str, args: tuple[str | Path, ...] = ()) -> tuple[str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        with pytest.raises(SystemExit) as end:
            main(["chat", *map(str, args), "--model", str(model_directory), "--seed", "1"])
        assert end.value.code == 0
        out, err = capsys.readouterr()
        return out, err

    return run


SHORT = "/settings max_new_tokens=6"


def answers(out: str) -> list[str]:
    """Return what was said after the settings were printed."""
    return out.rpartition("max_context_tokens = ")[2].split("\n", 1)[1].splitlines()


def test_questions_are_answered_turn_by_turn(talk, picture):
    out, _ = talk(SHORT, "What is this?", "Which color?", args=(picture, "--greedy"))
    assert f"You are looking at {picture}." in out
    assert len(answers(out)) >= 2
    again, _ = talk(SHORT, "What is this?", "Which color?", args=(picture, "--greedy"))
    assert again == out


def test_a_picture_can_be_shown_later_and_its_name_may_be_quoted(talk, picture):
    path = str(picture)
    for written in (path, f'"{path}"', path.replace(" ", "\\ ").replace("'", "\\'")):
        out, err = talk(SHORT, f"/image {written}", "What is this?")
        assert f"You are looking at {picture}." in out
        assert "no picture" not in err


def test_a_bad_picture_is_a_message_and_the_chat_goes_on(talk, picture, tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    out, err = talk(
        SHORT, f"/image {tmp_path}/bad.png", "/image gone.png", "/image", "What?", args=(picture,)
    )
    assert err.count("minigpt4: ") == 3
    assert any(answers(out))


def test_reset_begins_anew(talk, picture):
    lines = ("What is this?", "/reset", f"/image {picture}", "What is this?")
    first, *_, last = answers(talk(SHORT, *lines, args=(picture, "--greedy"))[0])
    assert first == last


def test_settings_are_shown_changed_and_checked(talk):
    out, err = talk("/settings", "/settings temperature=0.5 top_p=0.8", "/settings temprature=1")
    assert "temperature = 1.0" in out
    assert "temperature = 0.5" in out
    assert "did you mean 'temperature'" in err


def test_settings_reach_the_answer(talk, picture):
    _, err = talk("/settings max_new_tokens=1", "What is this?", args=(picture, "--greedy"))
    assert "the answer was cut" in err


def test_help_quit_and_unknown_commands(talk):
    out, err = talk("/help", "/halp", "/quit", "never asked")
    assert "/image PATH" in out
    assert "There is no /halp" in err
    assert "never asked" not in out + err


def test_empty_lines_ask_nothing(talk):
    out, err = talk("", "   ")
    assert len(out.splitlines()) == 1
    assert err == ""


def test_a_bad_first_picture_ends_before_the_model_is_loaded(capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        main(["chat", str(tmp_path / "gone.png"), "--model", "no_such_model"])
    assert end.value.code == 1
    assert "no picture at" in capsys.readouterr().err


def test_ctrl_c_stops_the_answer_and_not_the_program(capsys, monkeypatch, model_directory, picture):
    # Without a seed, an answer by chance may end before it is stopped.
    chat = Chat(loading.load(model_directory), GenerationSettings(seed=1))
    chat.show(picture)
    taken = []

    def interrupted_print(*values: object, **options: object) -> None:
        sys.stdout.write(" ".join(map(str, values)) + str(options.get("end", "\n")))
        taken.append(values)
        if len(taken) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "print", interrupted_print, raising=False)
    assert command.handle_line(chat, "What is this?")
    assert "(stopped)" in capsys.readouterr().out
    assert chat.conversation.messages[-1].role == "assistant"
    assert command.handle_line(chat, "/settings max_new_tokens=3")
    assert command.handle_line(chat, "Which color?")
    assert len(chat.conversation.messages) == 4


def test_ctrl_c_at_the_prompt_is_an_empty_line(monkeypatch, capsys):
    class Interrupted(io.StringIO):
        def readline(self, *_: object) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    assert command._read_line() == ""
    assert "/quit" in capsys.readouterr().out
