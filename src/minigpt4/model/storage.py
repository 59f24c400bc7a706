"""Writing a directory so that it is there whole or not at all.

All files are written to a hidden directory beside the target, flushed to the disk, and renamed
into place at the end. Whatever goes wrong before (a full disk, Ctrl-C), the target is as it was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from minigpt4.errors import WeightsError


@contextmanager
def whole_directory(target: Path, *, owned: frozenset[str]) -> Iterator[Path]:
    """Give a directory to write to, which replaces `target` when the block ends well.

    Entries of an older target that are not `owned` (a log, a plot) are carried over.

    Raises:
        WeightsError: if the disk is full or may not be written to.
    """
    target = target.resolve()
    if target.exists() and not target.is_dir():
        raise WeightsError(f"cannot save to {target}: it is a file; name a directory")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise WeightsError(
            f"cannot save to {target}: {error}; choose a directory that may be written to"
        ) from error
    try:
        os.chmod(draft, 0o755)  # mkdtemp makes directories for one user only
        yield draft
        _flush(draft)
        _replace(target, draft, owned)
    except (OSError, SafetensorError) as error:  # a full disk is the one or the other
        raise _not_saved(target, error) from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise _not_saved(target, error) from error  # tokenizers gives a full disk no class
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _not_saved(target: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"cannot save to {target}: {error}; what was there before is unchanged. Make room, or "
        "choose another directory"
    )


def _flush(directory: Path) -> None:
    """Have the disk write all files: a rename must not overtake the contents."""
    for path in [*directory.rglob("*"), directory]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _replace(target: Path, draft: Path, owned: frozenset[str]) -> None:
    if not target.exists():
        draft.rename(target)
        return
    for entry in target.iterdir():
        if entry.name not in owned and not (draft / entry.name).exists():
            _copy(entry, draft / entry.name)
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    kept = old / target.name
    try:
        target.rename(kept)
        draft.rename(target)
    finally:
        # Ctrl-C may come right after a rename took effect: what counts is what is there now.
        if kept.exists() and not target.exists():
            kept.rename(target)
        shutil.rmtree(old, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
