import numpy as np

from rasa_bert_intent.data.split import split_by_text, stratified_folds, stratified_split
from rasa_bert_intent.doctor.texts import by_text


def test_every_label_keeps_an_example_to_train_on():
    labels = [0] * 40 + [1] * 2 + [2]
    train, held_out = stratified_split(labels, held_out=20, seed=1)
    assert {labels[i] for i in train} == {0, 1, 2}
    assert 2 not in {labels[i] for i in held_out}
    assert sorted(train + held_out) == list(range(len(labels)))


def test_labels_are_held_out_in_proportion():
    labels = np.repeat([0, 1, 2], [600, 300, 100]).tolist()
    _, held_out = stratified_split(labels, held_out=100, seed=1)
    assert np.bincount([labels[i] for i in held_out]).tolist() == [60, 30, 10]


def test_the_number_is_met_when_shares_are_below_one():
    labels = np.repeat(np.arange(50), 4).tolist()
    _, held_out = stratified_split(labels, held_out=10, seed=1)
    assert len(held_out) == 10
    assert len({labels[i] for i in held_out}) == 10


def test_one_example_an_intent_holds_nothing_out():
    assert stratified_split([0, 1, 2], held_out=2, seed=1) == ([0, 1, 2], [])


def test_the_seed_decides():
    labels = [0, 1] * 50
    assert stratified_split(labels, 20, seed=1) == stratified_split(labels, 20, seed=1)
    assert stratified_split(labels, 20, seed=1) != stratified_split(labels, 20, seed=2)


def test_folds_never_hold_out_a_label_whole():
    labels = [0] * 23 + [1] * 2 + [2] * 4
    folds = stratified_folds(labels, 5, seed=1)
    assert max(np.bincount(folds)) - min(np.bincount(folds)) <= 1
    assert all(len({fold for fold, each in zip(folds, labels, strict=True) if each == label}) > 1 for label in range(3))


def test_no_text_is_trained_on_and_held_out():
    texts = [f"text {number // 3}" for number in range(300)]  # each three times
    labels = [number // 100 for number in range(300)]
    train, held_out = split_by_text(by_text(texts), labels, held_out=30, seed=1)
    assert sorted(train + held_out) == list(range(300))
    assert not {texts[i] for i in train} & {texts[i] for i in held_out}
    assert 24 <= len(held_out) <= 30
    assert {labels[i] for i in held_out} == {0, 1, 2}
    assert split_by_text(by_text(texts), labels, held_out=30, seed=2)[1] != held_out


def test_a_text_with_several_labels_is_trained_on():
    texts, labels = ["same", "a", "b", "same", "c", "d"], [0, 0, 0, 1, 1, 1]
    for seed in range(10):
        train, held_out = split_by_text(by_text(texts), labels, held_out=4, seed=seed)
        assert {0, 3} <= set(train)
        assert len(held_out) == 4


def test_with_more_examples_most_of_what_was_held_out_is_again():
    texts, labels = [f"text {number}" for number in range(600)], [number % 3 for number in range(600)]
    train, held_out = split_by_text(by_text(texts[:500]), labels[:500], held_out=25, seed=1)
    _, later = split_by_text(by_text(texts), labels, held_out=30, seed=1)
    assert len(set(later) & set(train)) <= 3
    assert len(set(later) & set(held_out)) >= 20
