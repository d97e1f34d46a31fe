"""Files that the page gives out."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


def served_folder() -> Path:
    """A new folder whose files Gradio serves; it is cleared when the page ends."""
    from gradio.utils import get_upload_folder

    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def served_copy(file: Path) -> str:
    """The path of a copy that Gradio serves: to serve the file itself it would have to serve all of its folder."""
    return str(shutil.copy(file, served_folder()))
