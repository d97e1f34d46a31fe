import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import logsumexp, softmax

from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.scope import Distance, Energy, Messages, Scope, unit
from rasa_bert_intent.token_counts import TokenCounts
from rasa_bert_intent.training import scope as scope_module
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.training.scope import fit_scope
from rasa_bert_intent.training.validation import split

TRAINED = {"epochs": 30, "learning_rate": 5e-3, "head_learning_rate": 5e-2}


def test_the_distance_is_by_the_mean_the_nearest_example_the_energy_the_tokens_and_the_ngrams():
    random = np.random.default_rng(0)
    layers, means, logits = random.normal(size=(7, 4)), unit(random.normal(size=(3, 4))), random.normal(size=(7, 3))
    examples, spreads = unit(random.normal(size=(9, 4))).astype(np.float16), np.array([0.5, 2.0, 0.1])
    layers[0] = examples[4]  # a message that is an example is no nearer than one in like words
    from_mean = [min((x - m) @ (x - m) / s for m, s in zip(means, spreads, strict=True)) for x in unit(layers)]
    from_example = [min((x - e) @ (x - e) for e in examples.astype(float)) for x in unit(layers)]
    tokens = TokenCounts.of([[1, 3, 2], [1, 4, 2], [1, 5, 2]], [0, 1, 2], 3)
    message = [[1, 3, 2], [1, 6, 2], [1, 4, 5, 2], [1, 2], [1, 3, 3, 2], [1, 4, 2], [1, 7, 8, 2]]
    evidence = tokens.evidence(message).max(axis=1)
    expected = np.log(from_mean) + np.log(np.maximum(from_example, 0.01))
    expected += -0.4 * logsumexp(logits, axis=1) - 0.1 * evidence
    distance = Distance(tokens, means, spreads, examples, np.array([0, 2, 6, 9]))
    assert distance(Messages(message, layers, logits)) == pytest.approx(expected, abs=1e-2)  # of float16
    by_ngrams = random.normal(size=(7, 3))
    ours, theirs = softmax(logits, axis=1), softmax(by_ngrams, axis=1)
    divergence = jensenshannon(ours, theirs, axis=1) ** 2
    assert distance(Messages(message, layers, logits, by_ngrams)) == pytest.approx(
        expected + 1.5 * divergence, abs=1e-2
    )


@pytest.mark.parametrize("messages", [3, 30])
def test_of_many_intents_those_of_the_greatest_logits_are_looked_at(messages):
    random = np.random.default_rng(0)
    layers, points, logits = (random.normal(size=size) for size in ((messages, 8), (100, 8), (messages, 100)))
    points = unit(points)
    # The mean of each intent is its only example.
    distance = Distance(TokenCounts.of([[1]] * 100, range(100), 100), points, np.ones(100), points, np.arange(101))
    order, vectors = np.argsort(-logits, axis=1), unit(layers)

    def nearest(intents: int) -> np.ndarray:
        some = points[order[:, :intents]]
        return ((vectors[:, None] - some) ** 2).sum(axis=2).min(axis=1)

    expected = np.log(nearest(64)) + np.log(nearest(3)) - 0.4 * logsumexp(logits, axis=1)
    others = distance(Messages([[1]] * messages, layers, logits)) - expected
    assert others == pytest.approx(np.full(messages, others[0]), abs=1e-5)  # of the tokens, the same for all
    assert (nearest(64) > nearest(100) + 1e-9).any()


def test_an_intent_without_a_mean_draws_nothing_near():
    means, spreads = np.array([[1.0, 0.0], [np.nan, np.nan]]), np.array([0.5, np.nan])
    tokens = TokenCounts.of([[5]], [1], 2)
    distance = Distance(tokens, means, spreads, np.array([[0.6, 0.8]]), np.array([0, 1, 1]))
    messages = Messages([[5]], np.array([[0.0, 3.0]]), np.array([[1.0, 9.0]]))
    # No example of the first: no evidence.
    assert distance(messages) == pytest.approx([np.log(4) + np.log(0.4) - 0.4])


