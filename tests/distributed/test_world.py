"""What a process knows of those that train with it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.errors import OptionsError

ALONE = {"HOME": "/root", "RANK": "3", "WORLD_SIZE": "8"}  # as a cluster's scheduler may leave it
LAUNCHED = {**ALONE, "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


def test_world_is_the_launchers_word_or_one_process():
    assert World.of_environment(ALONE) == World(0, 1, 0, launched=False)
    world = World.of_environment(LAUNCHED)
    assert world == World(3, 8, 1, launched=True)
    assert not world.is_main


def test_who_knows_its_number_but_not_where_the_others_are_is_told():
    with pytest.raises(OptionsError, match=r"^MASTER_PORT: not set, though RANK.*torchrun.*unset"):
        World.of_environment({name: value for name, value in LAUNCHED.items() if name != "MASTER_PORT"})


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("rows", [0, 1, 2, 7, 8, 32])
def test_shares_are_of_one_size_and_begin_with_all_rows(rows: int, size: int):
    shares = [World(rank, size).share(range(rows)) for rank in range(size)]
    assert len({len(share) for share in shares}) == 1
    together = [row for share in shares for row in share]
    assert together[:rows] == list(range(rows))
    assert set(together[rows:]) <= {rows - 1}


def test_process_ends_when_the_one_that_started_it_is_killed(tmp_path: Path):
    alive = tmp_path / "alive"
    child = (
        "import pathlib, sys, time\n"
        "from rasa_bert_intent.distributed.world import end_with_parent\n"
        "end_with_parent()\n"
        "while True:\n"
        "    pathlib.Path(sys.argv[1]).write_text(str(time.time()))\n"
        "    time.sleep(0.05)\n"
    )
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    parent = subprocess.Popen([sys.executable, "-c", start, child, alive])
    try:
        until = time.monotonic() + 60
        while not alive.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    time.sleep(2)
    last = alive.stat().st_mtime
    time.sleep(0.5)
    assert alive.stat().st_mtime == last
