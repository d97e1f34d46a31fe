import numpy as np
import torch

from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.training.batching import BalancedBatches, LengthBatches, collate_tokens


def lengths_of(count: int) -> list[int]:
    return np.random.default_rng(0).integers(3, 40, size=count).tolist()


def test_every_example_comes_once_an_epoch():
    batches = LengthBatches(lengths_of(1003), batch_size=16, seed=0)
    drawn = list(batches)
    assert sorted(i for batch in drawn for i in batch) == list(range(1003))
    assert len(drawn) == len(batches)


def test_batches_of_like_length_hold_little_padding():
    lengths = lengths_of(2000)
    tokens = sum(lengths)
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in LengthBatches(lengths, 32, seed=0))
    assert padded < 1.1 * tokens


def test_batches_differ_between_epochs_also_for_small_data():
    batches = LengthBatches(lengths_of(200), batch_size=16, seed=0)
    first, second = ({frozenset(batch) for batch in batches} for _ in range(2))
    assert len(first & second) <= 1


def test_short_and_long_batches_come_in_random_order():
    lengths = lengths_of(2000)
    means = [np.mean([lengths[i] for i in batch]) for batch in LengthBatches(lengths, 32, seed=0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_balanced_batches_hold_every_intent_as_often_and_by_twos():
    labels = [0] * 90 + [1] * 10 + [2]
    batches = BalancedBatches(labels, 12, seed=0)
    drawn = list(batches)
    assert len(drawn) == len(batches) == 9
    for batch in drawn:
        assert [[labels[i] for i in batch].count(label) for label in range(3)] == [4, 4, 4]
        for first, second in zip(batch[::2], batch[1::2], strict=True):
            assert labels[first] == labels[second]
            assert first != second or labels[first] == 2


def test_collation_pads_to_the_longest_of_the_batch():
    batch = collate_tokens(9, World())([([1, 2, 3], 0), ([4], 5)])
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert torch.equal(batch["labels"], torch.tensor([0, 5]))


def test_each_process_collates_its_share_and_knows_all_labels():
    rows = [([number] * 2, number) for number in range(5)]
    shares = [collate_tokens(9, World(rank, 3))(rows) for rank in range(3)]
    assert [share["input_ids"][:, 0].tolist() for share in shares] == [[0, 1], [2, 3], [4, 4]]
    assert all(share["labels"].tolist() == [0, 1, 2, 3, 4] for share in shares)
