"""The benchmarks can be imported, and their tables are what their results give."""

import shutil
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, timeout=300)


def test_tables_are_what_the_results_give():
    done = run(BENCHMARKS / "tables.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_table_that_was_changed_by_hand_is_found_and_written_anew(tmp_path):
    copy = shutil.copytree(BENCHMARKS, tmp_path / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
    readme = Path(shutil.copy(BENCHMARKS.parent / "README.md", tmp_path))
    table = copy / "results" / "recipes.md"
    right, right_readme = table.read_text("utf-8"), readme.read_text("utf-8")
    table.write_text(right.replace("1, 2, 3", "1, 2", 1), "utf-8")
    readme.write_text(right_readme.replace("| DIET, 100 epochs |", "| DIET |", 1), "utf-8")
    done = run(copy / "tables.py", "--check")
    assert (done.returncode, done.stdout) == (1, "Not what the results give: recipes.md, README.md\n")
    assert run(copy / "tables.py").returncode == 0
    assert (table.read_text("utf-8"), readme.read_text("utf-8")) == (right, right_readme)