def test_messages_are_as_far_alone_as_in_a_batch(options, examples):
    model = fit(*examples, options(**TRAINED), progress=False)
    assert model.scope is not None
    distance = model.scope.distance
    messages = model.messages(examples[0], model.vectors(examples[0]))
    alone = np.concatenate([distance(messages.some(slice(row, row + 1))) for row in range(len(examples[0]))])
    np.testing.assert_allclose(distance(messages), alone, atol=1e-4)


def test_an_intents_spread_is_its_own_and_a_little_that_of_all(options, examples):
    texts, intents = examples
    close = [*texts, "hello", "hello", "hello", "hello"], [*intents, *["same"] * 4]
    model = fit(*close, options(**TRAINED), progress=False)
    assert model.scope is not None
    spreads = model.scope.distance.spreads
    assert spreads[model.labels.index("same")] == spreads.min() > 0
    vectors = unit(model.vectors(close[0]).layers)
    means = np.stack([vectors[[i == label for i in close[1]]].mean(axis=0) for label in model.labels])
    squares = ((vectors - means[[model.labels.index(i) for i in close[1]]]) ** 2).sum(axis=1)
    counts = np.array([close[1].count(label) for label in model.labels])
    common = squares.sum() / (counts - 1).sum()
    own = np.array([squares[[i == label for i in close[1]]].sum() for label in model.labels])
    np.testing.assert_allclose(spreads, (own + 10 * common) / (counts - 1 + 10), rtol=1e-3)


def test_of_many_examples_as_many_of_each_intent_are_kept(options, examples, monkeypatch):
    every = fit(*examples, options(**TRAINED), progress=False)
    assert every.scope is not None
    counts = [examples[1].count(label) for label in every.labels]
    assert np.diff(every.scope.distance.starts).tolist() == counts
    vectors = unit(every.vectors(examples[0]).layers)
    of_first = vectors[[intent == every.labels[0] for intent in examples[1]]]
    np.testing.assert_allclose(every.scope.distance.examples[: counts[0]], of_first, atol=2e-2)
    monkeypatch.setattr(scope_module, "_KEPT", 2 * len(counts))
    some = fit(*examples, options(**TRAINED), progress=False).scope
    assert some is not None
    assert np.diff(some.distance.starts).tolist() == [min(count, 2) for count in counts]


def test_energy_looks_at_the_intents_in_scope_alone():
    logits = np.array([[1.0, 2.0, 9.0]])
    energy = Energy(np.array([True, True, False]))(Messages([[1]], np.zeros((1, 2)), logits))
    assert energy == pytest.approx(-logsumexp(np.array([1.0, 2.0])))


def test_probability_is_a_half_at_the_centre_and_falls_with_distance():
    energy = Energy(np.array([True]))
    messages = Messages([[1]] * 3, np.zeros((3, 1)), np.array([[1.5], [1.0], [0.5]]))
    probability = Scope(energy, centre=-1.0, width=0.5).probability(messages)
    assert probability == pytest.approx([1 / (1 + np.exp(-1)), 0.5, 1 / (1 + np.exp(1))])


@pytest.mark.parametrize(("kind", "changes"), [("distance", {}), ("energy", {"label_smoothing": 0, "epochs": 60})])
def test_examples_are_in_scope_and_gibberish_is_less_so(kind, changes, options, examples, tmp_path):
    model = fit(*examples, options(**{**TRAINED, **changes}, out_of_scope_score=kind), progress=False)
    assert model.scope is not None
    known = model.predict_proba(examples[0]).sum(axis=1).mean()
    strange = model.predict_proba(["qzx kwv", "jjj bbb ccc", "wq pz xk fd"]).sum(axis=1).mean()
    assert known > 0.8
    assert strange < known - 0.2
    model.save(tmp_path / "model")
    np.testing.assert_allclose(
        IntentModel.load(tmp_path / "model").predict_proba(examples[0]), model.predict_proba(examples[0]), atol=1e-4
    )


