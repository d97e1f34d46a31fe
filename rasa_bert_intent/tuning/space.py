"""What is searched: which options, how far from where they stand, and what a point in this space sets.

Numbers are searched relative to what they would be anyway, by the recipe or the user: where the method changes, so does
the rate that suits it. At the point `Space.defaults` nothing is set at all.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from rasa_bert_intent.config import Options
from rasa_bert_intent.contradictions import contradictions
from rasa_bert_intent.errors import OptionsError
from rasa_bert_intent.training.recipe import choose

if TYPE_CHECKING:
    from optuna import Trial

_ENCODER_LEARNS = ("lora", "full")
_ANY = (*_ENCODER_LEARNS, "head")


@dataclass(frozen=True, kw_only=True)
class Parameter(ABC):
    """One direction of the search.

    Attributes:
        name: The option's.
        methods: Of training, for which it means anything.
        along: Options that change with it in the same proportion.
        by_default: Whether it is searched when the user names none.
    """

    name: str
    methods: tuple[str, ...] = _ANY
    along: tuple[str, ...] = ()
    by_default: bool = True

    @abstractmethod
    def suggest(self, trial: Trial) -> Any:
        """A point, as Optuna chooses it."""

    @abstractmethod
    def default(self, options: Options) -> Any:
        """The point that stands for the options as they are, with nothing left open."""

    def values(self, point: Any, options: Options) -> dict[str, Any]:
        """What a point sets, given options with nothing left open."""
        return {self.name: point}


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter):
    """One of some values."""

    among: tuple[Any, ...]

    def suggest(self, trial: Trial) -> Any:
        """One of the values."""
        return trial.suggest_categorical(self.name, self.among)

    def default(self, options: Options) -> Any:
        """The option's value."""
        return getattr(options, self.name)


@dataclass(frozen=True, kw_only=True)
class Amount(Parameter):
    """A number from `low` to `high` in steps."""

    low: float
    high: float
    step: float

    def suggest(self, trial: Trial) -> float:
        """A number."""
        return trial.suggest_float(self.name, self.low, self.high, step=self.step)

    def default(self, options: Options) -> float:
        """The step nearest to the option's value."""
        nearest = self.low + self.step * round((getattr(options, self.name) - self.low) / self.step)
        return min(max(nearest, self.low), self.high)

    def values(self, point: Any, options: Options) -> dict[str, Any]:  # noqa: D102
        return {self.name: _rounded(point)}


@dataclass(frozen=True, kw_only=True)
class Times(Parameter):
    """What the option is anyway times a power of two: `2 ** -reach` to `2 ** reach`; `whole` powers or any.

    Where that is more than the option, or one along with it, may be, as much as all of them may.
    """

    reach: float
    whole: bool = False

    def suggest(self, trial: Trial) -> float:
        """The power's exponent."""
        if self.whole:
            return trial.suggest_int(self.name, -int(self.reach), int(self.reach))
        return trial.suggest_float(self.name, -self.reach, self.reach)

    def default(self, options: Options) -> float:
        """0: the option times 1."""
        return 0 if self.whole else 0.0

    def values(self, point: Any, options: Options) -> dict[str, Any]:  # noqa: D102
        own = {name: getattr(options, name) for name in (self.name, *self.along)}
        factor = min([2.0**point, *(_highest(name) / value for name, value in own.items() if value)])
        return {name: min(_scaled(value, factor), _highest(name)) for name, value in own.items()}


# Where a good value lies differs from bot to bot for the first; those that are not searched by default cost time or
# rarely help.
PARAMETERS = (
    Choice(name="method", among=_ENCODER_LEARNS),
    Choice(name="classification_head", among=("linear", "cosine")),
    Times(name="learning_rate", reach=2, methods=_ENCODER_LEARNS),
    Times(name="head_learning_rate", reach=2),
    Times(name="epochs", reach=1, along=("min_steps",)),
    Times(name="lora_r", reach=2, whole=True, along=("lora_alpha",), methods=("lora",)),
    Amount(name="label_smoothing", low=0.0, high=0.3, step=0.05),
    Amount(name="contrastive_weight", low=0.0, high=1.0, step=0.1, methods=_ENCODER_LEARNS),
    Amount(name="layer_lr_decay", low=0.7, high=1.0, step=0.05, methods=_ENCODER_LEARNS),
    Choice(name="ngram_weight", among=(None, 0.0, 0.1, 0.3, 1.0)),
    Amount(name="lora_dropout", low=0.0, high=0.3, step=0.05, methods=("lora",), by_default=False),
    Amount(name="r_drop", low=0.0, high=1.0, step=0.25, methods=_ENCODER_LEARNS, by_default=False),
    Amount(name="warmup_ratio", low=0.0, high=0.2, step=0.05, by_default=False),
    Times(name="batch_size", reach=1, whole=True, by_default=False),
)


