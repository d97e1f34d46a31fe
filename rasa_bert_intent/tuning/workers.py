"""Several processes at the same work, none of which outlives the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.tuning.say import say

# Seconds in which a worker that is asked to stop puts its trial back into the queue.
_TO_STOP = 60


def run_workers(job: Callable[[int], None], number: int) -> None:
    """Runs a job in several processes, or here if there is but one.

    Args:
        job: Is called with the number of each, from 0; can be pickled.
        number: Of processes.

    Raises:
        BertIntentError: as a worker raised it, the others being stopped; or if all were killed.
        KeyboardInterrupt: after all have stopped.
    """
    if number == 1:
        job(0)
        return
    context = multiprocessing.get_context("spawn")  # a forked process must not use torch
    errors = context.SimpleQueue()
    workers = [context.Process(target=_run, args=(job, nth, errors), name=f"worker {nth + 1}") for nth in range(number)]
    for worker in workers:
        worker.start()
    try:
        running = list(workers)
        while running:
            wait([worker.sentinel for worker in running])
            for worker in [each for each in running if each.exitcode is not None]:
                running.remove(worker)
                if not errors.empty():
                    raise BertIntentError(errors.get())
                if worker.exitcode:
                    say(f"{worker.name} ended: {_why(worker.exitcode)}; {len(running)} left")
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(_TO_STOP)
            worker.kill()
    if all(worker.exitcode for worker in workers):
        raise BertIntentError(
            f"all {number} workers ended: {_why(workers[0].exitcode or 0)}. Start again to go on, with fewer --workers "
            "if there was too little memory."
        )


def _run(job: Callable[[int], None], number: int, errors: Any) -> None:
    # Ctrl-C reaches every process of a terminal: the first one alone decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        job(number)
    except BertIntentError as error:
        errors.put(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _why(exit_code: int) -> str:
    return f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit status {exit_code}"
