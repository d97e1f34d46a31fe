import numpy as np

from rasa_bert_intent.batches import by_length, embedded, in_batches, pad


def test_padding_is_on_the_right_and_masked():
    ids, mask = pad([[2, 5, 6, 3], [2, 7, 3]], pad_id=9)
    np.testing.assert_array_equal(ids, [[2, 5, 6, 3], [2, 7, 3, 9]])
    np.testing.assert_array_equal(mask, [[1, 1, 1, 1], [1, 1, 1, 0]])
    assert ids.dtype == mask.dtype == np.int64


def test_tokens_that_are_none_of_the_encoders_and_no_token_at_all_are_unknown():
    assert embedded([[2, 12, 3], [], [4]], embeddings=10, unknown=1) == [[2, 1, 3], [1], [4]]


def test_batches_hold_messages_of_like_length_each_once():
    token_ids = [[1] * n for n in (3, 9, 4, 8, 3)]
    batches = list(by_length(token_ids, 2))
    assert batches == [[1, 3], [2, 0], [4]]


def test_results_come_in_the_order_of_the_messages():
    token_ids = [[n] * n for n in (3, 1, 5, 2)]
    seen: list[int] = []
    found = in_batches(
        lambda ids, mask: (ids * mask).sum(axis=1, keepdims=True).astype(np.float32),
        token_ids,
        1,
        pad_id=7,
        batch_size=3,
        on_batch=seen.append,
    )
    np.testing.assert_array_equal(found, [[9], [1], [25], [4]])
    assert seen == [3, 1]


def test_no_messages_give_no_rows():
    assert in_batches(lambda ids, mask: ids, [], 4, pad_id=0, batch_size=8).shape == (0, 4)
