from rasa_bert_intent.reports.evaluation import Prediction, evaluate
from rasa_bert_intent.reports.markdown import to_markdown

RIGHT = Prediction("hi", "greet", 0.9)


def test_report_is_markdown_with_even_columns():
    predictions = [RIGHT, Prediction("ciao", "greet", 0.7), Prediction("bye", "bye", 0.8)]
    report = to_markdown(
        evaluate(
            predictions,
            ["greet", "bye", "bye"],
            ["bye", "greet"],
            out_of_scope=[Prediction("vote", "bye", 0.3), Prediction("sue him", "bye", 0.95)],
            title="model on data",
        )
    )
    assert (
        report
        == """\
# model on data

3 examples: accuracy 0.6667, macro-F1 0.6667.
Confidence 0.8000 on average, calibration error (ECE) 0.3333.

## FallbackClassifier: threshold 0.55

It balances best what is answered rightly in scope and what is refused out of scope.

| threshold | in scope answered | of these right | out of scope refused |
| --------: | ----------------: | -------------: | -------------------: |
|      0.00 |             1.000 |          0.667 |                0.000 |
|      0.10 |             1.000 |          0.667 |                0.000 |
|      0.20 |             1.000 |          0.667 |                0.000 |
|      0.30 |             1.000 |          0.667 |                0.000 |
|      0.40 |             1.000 |          0.667 |                0.500 |
|      0.50 |             1.000 |          0.667 |                0.500 |
|  **0.55** |             1.000 |          0.667 |                0.500 |
|      0.60 |             1.000 |          0.667 |                0.500 |
|      0.70 |             1.000 |          0.667 |                0.500 |
|      0.80 |             0.667 |          1.000 |                0.500 |
|      0.90 |             0.333 |          1.000 |                0.500 |

## Out of scope

2 examples (the model has no intent for them): AUROC 0.5000 by confidence.

Answered all the same, the most confident:

| taken for | message | confidence |
| --------- | ------- | ---------: |
| bye       | sue him |      0.950 |

## Confused intents

| times | intent | taken for | for example | confidence |
| ----: | ------ | --------- | ----------- | ---------: |
|     1 | bye    | greet     | ciao        |      0.700 |

## Intents, worst first

| intent | precision | recall |    F1 | examples |
| ------ | --------: | -----: | ----: | -------: |
| bye    |     1.000 |  0.500 | 0.667 |        2 |
| greet  |     0.500 |  1.000 | 0.667 |        1 |
"""
    )


def test_messages_cannot_break_the_table_or_the_terminal():
    odd = Prediction("a|b *c* <d>\n\x1b[31m _e_ f_g", "greet", 0.5)
    report = to_markdown(evaluate([RIGHT, odd], ["greet", "bye"], ["bye", "greet"]))
    assert r"| a\|b \*c\* \<d\>  \[31m \_e\_ f_g |" in report


def test_long_messages_and_long_lists_are_shortened():
    predictions = [RIGHT, *(Prediction("x" * 100, f"intent_{number:02}", 0.5) for number in range(23))]
    report = to_markdown(evaluate(predictions, ["greet"] * 24, ["greet"]))
    assert f"| {'x' * 59}… |" in report
    assert "intent_19" in report.split("## Intents")[0]
    assert "intent_20" not in report.split("## Intents")[0]
    assert "And 3 messages in 3 more pairs." in report


def test_nothing_confused_and_nothing_out_of_scope_are_said():
    report = to_markdown(evaluate([RIGHT], ["greet"], ["bye", "greet"]))
    assert "1 example: accuracy 1.0000, macro-F1 1.0000." in report
    assert "## Confused intents\n\nNone.\n" in report
    assert "## Out of scope" not in report
    assert "--out-of-scope" in report
    assert "out of scope refused" not in report


def test_intents_that_the_model_lacks_are_named():
    report = to_markdown(evaluate([RIGHT], ["lights_on"], ["bye", "greet"]))
    assert "does not have these intents of the data: lights_on." in report
