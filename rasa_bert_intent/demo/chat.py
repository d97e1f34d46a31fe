"""The tab with the chat, and beside it what the classifier thinks of the last message."""

from __future__ import annotations

import uuid
from html import escape  # the chat takes a message for HTML, and here it is text
from typing import Any

import gradio as gr

from rasa_bert_intent.data.rasa_nlu import annotated
from rasa_bert_intent.demo.backends import Backend
from rasa_bert_intent.demo.correct import Form
from rasa_bert_intent.demo.corrections import Corrections
from rasa_bert_intent.demo.show import notice_html, thought_html
from rasa_bert_intent.errors import BertIntentError

_SILENT = "(The bot says nothing.)"


def add_chat(backend: Backend, corrections: Corrections) -> Form:
    """Adds the tab's content; returns the form of corrections in it."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=320):
            chat = gr.Chatbot(
                label="Chat with the bot",
                elem_id="chat",
                height="min(56vh, 540px)",
                buttons=["copy_all"],
                feedback_options=None,
                render_markdown=False,
                placeholder=_welcome(backend),
            )
            message = gr.Textbox(
                label="Your message",
                placeholder="Type a message",
                elem_id="message",
                submit_btn="Send",
                autofocus=True,
                max_length=10_000,
            )
            again = gr.Button("New conversation", size="sm", elem_id="again")
        with gr.Column(scale=5, min_width=320):
            notice = gr.HTML(elem_id="chat-notice", apply_default_css=False)
            thought = gr.HTML(thought_html(None, backend), elem_id="thought", apply_default_css=False)
            with gr.Accordion("Was it wrong? Correct it", open=False, elem_id="correct-last"):
                form = Form(backend, corrections)
    sender = gr.State(lambda: uuid.uuid4().hex)

    def send(text: str, history: list[Any], sender: str) -> tuple[Any, ...]:
        if not text.strip():
            return text, history, gr.skip(), "", gr.skip(), gr.skip()
        try:
            found = backend.think(text)
            replies = backend.reply(sender, text)
        except BertIntentError as error:
            return text, history, gr.skip(), notice_html(str(error)), gr.skip(), gr.skip()  # the text stays to be sent
        said = [{"role": "user", "content": escape(text)}, *(_bubble(reply) for reply in _said(replies, found.intent))]
        example = annotated(text, found.trained_entities)
        return "", [*history, *said], thought_html(found, backend), "", example, found.best

    def choose(data: gr.SelectData) -> str:
        return data.value

    outputs = [message, chat, thought, notice, form.example, form.intent]
    message.submit(send, [message, chat, sender], outputs, show_progress="hidden")
    chat.option_select(choose, None, message).then(send, [message, chat, sender], outputs, show_progress="hidden")
    again.click(
        lambda: ([], uuid.uuid4().hex, thought_html(None, backend), "", "", None),
        None,
        [chat, sender, thought, notice, form.example, form.intent],
    )
    return form


def _welcome(backend: Backend) -> str:
    return f"Say something to {backend.name}." if backend.name else "Say something."


def _said(replies: list[dict[str, Any]] | None, intent: str | None) -> list[dict[str, Any]]:
    """The bot's messages, or what stands in for them."""
    if replies is None:
        return [{"text": f"No bot is here to answer, only its classifier. Intent: {intent}"}]
    return replies or [{"text": _SILENT}]


def _bubble(reply: dict[str, Any]) -> dict[str, Any]:
    """A message of Rasa's REST channel as one of the chat: buttons can be pressed, all else is text."""
    parts = [str(reply[key]) for key in ("text", "image", "attachment", "custom") if reply.get(key)]
    bubble: dict[str, Any] = {"role": "assistant", "content": escape("\n".join(parts) or _SILENT)}
    if reply.get("buttons"):
        bubble["options"] = [
            {"label": str(button["title"]), "value": str(button.get("payload") or button["title"])}
            for button in reply["buttons"]
        ]
    return bubble
