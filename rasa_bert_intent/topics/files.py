"""Writes a `Discovery`: Markdown and a page for people, JSON for programs, and NLU data with new intents for review."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rasa_bert_intent.data.massive import Row
from rasa_bert_intent.data.output import check_output, replaced_folder
from rasa_bert_intent.data.rasa_nlu import write_nlu
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.files import write_text
from rasa_bert_intent.reports.html import html_is_possible
from rasa_bert_intent.reports.markdown import cell, count, table
from rasa_bert_intent.topics.discovery import Discovery, Member, Topic

NLU, REPORT, DATA, PAGE = "nlu.yml", "topics.md", "topics.json", "topics.html"
_WORDS_SHOWN = 6
_LONGEST_TEXT = 90


def check_folder(output: Path, source: Path, force: bool) -> None:
    """Refuses a folder in which something would be lost, before anything is calculated.

    Raises:
        DataError: as `rasa_bert_intent.data.output.check_output`.
    """
    check_output(output, source, force, re.compile("|".join(map(re.escape, (NLU, REPORT, DATA, PAGE)))))


def write_files(discovery: Discovery, output: Path) -> None:
    """Writes `nlu.yml`, `topics.md`, `topics.json` and, where the extra `report` is installed, `topics.html`.

    Args:
        discovery: What was found.
        output: The folder; it appears, or takes the place of a former one, when all of them are complete.

    Raises:
        DataError: if it cannot be written; it is then as it was.
    """
    with replaced_folder(output.resolve()) as folder:
        write_proposal(discovery, folder / NLU)
        write_text(folder / REPORT, to_markdown(discovery))
        write_text(folder / DATA, to_json(discovery))
        if html_is_possible():
            from rasa_bert_intent.topics.page import topics_page

            write_text(folder / PAGE, topics_page(discovery))


def write_proposal(discovery: Discovery, path: Path) -> None:
    """Writes every message once as an example of its topic's new intent, the most typical first, as Rasa reads it."""
    rows = [
        Row(id="", locale="", split="", scenario="", intent=topic.intent, text=member.text)
        for topic in discovery.topics
        for member in topic.members
    ]
    origin = f"For review: rename, merge, correct or delete these intents before you train on them. {discovery.source}"
    write_nlu(path, rows, lambda row, note: None, origin=origin, command="discover")  # cleaned: nothing is left out


def to_json(discovery: Discovery) -> str:
    """All there is to know of it."""
    return json.dumps(asdict(discovery), indent=1, ensure_ascii=False) + "\n"


def read_discovery(path: Path) -> Discovery:
    """What `write_files` wrote.

    Args:
        path: `topics.json`, or the folder that holds it.

    Raises:
        DataError: if it is not there, or not what `discover` writes.
    """
    file = path / DATA if path.is_dir() else path
    try:
        content = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}). Give the folder that discover wrote.") from None
    except ValueError as error:
        raise DataError(f"{file} is no JSON ({error}). Give the {DATA} that discover wrote.") from None
    try:
        topics = [
            Topic(
                **{**topic, "words": tuple(topic["words"]), "members": tuple(Member(**one) for one in topic["members"])}
            )
            for topic in content["topics"]
        ]
        silhouettes = {int(number): score for number, score in content["silhouettes"].items()}
        notes = tuple(content["notes"])
        return Discovery(**{**content, "topics": tuple(topics), "silhouettes": silhouettes, "notes": notes})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise DataError(
            f"{file} is not what this version of discover writes ({type(error).__name__}: {error}). Run it again."
        ) from None


def to_markdown(discovery: Discovery) -> str:
    """The report, whose tables also read well on a terminal."""
    sections = [f"# {cell(f'Topics in {discovery.source}')}", *_summary(discovery)]
    for number, topic in enumerate(discovery.topics, start=1):
        sections += _topic(number, topic)
    return "\n\n".join(sections) + "\n"


def _summary(discovery: Discovery) -> Iterator[str]:
    how = {"clusters": "spectral clustering", "contextual": "CombinedTM"}[discovery.method]
    yield (
        f"{count(discovery.messages, 'distinct message')}, written {discovery.times:,} times, in "
        f"{count(len(discovery.topics), 'topic')} by {how} ({cell(discovery.embeddings)}), seed {discovery.seed}."
    )
    if discovery.silhouettes:
        tried = ", ".join(f"{topics}: {score:.3f}" for topics, score in discovery.silhouettes.items())
        yield f"Silhouette of each number of topics tried: {tried}."
    yield from (f"Note: {cell(note)}" for note in discovery.notes)
    rows = [
        [
            str(number),
            cell(topic.intent),
            str(topic.size),
            str(topic.times),
            "" if topic.coherence is None else f"{topic.coherence:.2f}",
            cell(topic.nearest),
            f"{topic.nearest_share:.0%}",
            f"{topic.nearest_probability:.2f}",
            "more of it?" if topic.known else "",
        ]
        for number, topic in enumerate(discovery.topics, start=1)
    ]
    header = ["", "new intent", "messages", "times", "NPMI", "nearest intent", "answers", "probability", ""]
    yield table(header, rows, "rlrrrlrrl")


def _topic(number: int, topic: Topic) -> Iterator[str]:
    yield f"## {number}. {cell(topic.intent)}"
    if topic.words:
        yield f"Words: {cell(', '.join(topic.words[:_WORDS_SHOWN]))}."
    if topic.known:
        yield (
            f"The model knows most of it as {cell(topic.nearest)}: rather more examples of that intent than a new one."
        )
    yield "\n".join(f"- {cell(_shortened(member.text))}" for member in topic.typical)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
