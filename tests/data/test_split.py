import numpy as np

from rasa_bert_intent.data.split import stratified_folds, stratified_split


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
