import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def massive_dir() -> Path:
    """The folder with the real data set; tests that ask for it are skipped where there is none."""
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "massive"
    folder = Path(os.environ.get("MASSIVE_DIR", default))
    if not folder.is_dir():
        pytest.skip(f"MASSIVE is not at {folder}: set MASSIVE_DIR to the folder with its <locale>.jsonl files")
    return folder
