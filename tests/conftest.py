import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["RASA_TELEMETRY_ENABLED"] = "false"
for variable in [name for name in os.environ if name.startswith("RASA_BERT_INTENT_")]:
    del os.environ[variable]  # this machine's wishes are none of the tests'

EXAMPLES = {
    "greet": ["hi", "hello there", "hey", "good morning", "good evening", "hello"],
    "bye": ["bye", "see you later", "so long", "good night", "bye bye", "see you"],
    "play_music": ["play some jazz", "put on rock music", "start the music", "play a song", "play rock", "some music"],
    "lights_off": ["turn the lights off", "lamp off please", "kitchen lights off", "dark please", "turn it off", "off"],
}


@pytest.fixture(scope="session")
def massive_dir() -> Path:
    """The folder with the real data set; tests that ask for it are skipped where there is none."""
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "massive"
    folder = Path(os.environ.get("MASSIVE_DIR", default))
    if not folder.is_dir():
        pytest.skip(f"MASSIVE is not at {folder}: set MASSIVE_DIR to the folder with its <locale>.jsonl files")
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny random BERT."""
    from encoders import make_encoder

    return make_encoder(tmp_path_factory.mktemp("encoder") / "bert")


@pytest.fixture(scope="session")
def examples() -> tuple[list[str], list[str]]:
    """Texts and intents of a small bot."""
    pairs = [(text, intent) for intent, texts in EXAMPLES.items() for text in texts]
    return [text for text, _ in pairs], [intent for _, intent in pairs]


@pytest.fixture(scope="session")
def quick_model(
    examples: tuple[list[str], list[str]], tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The directory of a model that was trained in a moment, served by ONNX."""
    from rasa_bert_intent import Options, fit

    quick = {"method": "head", "min_steps": 0, "epochs": 1, "max_length": 32, "num_threads": 1}
    directory = tmp_path_factory.mktemp("trained") / "model"
    fit(*examples, Options.from_config({"encoder": str(tiny_encoder), **quick}), progress=False).save(directory)
    return directory


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A PostgreSQL server, see `databases.DatabaseServer`."""
    import databases

    with databases.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mysql() -> Iterator[Any]:
    """A MariaDB server, see `databases.DatabaseServer`."""
    import databases

    with databases.mysql() as server:
        yield server


@pytest.fixture(scope="session")
def page_python() -> str:
    """The Python that serves the page of `demo`."""
    from pages import python_with_gradio

    return python_with_gradio() or pytest.skip("needs Gradio: make web-setup")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    from pages import CHROMIUM, chromium

    pytest.importorskip("playwright", reason="needs playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with chromium() as browser:
        yield browser


@pytest.fixture
def options(tiny_encoder: Path) -> Callable[..., Any]:
    """Makes options for the tiny encoder that train in a moment, changed as told."""
    from rasa_bert_intent.config import Options

    def make(**changes: Any) -> Options:
        config = {
            "encoder": str(tiny_encoder),
            "min_steps": 0,
            "epochs": 2,
            "max_length": 32,
            "pooling": "mean",
            "engine": "torch",
            "ngram_weight": 0,  # they would learn what the encoder fails to
            "learn_intent_names": False,  # an encoder of random weights sees by chance what they say
            **changes,
        }
        return Options.from_config(config)

    return make


@pytest.fixture
def config(tiny_encoder: Path) -> dict[str, Any]:
    """The component's options as Rasa hands them over: the defaults with the user's changes."""
    from rasa_bert_intent import BertIntentClassifier

    changes = {"encoder": str(tiny_encoder), "min_steps": 0, "epochs": 2, "max_length": 32}
    return {**BertIntentClassifier.get_default_config(), **changes}