def test_the_probability_falls_from_the_held_out_examples_to_gibberish(options, examples):
    model = fit(*examples, options(**TRAINED), progress=False)
    train, none = split(model, *examples)
    assert len(none) == 0
    messages = model.messages(train.texts, model.vectors_of_tokens(train.inputs))
    wide = fit_scope(model, train, train)  # as if they had been held out
    assert wide is not None
    assert np.median(wide.probability(messages)) == pytest.approx(0.99, abs=1e-3)
    gibberish = scope_module._gibberish(model, train.inputs)
    assert wide.centre == pytest.approx(np.median(wide.distance(gibberish)))


def test_without_held_out_examples_each_is_seen_by_the_others(options, examples):
    model = fit(*examples, options(**TRAINED), progress=False)
    train, none = split(model, *examples)
    messages = model.messages(train.texts, model.vectors_of_tokens(train.inputs))
    scope = fit_scope(model, train, none)
    assert scope is not None
    labels = np.asarray(train.labels)
    left_out = scope_module._left_out(model, train.texts, messages, labels)
    assert len(left_out) == len(train)
    # To statistics that hold it an example is nearer than to those that do not.
    assert np.median(left_out) > np.median(scope.distance(messages)) + 0.5
    gibberish = np.median(scope.distance(scope_module._gibberish(model, train.inputs)))
    assert scope.centre == pytest.approx(np.median(left_out) + 0.9 * (gibberish - np.median(left_out)))
    at_median = 1 / (1 + np.exp((np.median(left_out) - scope.centre) / scope.width))
    assert 0.8 < at_median < 0.9901  # 0.99, or less where the gibberish spreads more


def test_a_texts_other_spellings_are_left_out_with_it(options, examples, monkeypatch):
    texts = [spelt for text in examples[0] for spelt in (text, f"{text}!")]
    intents = [intent for intent in examples[1] for _ in range(2)]
    model = fit(texts, intents, options(**TRAINED), progress=False)
    train, _ = split(model, texts, intents)
    messages = model.messages(train.texts, model.vectors_of_tokens(train.inputs))
    left_out = scope_module._left_out(model, train.texts, messages, np.asarray(train.labels))
    monkeypatch.setattr(scope_module, "by_text", lambda texts: {text: [i] for i, text in enumerate(texts)})
    beside_others = scope_module._left_out(model, train.texts, messages, np.asarray(train.labels))
    assert len(left_out) == len(beside_others) == len(texts)
    assert np.median(left_out) > np.median(beside_others) + 0.1


def test_where_examples_lie_beyond_the_gibberish_once_left_out_this_alone_tells(options, examples, monkeypatch):
    monkeypatch.setattr(scope_module, "_left_out", lambda *_: np.full(5, 1e6))
    model = fit(*examples, options(**TRAINED), progress=False)
    assert model.scope is not None
    gibberish = model.scope.distance(scope_module._gibberish(model, split(model, *examples)[0].inputs))
    assert model.scope.centre == pytest.approx(np.median(gibberish))


def test_of_many_examples_some_are_left_out(options, examples, monkeypatch):
    monkeypatch.setattr(scope_module, "_OF_A_PART", 2)
    model = fit(*examples, options(**TRAINED), progress=False)
    train, _ = split(model, *examples)
    messages = model.messages(train.texts, model.vectors_of_tokens(train.inputs))
    assert len(scope_module._left_out(model, train.texts, messages, np.asarray(train.labels))) == 10


def test_an_intents_only_example_and_what_is_out_of_scope_is_not_left_out(options, examples):
    texts, intents = examples
    intents = ["out_of_scope" if intent == "bye" else intent for intent in intents]
    model = fit([*texts, "quite another thing"], [*intents, "alone"], options(**TRAINED), progress=False)
    train, _ = split(model, [*texts, "quite another thing"], [*intents, "alone"])
    messages = model.messages(train.texts, model.vectors_of_tokens(train.inputs))
    left_out = scope_module._left_out(model, train.texts, messages, np.asarray(train.labels))
    assert len(left_out) == len(texts) - intents.count("out_of_scope")
    assert np.isfinite(left_out).all()


