"""The page: its tabs, its looks, and its server."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from rasa_bert_intent.demo.backends import Backend
from rasa_bert_intent.demo.corrections import Corrections
from rasa_bert_intent.errors import ServerError

# Nothing is to be fetched from or told to the internet; Gradio reads this when it is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from rasa_bert_intent.demo.chat import add_chat
from rasa_bert_intent.demo.classify import add_list
from rasa_bert_intent.demo.correct import add_corrections
from rasa_bert_intent.demo.report import add_report
from rasa_bert_intent.demo.topics import add_topics

_TITLE = "rasa-bert-intent"
_SECONDS_A_FILE_IS_KEPT = 86_400


def build(
    backend: Backend, corrections: Corrections, data: Path | None = None, topics: Path | None = None
) -> gr.Blocks:
    """Puts the page together.

    Args:
        backend: What answers.
        corrections: Where corrected messages go.
        data: Labelled messages for the report.
        topics: What `discover` wrote.
    """
    with gr.Blocks(
        title=f"{backend.name} - {_TITLE}",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(3600, _SECONDS_A_FILE_IS_KEPT),
    ) as page:
        gr.HTML(
            '<header class="rbi head"><h1>rasa-bert-intent</h1><p class="muted">What your bot says, and what its '
            "classifier thinks</p></header>",
            apply_default_css=False,
        )
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Chat"):
                form = add_chat(backend, corrections)
            with gr.Tab("List"):
                add_list(backend)
            with gr.Tab("Report"):
                add_report(backend, data)
            with gr.Tab("Topics"):
                add_topics(topics)
            with gr.Tab("Corrections"):
                add_corrections(backend, corrections, [form])
    return page


def launch(page: gr.Blocks, host: str, port: int, share: bool) -> str:
    """Starts to serve the page; returns its address.

    Args:
        page: Of `build`.
        host: The address to bind.
        port: 0: a free one.
        share: Whether Gradio makes a public link too.

    Raises:
        ServerError: if the port cannot be used, or no public link is to be had.
    """
    _, url, public = page.launch(
        server_name=host,
        server_port=_usable(host, port),
        share=share,
        prevent_thread_lock=True,
        quiet=True,
        footer_links=[],
        ssr_mode=False,
        max_file_size="50mb",
        theme=_theme(),
        css_paths=Path(__file__).parent / "page" / "style.css",
        head='<meta name="color-scheme" content="light dark">',
    )
    if share and not public:
        page.close()
        raise ServerError("--share: Gradio could make no public link (no internet?). Leave --share out.")
    return public or url.rstrip("/")


def _usable(host: str, port: int) -> int:
    """The port, or a free one for 0, after a try: Gradio would only say that there is none in a range."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            return sock.getsockname()[1]
        except OverflowError:
            raise ServerError(
                f"--port: {port} is no port. Give a number from 0 to 65535; 0 takes a free one."
            ) from None
        except OSError as error:
            raise ServerError(
                f"the page cannot be served at {host}:{port} ({error.strerror or error}). Name another --port, or 0 "
                "for a free one."
            ) from None


def _theme() -> gr.themes.Base:
    """The system's fonts, and the report's colours."""
    blue = gr.themes.Color(
        "#eef6fb", "#dcecf7", "#bfdcf0", "#94c5e5", "#5bb0ea", "#0a6fb0", "#085f98", "#074f7f", "#063f66", "#052f4d",
        "#041f33",
    )  # fmt: skip
    return gr.themes.Base(
        primary_hue=blue,
        secondary_hue=blue,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#11151b",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1a2029",
        block_border_color="#dde2e8",
        block_border_color_dark="#313a46",
        input_background_fill="#f6f7f9",
        input_background_fill_dark="#11151b",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1a2029",
        background_fill_secondary="#f6f7f9",
        background_fill_secondary_dark="#1a2029",
        border_color_primary="#dde2e8",
        border_color_primary_dark="#313a46",
        block_info_text_color="#566474",
        block_info_text_color_dark="#a3b0bf",
        block_label_text_color="#566474",
        block_label_text_color_dark="#a3b0bf",
        input_placeholder_color="#66748a",
        input_placeholder_color_dark="#8d9bab",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_text_color="#ffffff",
    )
