"""The tab with the report that `rasa-bert-intent evaluate` writes, of the model at hand or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from rasa_bert_intent.data.examples import read_messages
from rasa_bert_intent.data.labelled import read_plain
from rasa_bert_intent.demo.backends import Backend
from rasa_bert_intent.demo.show import error_html, frame_html
from rasa_bert_intent.errors import BertIntentError, DataError
from rasa_bert_intent.reports.evaluation import Prediction, evaluate
from rasa_bert_intent.reports.html import to_html


def add_report(backend: Backend, data: Path | None) -> None:
    """Adds the tab's content.

    Args:
        backend: What is evaluated.
        data: Labelled messages to evaluate it on unless others are uploaded.
    """
    with gr.Row(equal_height=False):
        labelled = gr.File(
            label=f"Labelled messages (.yml, .jsonl){f'; none: {data}' if data else ''}, or a report (.html)",
            file_types=[".yml", ".yaml", ".jsonl", ".html"],
            height=150,
            elem_id="report-data",
        )
        outside = gr.File(
            label="Messages to refuse, if you have some (.txt)",
            file_types=[".txt", ".yml", ".yaml", ".jsonl"],
            height=150,
        )
    run = gr.Button("Evaluate", variant="primary", elem_id="report-run")
    notice = gr.HTML(elem_id="report-notice", apply_default_css=False)
    shown = gr.HTML(elem_id="report-shown", apply_default_css=False)

    def show(labelled: str | None, outside: str | None, progress: Any = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        path = Path(labelled) if labelled else data
        try:
            if path is None:
                raise DataError("Choose labelled messages, or a report that evaluate wrote.")
            refuse = Path(outside) if outside else None
            report = _read(path) if path.suffix == ".html" else _evaluate(backend, path, refuse, progress)
        except BertIntentError as error:
            return error_html(error, labelled, outside), gr.skip()
        return "", frame_html(report, "The report")

    run.click(show, [labelled, outside], [notice, shown], show_progress_on=shown)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a page in UTF-8 ({error}).") from None


def _evaluate(backend: Backend, data: Path, outside: Path | None, progress: Any) -> str:
    texts, truth = read_plain(data)
    refused = read_messages(outside) if outside else []

    def predict(texts: list[str]) -> list[Prediction]:
        thoughts = [backend.think(text) for text in progress.tqdm(texts, unit="messages")]
        return [Prediction(thought.text, thought.best or "none", thought.confidence) for thought in thoughts]

    evaluation = evaluate(
        predict(texts),
        truth,
        backend.intents,
        out_of_scope=predict(refused),
        title=f"{backend.name} on {data.name}",
        data=data.name,
    )
    return to_html(evaluation)