def test_a_model_that_does_not_tell_gibberish_apart_lowers_nothing(options, examples, monkeypatch, caplog):
    monkeypatch.setattr(scope_module, "_LEAST_AUROC", 1.1)
    with caplog.at_level("INFO"):
        model = fit(*examples, options(**TRAINED), progress=False)
    assert model.scope is None
    assert "the model does not tell gibberish from the examples" in caplog.text
    assert model.predict_proba(["qzx kwv"]).sum() == pytest.approx(1)


def test_it_changes_no_order_and_can_be_turned_off(options, examples):
    lowered = fit(*examples, options(**TRAINED), progress=False)
    plain = fit(*examples, options(**TRAINED, out_of_scope_score="none"), progress=False)
    assert plain.scope is None
    assert plain.predict_proba(examples[0]).sum(axis=1) == pytest.approx(np.ones(len(examples[0])))
    order = [model.predict_proba(["play the lights", *examples[0]]).argsort(axis=1) for model in (lowered, plain)]
    np.testing.assert_array_equal(*order)


def test_the_intent_out_of_scope_keeps_its_confidence(options, examples):
    texts, intents = examples
    intents = ["out_of_scope" if intent == "bye" else intent for intent in intents]
    lowered = fit(texts, intents, options(**TRAINED), progress=False)
    plain = fit(texts, intents, options(**TRAINED, out_of_scope_score="none"), progress=False)
    plain.calibration = lowered.calibration
    column = lowered.labels.index("out_of_scope")
    assert lowered.scope is not None
    assert np.isnan(lowered.scope.distance.means[column]).all()
    confidences = [model.predict_proba(["qzx kwv", *texts])[:, column] for model in (lowered, plain)]
    np.testing.assert_allclose(*confidences, atol=1e-6)


@pytest.mark.parametrize("intents", ["abc", "aab", "aaab", "aabc"])
def test_the_smallest_data_trains(intents, options):
    texts = ["play some jazz", "play some jazz", "play some jazz", "hello there"]
    model = fit([*texts[: len(intents) - 1], "bye"], list(intents), options(**TRAINED), progress=False)
    assert np.isfinite(model.predict_proba(["hi", "zz"])).all()


def test_of_many_examples_some_of_every_intent_are_drawn(options, examples, monkeypatch):
    monkeypatch.setattr(scope_module, "_LEAST_AUROC", 0)
    monkeypatch.setattr(scope_module, "_left_out", lambda *_: np.empty(0))
    intents = ["rest"] * (len(examples[0]) - 2) + ["rare", "rarer"]
    every = fit(examples[0], intents, options(**TRAINED), progress=False).scope
    monkeypatch.setattr(scope_module, "_EXAMPLES", 5)
    some = fit(examples[0], intents, options(**TRAINED), progress=False).scope
    assert every is not None
    assert some is not None
    assert np.isfinite(some.distance.means).all()
    assert not np.allclose(some.distance.means, every.distance.means)


def test_trained_on_without_examples_of_an_intent_its_mean_stays(options, examples, tmp_path):
    fit(*examples, options(**TRAINED), progress=False).save(tmp_path / "model")
    start = IntentModel.load(tmp_path / "model", trainable=True)
    assert start.scope is not None
    column, former = start.labels.index("bye"), start.scope.distance
    texts, intents = zip(*[pair for pair in zip(*examples, strict=True) if pair[1] != "bye"], strict=True)
    model = fit(texts, intents, options(**TRAINED), start=start, progress=False)
    assert model.scope is not None
    np.testing.assert_array_equal(model.scope.distance.means[column], former.means[column])
    assert model.scope.distance.spreads[column] == former.spreads[column]
    kept = [
        distance.examples[distance.starts[column] : distance.starts[column + 1]]
        for distance in (model.scope.distance, former)
    ]
    assert len(kept[0])
    np.testing.assert_array_equal(*kept)
    assert model.scope.distance.tokens.examples[column] == former.tokens.examples[column] > 0
