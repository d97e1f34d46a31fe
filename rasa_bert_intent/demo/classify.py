"""The tab that classifies a list of messages and gives it back as a table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gradio as gr

from rasa_bert_intent.demo.backends import Backend
from rasa_bert_intent.demo.messages import Messages, pasted, read_table_of_messages
from rasa_bert_intent.demo.served import served_folder
from rasa_bert_intent.demo.show import error_html, list_html, notice_html
from rasa_bert_intent.demo.thoughts import Thought
from rasa_bert_intent.errors import BertIntentError


def add_list(backend: Backend) -> None:
    """Adds the tab's content."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            text = gr.Textbox(
                label="Messages, one a line", lines=6, max_lines=14, placeholder="Paste them here", elem_id="list-text"
            )
            file = gr.File(
                label="Or a file: .csv, .tsv, or .txt with a message a line",
                file_types=[".csv", ".tsv", ".txt"],
                height=150,
                elem_id="list-file",
            )
            column = gr.Textbox(
                label="Column with the messages",
                info="Its name, or its number from 1. Empty: text or message, or the only one.",
                elem_id="list-column",
            )
            run = gr.Button("Classify", variant="primary", elem_id="list-run")
        with gr.Column(scale=6, min_width=320):
            notice = gr.HTML(elem_id="list-notice", apply_default_css=False)
            download = gr.DownloadButton(
                "Download the table (.csv)", interactive=False, variant="secondary", elem_id="list-download"
            )
            shown = gr.HTML(elem_id="list-shown", apply_default_css=False)

    def classify(text: str, file: str | None, column: str, progress: Any = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        path = Path(file) if file else None
        try:
            messages = read_table_of_messages(path, column) if path else pasted(text)
        except BertIntentError as error:
            return error_html(error, file), gr.skip(), gr.skip()
        begin = time.perf_counter()
        thoughts, trouble = _think(backend, messages, progress)
        told = (
            f"Stopped after {len(thoughts):,} of {len(messages.rows):,} messages, which the table has: {trouble}"
            if trouble
            else ""
        )
        suffix = ".tsv" if messages.delimiter == "\t" else ".csv"
        name = f"{path.stem if path else 'messages'}-classified{suffix}"
        target = served_folder() / name
        messages.write(target, thoughts)
        button = gr.DownloadButton(f"Download {name}", value=str(target), interactive=True, variant="primary")
        told = " ".join([*messages.notes, told]).strip()
        return notice_html(told), button, list_html(thoughts, time.perf_counter() - begin)

    run.click(classify, [text, file, column], [notice, download, shown], show_progress_on=shown)


def _think(backend: Backend, messages: Messages, progress: Any) -> tuple[list[Thought], str]:
    """What the classifier thinks of each, and why it stopped before the end."""
    thoughts: list[Thought] = []
    for text in progress.tqdm(messages.texts, unit="messages"):
        try:
            thoughts.append(backend.think(text) if text.strip() else Thought.of_nothing(text))
        except BertIntentError as error:
            return thoughts, str(error)
    return thoughts, ""
