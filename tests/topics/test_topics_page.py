"""The page of topics, as text and in a real browser."""

import json
import re
from pathlib import Path

import pytest
from pages import CHROMIUM, drawn

from rasa_bert_intent.topics.discovery import Discovery, Member, Topic

pytest.importorskip("plotly", reason="needs the extra 'report'")
EVIL = "</script><script>document.title='broken'</script><!-- <b>bold</b> {{ 7 * 7 }}"


def _discovery() -> Discovery:
    topics = []
    for number, name in enumerate(("order_food", "call_vet")):
        texts = [EVIL if number else "order a pizza", *(f"{name} {index}" for index in range(7))]
        members = tuple(Member(text, 2, "greet", 0.25, float(i), number - 0.5 * i) for i, text in enumerate(texts))
        words, coherence = (("order", "food"), 0.5) if number else ((), None)
        topics.append(Topic(name, words, coherence, 8, 16, "greet", 0.5, 0.95 - number / 2, not number, members))
    silhouettes = {2: 0.5, 3: 0.4}
    return Discovery("log.db", "models", "clusters", "both", 0, 16, 32, silhouettes, ("a note",), tuple(topics))


@pytest.fixture(scope="module")
def page() -> str:
    from rasa_bert_intent.topics.page import topics_page

    return topics_page(_discovery())


def test_a_message_cannot_break_out_of_the_page(page: str):
    assert EVIL not in page
    assert page.count("</script>") == 3  # the map, plotly and the page's own


def test_every_message_is_on_the_map_and_the_typical_ones_are_below_it(page: str):
    found = re.search(r'id="map">(.*?)</script>', page, re.DOTALL)
    assert found
    traces = json.loads(found[1])["data"]
    assert [trace["name"] for trace in traces] == ["1. order_food", "2. call_vet"]
    assert [len(trace["x"]) for trace in traces] == [8, 8]
    assert len({trace["marker"]["color"] for trace in traces}) == 2
    body = page[: page.index("<script")]
    assert body.count('<td class="text">') == 10
    assert body.count("rather more examples of that intent") == 1
    assert "a note" in body


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_browser_draws_the_map(page: str, tmp_path: Path):
    file = tmp_path / "topics.html"
    file.write_text(page, "utf-8")
    shown = drawn(file)
    assert "<title>Topics in log.db</title>" in shown
    assert shown.count('class="point"') == 16
