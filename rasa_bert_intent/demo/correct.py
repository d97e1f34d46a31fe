"""The form that keeps a correction, and the tab that shows what was kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from rasa_bert_intent.demo.backends import Backend
from rasa_bert_intent.demo.corrections import Corrections
from rasa_bert_intent.demo.served import served_copy
from rasa_bert_intent.demo.show import corrections_html, notice_html
from rasa_bert_intent.errors import BertIntentError


class Form:
    """Fields for a message and its right intent, and a button that keeps them."""

    def __init__(self, backend: Backend, corrections: Corrections) -> None:
        self._corrections = corrections
        self._intents = backend.intents
        self.example = gr.Textbox(
            label="Message",
            info="As Rasa's files have it: an entity in square brackets, then its type in round ones.",
            placeholder="wake me up at [nine am](time)",
            max_length=10_000,
        )
        self.intent = gr.Dropdown(
            backend.intents,
            value=None,
            label="Right intent",
            info="Type to search, or write a new one.",
            allow_custom_value=True,
        )
        self.keep = gr.Button("Keep for training", variant="primary", size="md")
        self.notice = gr.HTML(apply_default_css=False)

    def connect(self, shown: gr.HTML, download: gr.DownloadButton) -> None:
        """Keeps what is written at a press of the button, and shows it in the tab of corrections."""

        def keep(example: str | None, intent: str | None) -> tuple[Any, ...]:
            try:
                kept = self._corrections.keep(example or "", intent or "", self._intents)
            except BertIntentError as error:
                return notice_html(str(error)), gr.skip(), gr.skip()
            done = f"Kept under {kept.intent}, in {self._corrections.file}."
            return notice_html(done, "done"), *state(self._corrections)

        self.keep.click(keep, [self.example, self.intent], [self.notice, shown, download])


def add_corrections(backend: Backend, corrections: Corrections, forms: Sequence[Form]) -> None:
    """Adds the tab's content, where all that the forms keep is seen."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            gr.Markdown("### Correct a message\nWhat you keep becomes an example of Rasa's NLU data.")
            form = Form(backend, corrections)
        with gr.Column(scale=6, min_width=320):
            shown = gr.HTML(lambda: corrections_html(corrections), elem_id="corrections", apply_default_css=False)
            with gr.Row():
                download = gr.DownloadButton(
                    "Download the YAML", value=None, interactive=False, size="sm", elem_id="download-corrections"
                )
                back = gr.Button("Take back the last", size="sm", elem_id="take-back")
            notice = gr.HTML(apply_default_css=False)

    def take_back() -> tuple[Any, ...]:
        try:
            gone = corrections.take_back()
        except BertIntentError as error:
            return notice_html(str(error)), gr.skip(), gr.skip()
        done = f"Taken back: {gone.example}" if gone else "There is nothing to take back."
        return notice_html(done, "done"), *state(corrections)

    for each in (form, *forms):
        each.connect(shown, download)
    back.click(take_back, None, [notice, shown, download])


def state(corrections: Corrections) -> tuple[str, Any]:
    """What the tab shows, and what its button gives."""
    file = corrections.file
    copy = served_copy(file) if file else None
    return corrections_html(corrections), gr.DownloadButton(value=copy, interactive=bool(file))
