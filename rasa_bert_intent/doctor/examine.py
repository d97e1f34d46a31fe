"""`examine`: examples in, everything that is wrong with them out."""

from __future__ import annotations

from collections.abc import Sequence

from rasa_bert_intent.data.rasa_yaml import Example
from rasa_bert_intent.doctor import texts
from rasa_bert_intent.doctor.findings import KINDS, Diagnosis
from rasa_bert_intent.errors import DataError


def examine(examples: Sequence[Example], *, test: Sequence[Example] = (), encoder: str | None = None) -> Diagnosis:
    """Looks for everything in `rasa_bert_intent.doctor.findings.KINDS`.

    Args:
        examples: The training data.
        test: Test data that should share no text with it.
        encoder: Directory or hub id of the encoder for what shows only by meaning; None: that is not looked for.

    Raises:
        EncoderError: if the encoder cannot be found or read.
    """
    findings = [*texts.conflicts(examples), *texts.few_examples(examples), *texts.in_test(examples, test)]
    left_out = []
    if encoder is not None and len({example.intent for example in examples}) > 1:
        from rasa_bert_intent.doctor import meaning

        # Of repeats the first: a copy would vouch for the other, unseen only by name.
        once = list({(texts.normalise(each.text), each.intent): each for each in reversed(examples)}.values())[::-1]
        vectors = meaning.embed([example.text for example in once], encoder)
        names, probabilities = meaning.predict_unseen([example.intent for example in once], vectors)
        findings += meaning.near_duplicates(once, vectors, names, probabilities)
        try:
            findings += meaning.mislabelled(once, names, probabilities)
        except DataError as error:
            left_out.append(f"wrong labels were not looked for: {error}")
    order = list(KINDS)
    return Diagnosis(
        examples=len(examples),
        intents=len({example.intent for example in examples}),
        findings=sorted(findings, key=lambda finding: order.index(finding.kind)),
        left_out=left_out,
    )
