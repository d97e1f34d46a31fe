"""The page in a real browser, with a model that was really trained."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from discoveries import a_discovery
from pages import served

from rasa_bert_intent.archive import open_model
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.topics.files import to_json
from rasa_bert_intent.training.fit import fit

SURE, UNSURE = "play some jazz", "qzx kwv jjj bbb zzt"
EVIL = "<b>play</b> ${alert(1)} {{x}} <script>document.title='broken'</script>"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, examples: Any) -> Path:
    from rasa_bert_intent.config import Options

    config = {"encoder": str(tiny_encoder), "max_length": 32, "min_steps": 60, "engine": "onnx"}
    options = Options.from_config({**config, "learning_rate": 5e-3, "head_learning_rate": 5e-2})
    folder = tmp_path_factory.mktemp("trained") / "model"
    fit(*examples, options, progress=False).save(folder)
    return folder


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("labelled") / "test.jsonl"
    file.write_text('{"text": "hello", "intent": "greet"}\n{"text": "play rock", "intent": "play_music"}\n', "utf-8")
    return file


@pytest.fixture(scope="module")
def address(
    page_python: str, model: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory, browser: Any
) -> Iterator[tuple[str, Path]]:
    """Of the page, and the folder that it runs in."""
    folder = tmp_path_factory.mktemp("page")
    surest = open_model(model).predict_proba([SURE, UNSURE], batch_size=1).max(axis=1)
    assert surest[0] > surest[1]
    (folder / "topics.json").write_text(to_json(a_discovery()), "utf-8")
    offered = ["--data", labelled, "--topics", folder, "--threshold", str(surest.mean())]
    with served(page_python, folder, model, *offered) as url:
        yield url, folder


@pytest.fixture
def page(address: tuple[str, Path], browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A fresh tab, which must ask nobody but the page's own server."""
    context = browser.new_context(**getattr(request, "param", {}))
    context.set_default_timeout(180_000)
    tab, asked, errors = context.new_page(), [], []
    tab.on("request", lambda made: asked.append(made.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(address[0])
    tab.get_by_label("Your message").wait_for()
    yield tab
    assert [url for url in asked if not url.startswith((f"{address[0]}/", "data:", "blob:", "about:"))] == []
    assert errors == []
    context.close()


def say(page: Any, text: str) -> str:
    """Sends a message by the keyboard; returns what the panel shows of it."""
    box = page.get_by_label("Your message")
    box.fill(text)
    box.press("Enter")
    page.locator("#thought .message").filter(has_text=text).wait_for()
    return page.locator("#thought").inner_text()


def upload(page: Any, field: str, file: Path) -> None:
    """Chooses a file, and waits until the server has it: while it is on its way, only the progress shows its name."""
    page.set_input_files(f"{field} input[type=file]", file)
    page.locator(f"{field} .filename[aria-label='{file.name}']").wait_for()


def test_a_message_gets_an_answer_and_its_ranking_as_bars(page: Any):
    shown = say(page, SURE)
    assert "play_music" in page.locator("#chat").inner_text()
    rows = page.locator("#thought .bars tbody tr")
    assert rows.count() == 4
    assert re.search(r"✓\s*play_music", shown)
    percents = [float(row.split()[-2]) for row in rows.all_inner_texts()]
    assert percents == sorted(percents, reverse=True)
    widths = [bar.bounding_box()["width"] for bar in page.locator("#thought .bar i").all()]
    track = page.locator("#thought .bar").first.bounding_box()["width"]
    assert widths[0] == pytest.approx(track * percents[0] / 100, abs=3)
    confidence, scope, time = page.locator("#thought dd").all_inner_texts()
    assert float(confidence.split()[0]) == percents[0]
    assert 0 < float(scope.split()[0]) <= 100
    assert re.fullmatch(r"[\d.]+\sms", time)


def test_what_the_classifier_is_not_sure_of_falls_back(page: Any):
    assert "Falls back" not in say(page, SURE)
    assert "Falls back" in say(page, UNSURE)


def test_messages_are_text_and_never_markup(page: Any):
    title = page.title()
    say(page, EVIL)
    assert EVIL in page.locator("#chat").inner_text().replace("\n", " ")
    assert page.locator("#thought .message").inner_text() == EVIL
    assert page.title() == title
    assert page.locator("#chat b, #thought .message b").count() == 0


def test_a_new_conversation_begins_empty(page: Any):
    say(page, "hello")
    page.get_by_role("button", name="New conversation").click()
    page.locator("#thought .empty").wait_for()
    assert "hello" not in page.locator("#chat").inner_text()


def test_a_csv_comes_back_with_intents(page: Any, tmp_path: Path):
    (tmp_path / "mine.csv").write_text('id,text\n1,"hello, you"\n2,play rock\n', "utf-8")
    page.get_by_role("tab", name="List").click()
    upload(page, "#list-file", tmp_path / "mine.csv")
    page.get_by_role("button", name="Classify").click()
    page.locator("#list-shown .rows").wait_for()
    with page.expect_download() as download:
        page.locator("#list-download").click()
    assert download.value.suggested_filename == "mine-classified.csv"
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["text"], row["intent"]) for row in rows] == [
        ("1", "hello, you", "greet"),
        ("2", "play rock", "play_music"),
    ]
    assert all(0 < float(row["confidence"]) <= float(row["p_in_scope"]) <= 1 for row in rows)


