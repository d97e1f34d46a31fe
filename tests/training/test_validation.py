"""`validation_data`: other examples in the place of held-out ones."""

import json
import logging

import pytest

from rasa_bert_intent.errors import DataError, EncoderError, OptionsError
from rasa_bert_intent.reuse import sources_checksum
from rasa_bert_intent.training.fit import fit

OTHERS = [("hello to you all", "greet"), ("see you next week then", "bye"), ("hi bot", "greet")]


def write(path, pairs):
    path.write_text("".join(json.dumps({"text": text, "intent": intent}) + "\n" for text, intent in pairs), "utf-8")
    return str(path)


def test_all_own_examples_are_trained_on_and_the_others_score_and_calibrate(options, examples, tmp_path, caplog):
    file = write(tmp_path / "others.jsonl", OTHERS)
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(validation_data=file, epochs=8), progress=False)
    assert (model.training["examples"], model.training["held_out"]) == (len(examples[0]), len(OTHERS))
    assert model.training["dev_accuracy"] is not None
    assert f"Calibrated by {len(OTHERS)} held-out examples" in caplog.text


def test_a_hold_out_of_most_examples_is_told(options, examples, caplog):
    fit(*examples, options(evaluate_on_number_of_examples=500), progress=False)
    number = len(examples[0])
    assert f"evaluate_on_number_of_examples: {number - 4} of the {number} examples are held out, and 4" in caplog.text


def test_rasa_nlu_data_in_a_folder_is_read(options, examples, tmp_path):
    (tmp_path / "greet.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hello to you all\n'
    )
    assert fit(*examples, options(validation_data=str(tmp_path)), progress=False).training["held_out"] == 1


def test_what_tells_nothing_is_left_out_and_told(options, examples, tmp_path, caplog):
    file = write(tmp_path / "others.jsonl", [*OTHERS, (examples[0][0], examples[1][0]), ("so what", "unheard_of")])
    model = fit(*examples, options(validation_data=file), progress=False)
    assert model.training["held_out"] == len(OTHERS)
    assert "of 5 examples in" in caplog.text
    assert "1 of other intents and 1 that are trained on are left out" in caplog.text


def test_the_training_data_themselves_are_refused(options, examples, tmp_path):
    file = write(tmp_path / "own.jsonl", zip(*examples, strict=True))
    with pytest.raises(DataError, match=r"validation_data: none of the .* examples in .*own\.jsonl is of use"):
        fit(*examples, options(validation_data=file), progress=False)


def test_case_and_punctuation_do_not_make_a_text_another(options, examples, tmp_path):
    file = write(tmp_path / "others.jsonl", [*OTHERS, (f"  {examples[0][0].upper()}! ", examples[1][0])])
    assert fit(*examples, options(validation_data=file), progress=False).training["held_out"] == len(OTHERS)


def test_a_file_that_is_not_there_is_told(options, examples, tmp_path):
    missing = options(validation_data=str(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match=r"^validation_data: .*none\.jsonl does not exist"):
        fit(*examples, missing, progress=False)
    with pytest.raises(EncoderError, match=r"validation_data: the file .* does not exist"):
        sources_checksum(missing)


def test_another_content_is_another_training(options, tmp_path):
    checksums = set()
    for pairs in (OTHERS, OTHERS[:2]):
        write(tmp_path / "others.jsonl", pairs)
        checksums.add(sources_checksum(options(validation_data=str(tmp_path))))
    assert len(checksums) == 2


def test_it_goes_with_no_other_hold_out(options):
    with pytest.raises(OptionsError, match="validation_data takes the place"):
        options(validation_data="others.jsonl", validation_split=0.1)
