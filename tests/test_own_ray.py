"""What needs no running Ray."""

from folders import may_be_cleaned

from rasa_bert_intent.own_ray import folder_for_ray


def test_no_cleaner_takes_the_folder_of_a_ray_away():
    with folder_for_ray() as (folder, _):
        assert not may_be_cleaned(folder)
    assert not folder.exists()