def test_a_bad_csv_is_told_in_a_line_and_a_list_is_classified_then(page: Any, tmp_path: Path):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", "utf-8")
    page.get_by_role("tab", name="List").click()
    page.get_by_label("Messages, one a line").fill("hello\nplay rock\nbye\n")
    page.get_by_role("button", name="Classify").click()
    page.locator("#list-shown .rows").wait_for()
    assert page.locator("#list-shown .rows tbody tr").count() == 3
    upload(page, "#list-file", tmp_path / "bad.csv")
    page.get_by_role("button", name="Classify").click()
    told = page.locator("#list-notice [role=alert]")
    told.wait_for()
    assert told.inner_text() == "bad.csv has the columns 'a', 'b': which holds the messages? Name it, or its number."
    assert page.locator("#list-shown .rows tbody tr").count() == 3  # nothing is lost


def test_a_correction_becomes_training_data(page: Any, address: tuple[str, Path]):
    say(page, "see you at the party")
    page.get_by_role("button", name="Was it wrong? Correct it").click()
    form = page.locator("#correct-last")
    assert form.get_by_label("Message").input_value() == "see you at the party"
    intent = form.get_by_label("Right intent")
    intent.fill("bye")
    intent.press("Enter")
    form.get_by_role("button", name="Keep for training").click()
    form.locator("[role=status]").filter(has_text="Kept under bye").wait_for()
    page.get_by_role("tab", name="Corrections").click()
    page.locator("#corrections").get_by_text("see you at the party").wait_for()
    (file,) = (address[1] / "corrections").iterdir()
    assert read_examples(file) == (["see you at the party"], ["bye"])
    with page.expect_download() as download:
        page.locator("#download-corrections").click()
    assert Path(download.value.path()).read_bytes() == file.read_bytes()
    # The rest of the folder is not for those who see the page.
    assert page.request.get(f"{address[0]}/gradio_api/file={file.resolve()}").status == 403
    page.get_by_role("button", name="Take back the last").click()
    page.get_by_text("Taken back: see you at the party").wait_for()
    assert not file.exists()


def test_the_report_of_evaluate_is_shown(page: Any):
    page.get_by_role("tab", name="Report").click()
    page.get_by_role("button", name="Evaluate").click()  # what --data named
    report = page.frame_locator("iframe.report")
    report.get_by_role("heading", name="What is taken for what").wait_for()
    assert report.locator("dd").first.inner_text() == "100.0 %"
    report.locator(".plot-container").first.wait_for()


def test_the_topics_of_discover_are_shown_with_their_map(page: Any, tmp_path: Path):
    title = page.title()
    page.get_by_role("tab", name="Topics").click()
    page.get_by_role("button", name="Show").click()  # what --topics named
    topics = page.frame_locator("iframe.report")
    topics.locator(".point").first.wait_for()
    assert topics.locator(".point").count() == 16
    assert topics.get_by_text("order a pizza", exact=True).is_visible()
    (tmp_path / "other.json").write_text("{}", "utf-8")
    upload(page, "#topics-data", tmp_path / "other.json")
    page.get_by_role("button", name="Show").click()
    told = page.locator("#topics-notice [role=alert]")
    told.wait_for()
    assert told.inner_text().startswith("other.json is not what this version of discover writes")
    assert topics.locator(".point").count() == 16  # nothing is lost
    assert page.title() == title


@pytest.mark.parametrize(
    "page",
    [
        {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme, "has_touch": True}
        for scheme in ("light", "dark")
    ],
    indirect=True,
    ids=["light", "dark"],
)
def test_it_fits_a_phone_and_can_be_read_on_it(page: Any):
    say(page, SURE)
    for tab in ("List", "Report", "Topics", "Corrections", "Chat"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, tab
    assert page.evaluate(_CONTRASTS, "#thought :is(dt, dd, th, td, p, caption)") >= 4.5
    assert page.evaluate(_CONTRASTS, "#chat .message-content, [role=tab], .head :is(h1, p), #message span") >= 4.5


def test_it_works_by_keyboard_alone(page: Any):
    page.get_by_label("Your message").focus()
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    page.locator("#thought .message").filter(has_text="hello").wait_for()
    page.get_by_role("tab", name="Chat").focus()
    reached = []
    for _ in range(14):
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.placeholder || ''"))
        page.keyboard.press("Tab")
    names = " / ".join(reached)
    assert names.index("Type a message") < names.index("New conversation") < names.index("Was it wrong?"), names


# The smallest contrast (WCAG 2) between the ink of the elements that hold text and what is behind them.
_CONTRASTS = """selector => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const elements = [...document.querySelectorAll(selector)]
    .filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  if (!elements.length) throw new Error('nothing to read');
  return Math.min(...elements.map(e => {
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return (a + .05) / (b + .05);
  }));
}"""
