"""The page of topics, as text and in a real browser."""

import json
import re
from pathlib import Path

import pytest
from discoveries import EVIL, a_discovery
from pages import CHROMIUM, drawn

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.topics.files import read_discovery, to_json

pytest.importorskip("plotly", reason="needs the extra 'report'")


@pytest.fixture(scope="module")
def page() -> str:
    from rasa_bert_intent.topics.page import topics_page

    return topics_page(a_discovery())


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


def test_what_was_written_is_read_as_it_was(tmp_path: Path):
    (tmp_path / "topics.json").write_text(to_json(a_discovery()), "utf-8")
    assert read_discovery(tmp_path) == read_discovery(tmp_path / "topics.json") == a_discovery()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read (No such file or directory). Give the folder that discover wrote."),
        ("{", "is no JSON"),
        ("[]", "is not what this version of discover writes (TypeError:"),
        ('{"topics": [{"words": []}]}', "is not what this version of discover writes (KeyError: 'members'). Run it"),
        (to_json(a_discovery()).replace('"seed"', '"grain"'), "unexpected keyword argument 'grain'"),
    ],
)
def test_another_file_is_told_in_a_line(tmp_path: Path, content: str | None, told: str):
    file = tmp_path / "topics.json"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(DataError) as raised:
        read_discovery(tmp_path)
    assert str(file) in str(raised.value)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
