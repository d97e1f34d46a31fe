"""The tab with the topics that `rasa-bert-intent discover` found: their map, words and messages."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from rasa_bert_intent.demo.show import error_html, frame_html
from rasa_bert_intent.errors import BertIntentError, DataError
from rasa_bert_intent.topics.files import read_discovery
from rasa_bert_intent.topics.page import topics_page


def add_topics(folder: Path | None) -> None:
    """Adds the tab's content.

    Args:
        folder: What `discover` wrote, to show unless another file is uploaded.
    """
    found = gr.File(
        label=f"topics.json, as rasa-bert-intent discover writes it{f'; none: {folder}' if folder else ''}",
        file_types=[".json"],
        height=150,
        elem_id="topics-data",
    )
    run = gr.Button("Show", variant="primary", elem_id="topics-run")
    notice = gr.HTML(elem_id="topics-notice", apply_default_css=False)
    shown = gr.HTML(elem_id="topics-shown", apply_default_css=False)

    def show(uploaded: str | None) -> tuple[object, object]:
        path = Path(uploaded) if uploaded else folder
        try:
            if path is None:
                raise DataError("Choose the topics.json of a folder that rasa-bert-intent discover wrote.")
            page = topics_page(read_discovery(path))
        except BertIntentError as error:
            return error_html(error, uploaded), gr.skip()
        return "", frame_html(page, "The topics")

    run.click(show, found, [notice, shown], show_progress_on=shown)
