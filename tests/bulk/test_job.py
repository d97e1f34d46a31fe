"""Jobs on a tiny model in this process; tests/cli kills the real command."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from folders import contents, files

from rasa_bert_intent.bulk import chunks
from rasa_bert_intent.bulk.chunks import Chunk, do, is_done
from rasa_bert_intent.bulk.job import Job
from rasa_bert_intent.bulk.rows import Row
from rasa_bert_intent.bulk.run import run
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.serving import load_to_serve


@pytest.fixture
def job(quick_model: Path, tmp_path: Path) -> Job:
    """25 rows in chunks of 10, of which rows 4, 14 and 24 are bad."""
    texts = [" " if number % 10 == 4 else f"play song {number}" for number in range(1, 26)]
    source = tmp_path / "messages.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    return Job(quick_model, source, tmp_path / "results", chunk_size=10)


def _rows(folder: Path, kind: str) -> list[dict]:
    lines = [line for file in sorted(folder.glob(f"{kind}-*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def test_every_row_is_scored_once_in_order_or_is_bad_with_a_reason(job: Job):
    summary = run(job, progress=False)
    assert (summary.rows, summary.scored, summary.bad, summary.chunks, summary.earlier) == (25, 22, 3, 3, 0)
    scored, bad = _rows(job.output, "part"), _rows(job.output, "bad")
    assert [row["row"] for row in scored] == [number for number in range(1, 26) if number % 10 != 4]
    assert bad == [{"row": n, "reason": "no text", "shown": '{"text": " "}'} for n in (4, 14, 24)]
    assert [row["text"] for row in scored] == [f"play song {row['row']}" for row in scored]
    expected = load_to_serve(job.model).predict_proba([row["text"] for row in scored], batch_size=1).max(axis=1)
    assert [row["intent"]["confidence"] for row in scored] == pytest.approx(expected, abs=0.05)
    assert json.loads((job.output / "summary.json").read_text("utf-8"))["scored"] == 22
    parts = [f"{kind}-00000{number}.jsonl" for kind in ("bad", "part") for number in range(3)]
    assert files(job.output) == sorted([*parts, "job.json", "summary.json"])


def test_what_is_done_is_not_done_again_and_the_rest_is(job: Job):
    run(job, progress=False)
    whole = contents(job.output)
    (job.output / "part-000001.jsonl").unlink()
    (job.output / ".part-000001.jsonl.0123.partial").write_text("half")
    first = (job.output / "part-000000.jsonl").stat().st_mtime_ns
    summary = run(job, progress=False)
    assert (summary.rows, summary.scored, summary.bad, summary.earlier) == (25, 22, 3, 15)
    assert (job.output / "part-000000.jsonl").stat().st_mtime_ns == first
    again = contents(job.output)
    assert {name: again[name] for name in again if name != "summary.json"} == {
        name: whole[name] for name in whole if name != "summary.json"
    }


def test_parts_can_be_parquet(job: Job):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'parquet'")
    job = replace(job, form="parquet")
    run(job, progress=False)
    lines = replace(job, form="jsonl", output=job.output.with_name("lines"))
    run(lines, progress=False)
    table = [row for file in sorted(job.output.glob("part-*.parquet")) for row in parquet.read_table(file).to_pylist()]
    assert table == _rows(lines.output, "part")
    assert run(job, progress=False).earlier == 25


def test_chunk_of_bad_rows_alone_has_an_empty_part(job: Job, quick_model: Path, tmp_path: Path):
    chunk = Chunk(7, [Row(71, "x", "not JSON"), Row(72, "y", "no text")])
    for form in ("jsonl", "parquet") if pytest.importorskip("pyarrow") else ():
        assert not is_done(chunk, tmp_path, form)
        do(chunk, load_to_serve(quick_model), tmp_path, form)
        assert is_done(chunk, tmp_path, form)
    assert [row["row"] for row in _rows(tmp_path, "bad")] == [71, 72]
    assert (tmp_path / "part-000007.jsonl").read_bytes() == b""


def test_input_without_rows_has_no_parts(job: Job):
    job.source.write_text("")
    assert run(job, progress=False).rows == 0
    assert files(job.output) == ["job.json", "summary.json"]


@pytest.mark.parametrize("what", ["input", "model", "chunk_size", "text_column"])
def test_folder_of_another_job_is_refused(what: str, job: Job, examples: tuple[list[str], list[str]], tmp_path: Path):
    run(job, progress=False)
    before = contents(job.output)
    other = job
    if what == "input":
        job.source.write_text('{"text": "hi"}\n', "utf-8")
        what = "input_bytes, input_changed: input_bytes was "
    elif what == "model":
        changed = shutil.copytree(job.model, tmp_path / "changed")
        manifest = json.loads((changed / "model.json").read_text("utf-8"))
        (changed / "model.json").write_text(json.dumps({**manifest, "training": {}}), "utf-8")
        other = replace(job, model=changed)
        what = "model: model was "
    elif what == "chunk_size":
        other = replace(job, chunk_size=11)
        what = "chunk_size: chunk_size was 10, now 11"
    else:
        other = replace(job, text_column="text")
        what = "text_column: text_column was None, now 'text'"
    with pytest.raises(DataError, match=f"holds results of another job, which differs in {what}"):
        run(other, progress=False)
    assert contents(job.output) == before


def test_folder_that_is_no_jobs_is_refused_and_left_alone(job: Job):
    job.output.mkdir()
    (job.output / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="is no empty folder and no job's"):
        run(job, progress=False)
    assert files(job.output) == ["mine.txt"]


def test_what_a_kill_left_of_the_first_file_is_no_hindrance(job: Job):
    job.output.mkdir()
    (job.output / ".job.json.0a1b2c3d.partial").write_text("{")
    run(job, progress=False)
    assert not list(job.output.glob(".*"))
    assert "part-000001.jsonl" in files(job.output)


def test_part_that_was_changed_is_told(job: Job):
    run(job, progress=False)
    part = job.output / "part-000002.jsonl"
    part.write_text("".join(part.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")
    with pytest.raises(DataError, match=r"part-000002.jsonl and its bad rows are 4, expected 5: it was changed"):
        run(job, progress=False)


def test_part_that_cannot_be_read_is_told(job: Job):
    job = replace(job, form="parquet")
    run(job, progress=False)
    (job.output / "part-000001.parquet").write_bytes(b"broken")
    with pytest.raises(
        DataError, match=r"part-000001.parquet and its bad rows are not to be read, expected 10: it was "
    ):
        run(job, progress=False)


def test_what_another_run_is_writing_stays(job: Job, monkeypatch):
    from rasa_bert_intent.bulk import run as module

    writing = job.output / ".part-000001.jsonl.x.partial"

    def settle(*arguments):
        writing.write_text("half")
        return chunks.settle(*arguments)

    monkeypatch.setattr(module, "settle", settle)
    run(job, progress=False)
    assert writing.read_text() == "half"
    writing.unlink()


@pytest.mark.parametrize("content", ["[]", "7", "{"])
def test_a_damaged_claim_is_told(content, job: Job):
    run(job, progress=False)
    (job.output / "job.json").write_text(content)
    with pytest.raises(DataError, match=r"job\.json is damaged\. Name another folder, or delete "):
        run(job, progress=False)
