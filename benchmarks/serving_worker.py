"""One loaded bot in a process of its own, which `serving.py` asks for measurements.

Reads lines of JSON from standard input, {"texts": [...], "whole": bool}, and answers each with the seconds that every
text took: the whole of Rasa's `Agent.parse_message`, or the `process` of our classifier alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from typing import Any

import psutil
from rasa.core.agent import Agent
from rasa.engine.graph import GraphNode
from rasa.shared.nlu.training_data.message import Message
from rasa.utils.log_utils import configure_structlog


def main(archive: str) -> None:
    logging.basicConfig(level=logging.WARNING)
    configure_structlog(logging.WARNING)
    process = psutil.Process()
    before = process.memory_info().rss
    of_components = _times_components()
    start = time.perf_counter()
    agent = Agent.load(archive)
    loaded = time.perf_counter() - start
    answer = asyncio.new_event_loop().run_until_complete
    answer(agent.parse_message("hello"))
    ours = _ours(agent)
    memory = process.memory_info().rss
    _say(
        {
            "load_seconds": loaded,
            "components_seconds": sum(of_components),
            "rss_mb": memory / 1e6,
            "added_mb": (memory - before) / 1e6,
        }
    )
    for line in sys.stdin:
        task = json.loads(line)
        seconds = []
        for text in task["texts"]:
            message = Message(data={"text": text})
            start = time.perf_counter()
            if task["whole"]:
                answer(agent.parse_message(text))
            else:
                ours.process([message])
            seconds.append(time.perf_counter() - start)
        _say(seconds)


def _times_components() -> list[float]:
    """What each component takes to load, libraries included, as Rasa does so: it unpacks the archive before."""
    seconds: list[float] = []
    load = GraphNode._load_component

    def timed(*args: Any, **kwargs: Any) -> None:
        start = time.perf_counter()
        load(*args, **kwargs)
        seconds.append(time.perf_counter() - start)

    GraphNode._load_component = timed
    return seconds


def _ours(agent: Any) -> Any:
    """Our classifier, None in another pipeline."""
    nodes = agent.processor.graph_runner._instantiated_nodes.values()
    components = (getattr(node, "_component", None) for node in nodes)
    return next((one for one in components if type(one).__name__ == "BertIntentClassifier"), None)


def _say(content: Any) -> None:
    print("ANSWER " + json.dumps(content), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
