import hashlib

import numpy as np

from rasa_bert_intent.seen import added, hashes


def test_hash_is_of_text_and_intent_and_the_same_everywhere():
    first, other_intent, moved = hashes(["hi", "hi", "i"], ["greet", "bye", "greeth"])
    assert len({int(first), int(other_intent), int(moved)}) == 3
    assert int(first) == int.from_bytes(hashlib.blake2b(b"greet\0hi", digest_size=8).digest(), "little")


def test_texts_of_any_characters_have_a_hash():
    assert hashes(["naïve 😀", "half \ud83d", ""], ["a", "b", "c"]).dtype == np.uint64
    assert hashes([], []).shape == (0,)


def test_what_was_seen_before_is_kept():
    before = added(None, ["hi", "hi"], ["greet", "greet"])
    assert len(before) == 1
    after = added(before, ["hi", "bye"], ["greet", "bye"])
    assert after.tolist() == sorted(hashes(["hi", "bye"], ["greet", "bye"]).tolist())
