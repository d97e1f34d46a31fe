import pytest

from rasa_bert_intent.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["convert", "t.csv", "--output-dir", "out", "--seed", "-1"],
            "--seed: expected a whole number from 0 to 42949",
        ),
        (
            ["discover", "model", "t.csv", "--seed", "one"],
            "--seed: expected a whole number from 0 to 4294967295, got 'o",
        ),
        (["discover", "model", "t.csv", "--threshold", "2"], "--threshold: expected a number from 0 to 1, got '2'"),
        (
            ["discover", "model", "t.csv", "--topics", "many"],
            "--topics: expected auto or a whole number from 2, got 'm",
        ),
        (["demo", "model", "--threshold", "half"], "--threshold: expected a number from 0 to 1, got 'half'"),
        (["serve", "model", "--port", "70000"], "--port: expected a whole number from 1 to 65535, got '70000'"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_can(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