@dataclass(frozen=True)
class Space:
    """The points that are searched.

    Attributes:
        config: The component's mapping in `config.yml`, without its name.
        parameters: The directions.
        examples: How many there are to train on, and
        intents: among them: what the recipe goes by.
    """

    config: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    examples: int
    intents: int

    @property
    def defaults(self) -> dict[str, Any]:
        """The point at which nothing is set."""
        options = self.closed({})
        return {parameter.name: parameter.default(options) for parameter in self.parameters}

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """A point, as Optuna chooses it."""
        return {parameter.name: parameter.suggest(trial) for parameter in self.parameters}

    def changes(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The options that a point sets: those at which it is not as by default, and that mean anything there."""
        defaults = self.defaults
        moved = [each for each in self.parameters if not _same(point[each.name], defaults[each.name])]
        chosen = {each.name: point[each.name] for each in moved if isinstance(each, Choice)}
        options = self.closed(chosen)
        changes: dict[str, Any] = {}
        for parameter in moved:
            if options.method in parameter.methods:
                changes |= parameter.values(point[parameter.name], options)
        return changes

    def options(self, changes: Mapping[str, Any]) -> Options:
        """The component's options with some changed."""
        return Options.from_config({**self.config, **changes})

    def closed(self, changes: Mapping[str, Any]) -> Options:
        """The same with nothing left open."""
        return choose(self.options(changes), self.examples, self.intents)


def space_of(config: Mapping[str, Any], names: Sequence[str], examples: int, intents: int) -> Space:
    """The space around a component's mapping in `config.yml`.

    Args:
        config: Its options; what it sets is not searched, unless it is named.
        names: Options to search; empty: those that usually matter.
        examples: How many there are to train on.
        intents: Among them.

    Raises:
        OptionsError: if the mapping is wrong, or a name cannot be searched.
    """
    known = {parameter.name: parameter for parameter in PARAMETERS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise OptionsError(f"--options: {unknown[0]!r} is not searched. Name some of {', '.join(known)}.")
    around = Space(config, (), examples, intents)
    closed = around.closed({})  # tells every mistake in the mapping
    if closed.epochs == 0:
        raise OptionsError("epochs: 0 trains nothing that could be searched. Remove it from config.yml.")
    wanted = [
        parameter
        for parameter in PARAMETERS
        if (parameter.name in names if names else parameter.by_default)
        and (names or not {parameter.name, *parameter.along} & set(config))
    ]
    fitted = {parameter.name: _fitting(parameter, around.options({}), closed) for parameter in wanted}
    methods = {closed.method} | set(getattr(fitted.get("method"), "among", ()))
    parameters = tuple(each for each in fitted.values() if each is not None and methods & set(each.methods))
    lost = [name for name in names if name not in {each.name for each in parameters}]
    if lost:
        raise OptionsError(
            f"--options: {lost[0]} has no other value that goes with the options of config.yml (method: "
            f"{closed.method}). Leave it out, or change these."
        )
    if not parameters:
        raise OptionsError(
            "there is nothing to search: config.yml sets every option that is searched by default. Name some with "
            "--options."
        )
    return Space(config, parameters, examples, intents)


def _fitting(parameter: Parameter, options: Options, closed: Options) -> Parameter | None:
    """A parameter with the values that go with the other options; None if there is but one."""
    if not isinstance(parameter, Choice):
        return parameter
    # "auto" and what it comes to here are one value.
    own = parameter.default(closed)
    among = [
        value
        for value in dict.fromkeys([own, *parameter.among])
        if value == own or not contradictions(replace(options, **{parameter.name: value}))
    ]
    return Choice(name=parameter.name, methods=parameter.methods, among=tuple(among)) if len(among) > 1 else None


def _same(one: Any, other: Any) -> bool:
    numbers = isinstance(one, float) and isinstance(other, float)
    return math.isclose(one, other, abs_tol=1e-9) if numbers else one == other


def _highest(name: str) -> float:
    """The largest number that an option may be."""
    check = next(each.metadata["check"] for each in fields(Options) if each.name == name)
    return getattr(check, "check", check).high  # of a number or null, the number's


def _scaled(value: float, factor: float) -> float:
    if not value:
        return value
    return max(1, round(value * factor)) if isinstance(value, int) else _rounded(value * factor)


def _rounded(value: float) -> float:
    """Two digits: more would say what was not found out."""
    return float(f"{value:.2g}")
