import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pages import CHROMIUM, drawn

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.evaluation import Evaluation, Prediction, evaluate
from rasa_bert_intent.reports.html import to_html

pytest.importorskip("plotly", reason="needs the extra 'report'")
EVIL = "</script><script>document.title='broken'</script><!-- <b>bold</b> {{ 7 * 7 }}"


def _evaluation(**changes: object) -> Evaluation:
    rows = [
        ("hi", "greet", "greet", 0.95),
        ("ciao", "bye", "greet", 0.7),
        (EVIL, "bye", "greet", 0.9),
        ("bye", "bye", "bye", 0.8),
        ("play", "music", "music", 0.85),
    ]
    outside = [Prediction("vote", "bye", 0.3), Prediction("sue him", "bye", 0.99)]
    return evaluate(
        [Prediction(text, given, confidence) for text, _, given, confidence in rows],
        [row[1] for row in rows],
        ["bye", "greet", "music", "lights"],
        **{"out_of_scope": outside, "title": "model on <data>", **changes},
    )


class _Page(HTMLParser):
    """Text of the page's elements, its attributes, and the figures in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.figures: dict[str, dict] = {}
        self._content = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._content = ""

    def handle_data(self, data: str) -> None:
        self._content += data

    def handle_endtag(self, tag: str) -> None:
        opened, attributes = self.tags[-1]
        if attributes.get("type") == "application/json":
            if tag == "script" and self._content:
                self.figures[str(attributes["id"])] = json.loads(self._content)
        elif opened not in ("script", "style"):
            self.texts.append(self._content.strip())
        self._content = ""


@pytest.fixture(scope="module")
def page() -> _Page:
    return _Page(to_html(_evaluation()))


def test_page_names_nothing_outside_and_forbids_itself_to(page: _Page):
    assert not [attributes for _, attributes in page.tags if {"src", "href", "srcset", "action"} & attributes.keys()]
    (policy,) = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_messages_and_names_are_text_and_never_markup(page: _Page):
    assert EVIL in page.texts
    assert "model on <data>" in page.texts
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert len(scripts) == len(page.figures) + 2  # plotly's and the page's own
    assert not [tag for tag, _ in page.tags if tag == "b"]
    # plotly reads hover texts as markup of its own
    (cell,) = [text for row in page.figures["matrix"]["data"][1]["hovertext"] for text in row if "taken for" in text]
    assert "&lt;b&gt;bold&lt;/b&gt;" in cell
    assert "<b>bold" not in cell


def test_scores_errors_and_what_is_answered_out_of_scope_are_told(page: _Page):
    assert not {"60.0 %", "0.900", "0.700", "ciao", "sue him"} - {*page.texts}
    assert "vote" not in page.texts  # is refused


def test_matrix_counts_every_message(page: _Page):
    right, wrong = page.figures["matrix"]["data"]
    labels = page.figures["matrix"]["layout"]["xaxis"]["ticktext"]
    counts = {
        (labels[row], labels[column]): int(number)
        for trace in (right, wrong)
        for row, cells in enumerate(trace["text"])
        for column, number in enumerate(cells)
        if number
    }
    assert counts == {("greet", "greet"): 1, ("bye", "bye"): 1, ("bye", "greet"): 2, ("music", "music"): 1}
    row, column = labels.index("bye"), labels.index("greet")
    assert wrong["z"][row][column] == pytest.approx(2 / 3)
    assert page.figures["matrix"]["layout"]["meta"]["confused"] == 2
    assert {labels[0], labels[1]} == {"bye", "greet"}


def test_curves_are_those_of_the_evaluation(page: _Page):
    evaluation = _evaluation()
    lines = {trace["name"]: trace["y"] for trace in page.figures["threshold"]["data"]}
    assert lines["in scope answered"] == [row.answered for row in evaluation.fallback.curve]
    assert lines["out of scope refused"] == [row.refused for row in evaluation.fallback.curve]
    right, wrong = (trace["y"] for trace in page.figures["histogram"]["data"])
    assert (sum(right), sum(wrong)) == (3, 2)
    shares = page.figures["reliability"]["data"][1]["y"]
    assert len(shares) == sum(right[i] + wrong[i] > 0 for i in range(15))


def test_without_messages_out_of_scope_and_without_errors_there_is_a_page_too():
    evaluation = evaluate([Prediction("hi", "greet", 0.9)], ["greet"], ["greet"])
    texts = " ".join(_Page(to_html(evaluation)).texts)
    assert "Nothing: every message was given its intent." in texts
    assert "The worst errors" not in texts
    assert "--out-of-scope" in texts


def test_missing_library_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(DataError, match=re.escape("pip install 'rasa-bert-intent[report]'")):
        to_html(_evaluation())


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_browser_draws_every_figure(tmp_path: Path):
    file = tmp_path / "report.html"
    file.write_text(to_html(_evaluation()), "utf-8")
    shown = drawn(file)
    assert "<title>broken" not in shown
    assert shown.count('class="plot-container plotly"') == 4
    assert shown.count('class="hm"') == 2
    assert "advised 0." in shown
