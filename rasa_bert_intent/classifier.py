"""The Rasa graph component: one line in `config.yml`. Everything it does is done by the core, which knows no Rasa.

Torch and transformers are imported when training or loading starts: Rasa imports this module for every command.
"""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Type  # noqa: UP035  (Rasa checks these very types)

import rasa.shared.utils.io
from rasa.engine.caching import (
    CACHE_LOCATION_ENV,
    CACHE_SIZE_ENV,
    DEFAULT_CACHE_LOCATION,
    DEFAULT_CACHE_SIZE_MB,
)
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.exceptions import InvalidConfigException, RasaException
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_bert_intent.batches import says_something
from rasa_bert_intent.config import Options
from rasa_bert_intent.data.output import as_os_errors
from rasa_bert_intent.doctor.texts import training_warnings
from rasa_bert_intent.errors import BertIntentError, OptionsError, ServerError, of_file_system
from rasa_bert_intent.ranking import rank
from rasa_bert_intent.reuse import LIBRARIES, TrainedModels, training_checksum
from rasa_bert_intent.trained_model import take

logger = logging.getLogger(__name__)

_INTENT_RANKING = "intent_ranking"
_P_IN_SCOPE = "p_in_scope"  # as `rasa-bert-intent predict` calls it

# What Rasa's RegexMessageHandler reads, of intents named in one word: /intent, @ and a confidence, entities as JSON.
_INTENT_MESSAGE = re.compile(r"/([^\s{@]+)(@[0-9.]+)?(\{.*\})?", re.DOTALL)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class BertIntentClassifier(IntentClassifier, GraphComponent):
    """Classifies intents with a BERT-family encoder, fine-tuned on the bot's own examples.

    Its options are those of `rasa_bert_intent.config.Options`. It reads a message's text alone: it needs no tokenizer
    or featurizer before it, and minds none.
    """

    @classmethod
    def required_components(cls) -> List[Type]:  # noqa: UP006
        """None: the text is all it reads."""
        return []

    @staticmethod
    def required_packages() -> List[str]:  # noqa: UP006
        """Packages that must be importable, and whose versions are part of the cache's key."""
        return list(LIBRARIES)

    @staticmethod
    def get_default_config() -> Dict[str, Any]:  # noqa: UP006
        """Every option with its default; flat, as Rasa's cache needs it."""
        return _Defaults(Options().to_dict())

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> Optional[str]:  # noqa: UP006, UP045
        """What else decides whether a cached training is still good.

        Our version, the content of the encoder and of an adapter, the engine, precision and device of this machine,
        and whether an older model is trained on: that model is not among the inputs Rasa compares, so finetuning is
        never answered from the cache. Rasa asks before any component is trained, so that a mistake in the options or
        the environment, or an encoder that is nowhere, shows at once.

        Under `--force` Rasa asks no sooner than at the component's turn, when an error would show as a long traceback:
        none is raised then, and `create` or `train`, which come next, tell the mistake.
        """
        if "encoder" not in config:  # not our mapping: Rasa asks once more about a result it takes from the cache
            return None
        try:
            with _told_to_rasa():
                options = Options.from_config(config).with_environment()
                if "finetuning_epoch_fraction" in config:  # the model trained on holds its encoder
                    return uuid.uuid4().hex
                return training_checksum(options)
        except RasaException:
            if isinstance(config, _Defaults):
                return uuid.uuid4().hex
            raise

    def __init__(
        self,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        model: Any = None,
    ) -> None:
        """Creates a component, untrained unless a model is given.

        Raises:
            InvalidConfigException: naming every mistake in the options.
        """
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._finetuning = execution_context.is_finetuning
        self._model = model
        with _told_to_rasa():
            self._options = Options.from_config(config).with_environment()

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> BertIntentClassifier:
        """Creates an untrained component."""
        return cls(config, model_storage, resource, execution_context)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> BertIntentClassifier:
        """Loads a trained component, to serve or, under `--finetune`, to train on.

        Raises:
            RasaException: if what is stored is damaged or its encoder is missing, with what to do.
        """
        component = cls(config, model_storage, resource, execution_context)
        with ExitStack() as stack:
            try:
                directory = stack.enter_context(model_storage.read_from(resource))
            except ValueError:  # nothing was persisted: there was nothing to train on
                logger.debug(f"No trained model in resource {resource.name!r}.")
                return component
            with _told_to_rasa():
                if execution_context.is_finetuning:
                    from rasa_bert_intent.model import IntentModel

                    component._model = IntentModel.load(directory, component._options, trainable=True)
                elif component._options.engine == "remote":
                    from rasa_bert_intent.remote.client import RemoteModel

                    component._model = RemoteModel.load(directory, component._options)
                else:
                    from rasa_bert_intent.serving import load_to_serve

                    component._model = load_to_serve(directory, component._options)
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Fine-tunes the encoder on the intent examples, or takes `trained_model`, and persists the model.

        Raises:
            InvalidConfigException: if an option does not fit the encoder or this machine.
            RasaException: if the encoder cannot be found, an intent is unknown to the model trained on, or
                `trained_model` does not fit the bot.
        """
        examples = [m for m in training_data.intent_examples if (m.get(TEXT) or "").strip() and m.get(INTENT)]
        texts, labels = [m.get(TEXT) for m in examples], [m.get(INTENT) for m in examples]
        if self._options.trained_model and self._model is None:
            with _told_to_rasa(), self._model_storage.write_to(self._resource) as directory:
                # What is written is for every machine that serves it: of this one's environment it holds nothing.
                take(Options.from_config(self._config), texts, labels, directory)
            return self._resource
        intents = set(labels)
        if len(intents) < 2:
            rasa.shared.utils.io.raise_warning(
                f"BertIntentClassifier needs examples of at least two intents to train, found {len(intents)}: "
                "it will answer no intent."
            )
            return self._resource
        for warning in training_warnings(texts, labels):
            logger.warning(warning)
        with _told_to_rasa(), _interrupted_in_one_line(), self._model_storage.write_to(self._resource) as directory:
            if self._finetuning:
                self._fit(texts, labels).save(directory)
                return self._resource
            kept = _kept_models()
            key = kept.key(texts, labels, self._options)
            if not kept.copy(key, directory):
                self._fit(texts, labels).save(directory)
                kept.keep(key, directory)
        return self._resource

    def _fit(self, texts: list[str], intents: list[str]) -> Any:
        from rasa_bert_intent.training.fit import fit

        options = self._options
        if options.trained_model:
            logger.info(f"Finetuning trains the bot's last model on; {options.trained_model} is left alone.")
            # Its options are those that it was trained with; of `epochs` Rasa takes a fraction in config.yml.
            # Neither are the files of the machine where it was trained.
            options = replace(
                self._model.options,
                epochs=options.epochs,
                validation_data=options.validation_data,
                tensorboard_log_directory=options.tensorboard_log_directory,
            )
        return fit(
            texts,
            intents,
            options,
            start=self._model if self._finetuning else None,
            min_steps_fraction=float(self._config.get("finetuning_epoch_fraction") or 1.0),
            progress=not rasa.shared.utils.io.is_logging_disabled(),
        )

    def _is_to_classify(self, text: str) -> bool:
        named = _INTENT_MESSAGE.fullmatch(text.strip())
        return says_something(text) and not (named and self._model and named[1] in self._model.labels)

    def process(self, messages: List[Message]) -> List[Message]:  # noqa: UP006
        """Sets `intent`, `intent_ranking` and, of what it classifies, `p_in_scope` of each message.

        A message without text gets no intent, nor does one such as `/greet{"name": "Ann"}` that names one of ours: Rasa
        reads that itself, after all components, unless there is a domain without the intent: then the message has none.
        None gets one while a shared server is down, unless a model stands in.
        """
        with_text = [message for message in messages if self._is_to_classify(message.get(TEXT) or "")]
        for message in messages:
            message.set(INTENT, {INTENT_NAME_KEY: None, PREDICTED_CONFIDENCE_KEY: 0.0}, add_to_output=True)
            message.set(_INTENT_RANKING, [], add_to_output=True)
        if self._model is None or not with_text:
            return messages
        try:
            rows = self._model.predict_with_scope([message.get(TEXT) for message in with_text])
        except ServerError:  # a shared server is down, which the log says once a minute: the bot falls back
            return messages
        for message, confidences, in_scope in zip(with_text, *rows, strict=True):
            ranking = rank(
                self._model.labels,
                confidences,
                self._options.ranking_length,
                self._options.renormalize_confidences,
            )
            message.set(INTENT, dict(ranking[0]), add_to_output=True)
            message.set(_INTENT_RANKING, ranking, add_to_output=True)
            message.set(_P_IN_SCOPE, float(in_scope), add_to_output=True)
        return messages


class _Defaults(Dict[str, Any]):  # noqa: UP006
    """The default options. Where the component has its turn Rasa writes the user's into a copy, which keeps this type.

    Where it only asks for the fingerprint, before anything is trained, it makes a plain mapping of both.
    """


def _kept_models() -> TrainedModels:
    """Trained models are kept beside Rasa's cache, which clears all that lies in it, and within its size."""
    # Made absolute without following a link, as Path.resolve would.
    cache = Path(os.path.abspath(os.environ.get(CACHE_LOCATION_ENV, DEFAULT_CACHE_LOCATION)))  # noqa: PTH100
    most_mb = float(os.environ.get(CACHE_SIZE_ENV, DEFAULT_CACHE_SIZE_MB))
    return TrainedModels(cache.parent / f"{cache.name}_bert_intent", most_mb)


@contextmanager
def _told_to_rasa() -> Iterator[None]:
    """Raises our errors as Rasa's, which alone reach the user as one line."""
    try:
        with as_os_errors():
            yield
    except OptionsError as error:
        raise InvalidConfigException(str(error)) from None
    except BertIntentError as error:
        raise RasaException(str(error)) from None
    except OSError as error:
        raise RasaException(of_file_system(error)) from None


@contextmanager
def _interrupted_in_one_line() -> Iterator[None]:
    """Raises Ctrl-C as Rasa's error: else Rasa shows the whole stack of its graph."""
    try:
        yield
    except KeyboardInterrupt:
        raise RasaException("Training was interrupted. No model was written; earlier ones are as they were.") from None
