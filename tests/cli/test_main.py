"""The command line as a whole: lazy, and clear when something goes wrong."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from minigpt4 import __version__
from minigpt4.cli import main as cli
from minigpt4.errors import ImageError

NO_TORCH = """
import sys
from minigpt4.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    heavy = {"torch", "transformers", "numpy", "PIL"} & set(sys.modules)
    sys.exit(f"imported {sorted(heavy)}" if heavy else end.code)
"""


def test_help_imports_nothing_heavy(run_python):
    result = run_python("-c", NO_TORCH, "--help")
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize(
    "command",
    [
        "describe",
        "chat",
        "demo",
        "serve",
        "train",
        "plan",
        "cache",
        "import",
        "data",
        "world",
        "doctor",
    ],
)
def test_help_of_a_command_imports_no_torch(run_python, command: str):
    result = run_python("-c", NO_TORCH.replace('"numpy", "PIL"', ""), command, "--help")
    assert result.returncode == 0, result.stderr


def test_version_is_printed():
    result = CliRunner().invoke(cli.app, ["--version"])
    assert result.output == f"minigpt4 {__version__}\n"


def test_an_unknown_command_is_wrong_usage(run_python):
    result = run_python("-m", "minigpt4", "descrbe")
    assert result.returncode == 2
    assert "No such command" in result.stderr
    assert "Traceback" not in result.stderr


def run_failing(monkeypatch, capsys, error: BaseException, *args: str) -> tuple[int, str]:
    """Run the command line with a command that raises; return exit code and stderr."""

    def fail() -> None:
        raise error

    group = typer.main.get_command(cli.app)
    monkeypatch.setattr(cli, "build_command", lambda app: group)
    single = typer.Typer()
    single.command()(fail)
    command = typer.main.get_command(single)
    monkeypatch.setattr(cli, "_load_command", lambda name: command)
    with pytest.raises(SystemExit) as end:
        cli.main([*args, "describe"])
    return int(end.value.code or 0), capsys.readouterr().err


def test_an_error_of_ours_is_one_line_and_exit_code_1(monkeypatch, capsys):
    error = ImageError("a.png is empty;\n give a picture")
    code, shown = run_failing(monkeypatch, capsys, error)
    assert (code, shown) == (1, "minigpt4: a.png is empty; give a picture\n")


def test_a_full_disk_is_one_line_and_exit_code_1(monkeypatch, capsys):
    error = OSError(28, "No space left on device", "out/model.safetensors")
    code, shown = run_failing(monkeypatch, capsys, error)
    assert code == 1
    assert "No space left on device" in shown
    assert "out/model.safetensors" in shown
    assert shown.count("\n") == 1


def test_ctrl_c_is_exit_code_130(monkeypatch, capsys):
    code, shown = run_failing(monkeypatch, capsys, KeyboardInterrupt())
    assert code == 130
    assert "Traceback" not in shown


def test_a_warning_is_one_line(run_python):
    result = run_python(
        "-c",
        "import warnings, minigpt4.cli.main as cli\n"
        "cli._load_command = lambda name: warnings.warn('ignored leftovers:\\n head.weight')\n"
        "cli.main(['--debug', 'doctor'])",
    )
    assert "minigpt4: warning: ignored leftovers: head.weight\n" in result.stderr


@pytest.mark.parametrize("way", ["option", "variable"])
def test_debug_shows_where_an_error_came_from(monkeypatch, capsys, way: str):
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1" if way == "variable" else "0")
    args = ["--debug"] if way == "option" else []
    with pytest.raises(ImageError):
        run_failing(monkeypatch, capsys, ImageError("bad"), *args)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch, capsys):
    with pytest.raises(ZeroDivisionError):
        run_failing(monkeypatch, capsys, ZeroDivisionError())


def test_every_command_of_the_table_can_be_loaded():
    assert all(cli._load_command(name) is not None for name in cli.COMMANDS)
