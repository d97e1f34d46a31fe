"""What is told of a search: the entry to paste with its gain, a table of the trials, and a page with plots."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from rasa_bert_intent.config_file import write_entry
from rasa_bert_intent.errors import OptionsError
from rasa_bert_intent.reports.html import render
from rasa_bert_intent.tuning.gain import METRICS, Gain
from rasa_bert_intent.tuning.objective import CHANGES, LOOKS, SCORES
from rasa_bert_intent.tuning.search import Outcome, Search
from rasa_bert_intent.tuning.space import Space
from rasa_bert_intent.tuning.study import ERROR, SURPLUS, WORKER, counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "broken off", TrialState.FAIL: "failed"}


def verdict(outcome: Outcome) -> str:
    """Whether to take the best options, in one or two sentences."""
    if not outcome.gains:
        return "No gain: no trial was better than the defaults. Keep them."
    first = outcome.gains[0]
    name = METRICS[first.metric]
    if first.is_sure:
        return f"A gain of {_points(first.best - first.defaults)} points of {name}: take the entry above."
    if first.best <= first.defaults:
        return f"No gain in {name} on what the search did not see: keep the defaults."
    return (
        f"No sure gain in {name}: the interval reaches down to {_points(first.low)}, so it may be chance. Keep the "
        "defaults, or compare on more examples."
    )


def summary(search: Search, outcome: Outcome) -> str:
    """The end of the command's output: the entry to paste, the gain, the verdict."""
    trials = [trial for trial in counted(outcome.study) if trial.state.is_finished()]
    name, best, defaults = METRICS[search.metric], outcome.best, outcome.defaults
    lines = [
        f"{len(trials)} trials on {search.task.measured_on()}: {name} {best.value:.4f} by trial {best.number}, "
        f"{defaults.value:.4f} by the defaults.",
        "",
        "pipeline:",
        write_entry({**search.space.config, **outcome.changes}),
    ]
    if outcome.gains:
        lines += [*table(search, outcome.gains), ""]
    return "\n".join([*lines, verdict(outcome)])


def table(search: Search, gains: Sequence[Gain]) -> Iterator[str]:
    """The gains, a line each, with a heading."""
    yield f"On {len(search.task.test)} examples that the search did not see, {trained(search, gains)}:"
    yield f"{'':10}{'defaults':>10}{'best':>10}{'gain':>8}   95 % interval"
    for gain in gains:
        difference, low, high = (_points(value) for value in (gain.best - gain.defaults, gain.low, gain.high))
        yield (
            f"{METRICS[gain.metric]:10}{100 * gain.defaults:8.1f} %{100 * gain.best:8.1f} %{difference:>8}   "
            f"{low} to {high}"
        )


def trained(search: Search, gains: Sequence[Gain]) -> str:
    """Of how many trainings the scores of both sides are means, in words."""
    wanted, (defaults, best) = search.trainings, gains[0].trainings
    if min(defaults, best) < wanted:
        return f"mean of {defaults} of {wanted} trainings with the defaults and {best} with the best (others failed)"
    return "1 training of each" if wanted == 1 else f"mean of {wanted} trainings of each"


def pipeline_file(search: Search, outcome: Outcome) -> str:
    """The entry as a file: commented with the scores, it says what it is worth."""
    comment = [verdict(outcome), *(table(search, outcome.gains) if outcome.gains else ())]
    lines = "".join(f"# {line}".rstrip() + "\n" for line in comment)
    return f"{lines}pipeline:\n{write_entry({**search.space.config, **outcome.changes})}"


def trials_table(search: Search, study: optuna.Study) -> str:
    """Every trial as a row of CSV, those that were tried again too."""
    names = [name for each in search.space.parameters for name in (each.name, *each.along)]
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["trial", "state", *METRICS, "seconds", "worker", *names, "error"])
    final = {trial.number for trial in counted(study)}
    for trial in study.trials:
        if SURPLUS in trial.user_attrs:
            continue
        state = _STATES.get(trial.state, trial.state.name.lower()) if trial.number in final else "tried again"
        scores = trial.user_attrs.get(SCORES, {})
        options = _options(search.space, trial)
        writer.writerow(
            [
                trial.number,
                state,
                *(_digits(scores.get(metric)) for metric in METRICS),
                f"{trial.duration.total_seconds():.1f}" if trial.duration else "",
                trial.user_attrs.get(WORKER, ""),
                *(options.get(name) for name in names),
                trial.user_attrs.get(ERROR, ""),
            ]
        )
    return rows.getvalue()


def to_html(search: Search, outcome: Outcome) -> str:
    """The search as one HTML page, see `rasa_bert_intent.reports.html.render`.

    Raises:
        DataError: if the extra `report` is not installed.
    """
    from rasa_bert_intent.reports.figures import themed

    drawn = {name: themed(figure) for name, figure in _figures(outcome.study, METRICS[search.metric]).items()}
    return render(
        "tuning.html",
        drawn,
        title=f"Search on {search.task.measured_on()}",
        metric=METRICS[search.metric],
        names=METRICS,
        outcome=outcome,
        changes=CHANGES,
        error=ERROR,
        states=_STATES,
        trials=_best_first(outcome.study),
        verdict=verdict(outcome),
        entry="pipeline:\n" + write_entry({**search.space.config, **outcome.changes}),
        set_aside=len(search.task.test),
        trained=trained(search, outcome.gains) if outcome.gains else "",
    )


def _figures(study: optuna.Study, metric: str) -> dict[str, go.Figure]:
    from optuna import visualization

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is experimental, and trials without a score
        looks = visualization.plot_intermediate_values(study)
        figures = {
            "history": visualization.plot_optimization_history(study, target_name=metric),
            "looks": looks.update_xaxes(title=f"looks, {LOOKS} in each training").update_yaxes(title=metric),
        }
        with suppress(RuntimeError, ValueError):  # too few trials came to an end, or all scored alike
            shares = visualization.plot_param_importances(study)
            figures["importances"] = shares.update_xaxes(title="share").update_yaxes(title=None)
    return {name: figure.update_layout(title=None) for name, figure in figures.items()}


def _best_first(study: optuna.Study) -> list[FrozenTrial]:
    order = list(_STATES)
    ended = [trial for trial in counted(study) if trial.state in order]
    return sorted(ended, key=lambda trial: (order.index(trial.state), -(trial.value or 0), trial.number))


def _options(space: Space, trial: FrozenTrial) -> Mapping[str, Any]:
    """What a trial trains with; what it changes alone, if that is not allowed."""
    if CHANGES not in trial.user_attrs:
        return space.options({}).to_dict()
    changes: dict[str, Any] = trial.user_attrs[CHANGES]
    try:
        return space.closed(changes).to_dict()
    except OptionsError:
        return changes


def _digits(value: Any) -> str:
    return "" if value is None else f"{value:.4f}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
