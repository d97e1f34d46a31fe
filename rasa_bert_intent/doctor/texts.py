"""What the texts and intents tell by themselves, with no encoder: seconds for any size of bot."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from rasa_bert_intent.data.rasa_yaml import Example
from rasa_bert_intent.doctor.findings import Finding

# Fewer examples than this are few. Five is the smallest number at which the defaults were measured to be of use.
FEW = 5

# Latin, then typographic quotes, CJK, Devanagari, Arabic; full-width forms are Latin after NFKC.
_ENDINGS = " .,:;!?\"'" + "\u2019\u201d\u00bb" + "\u3001\u3002" + "\u0964\u0965" + "\u060c\u061b\u061f\u06d4"
_WARNINGS_SHOWN = 5


def normalise(text: str) -> str:
    """The text without what should not matter: Unicode's NFKC, case folded, single blanks, no punctuation at the end.

    >>> normalise("  Turn it OFF !")
    'turn it off'
    """
    folded = " ".join(unicodedata.normalize("NFKC", text.casefold()).split())
    return folded.rstrip(_ENDINGS) or folded  # "?" and "!" are texts too


def conflicts(examples: Sequence[Example]) -> Iterator[Finding]:
    """Texts that stand, normalised, under more than one intent, with every place of each."""
    for group in _conflicting([e.text for e in examples], [e.intent for e in examples]):
        same = len({examples[i].text for i in group}) == 1
        yield Finding("conflict", tuple(examples[i] for i in group), "" if same else "but for case or punctuation")


def few_examples(examples: Sequence[Example]) -> Iterator[Finding]:
    """Intents with fewer than `FEW` different texts, rarest first, with the places of what they have."""
    for intent, number in _rare([e.text for e in examples], [e.intent for e in examples]):
        note = f"{intent} has {number} example{'' if number == 1 else 's'}"
        yield Finding("few_examples", tuple(e for e in examples if e.intent == intent), note)


def in_test(examples: Sequence[Example], test: Sequence[Example]) -> Iterator[Finding]:
    """Texts that stand, normalised, in both; verbatim ones first."""
    training = by_text([e.text for e in examples])
    found = []
    for text, indices in by_text([e.text for e in test]).items():
        if text not in training:
            continue
        here, there = [examples[i] for i in training[text]], [test[i] for i in indices]
        verbatim = bool({e.text for e in here} & {e.text for e in there})
        note = "verbatim" if verbatim else "but for case or punctuation"
        if {e.intent for e in here} != {e.intent for e in there}:
            note += ", under another intent"
        found.append((not verbatim, Finding("in_test", (*here, *there), note)))
    yield from (finding for _, finding in sorted(found, key=lambda pair: pair[0]))


def training_warnings(texts: Sequence[str], intents: Sequence[str]) -> list[str]:
    """One line for each text under several intents, at most five, and one for intents with few examples."""
    groups = _conflicting(texts, intents)
    lines = [
        f"{texts[group[0]]!r} stands under the intents {', '.join(sorted({intents[i] for i in group}))}: keep it under "
        "one."
        for group in groups[:_WARNINGS_SHOWN]
    ]
    if len(groups) > _WARNINGS_SHOWN:
        lines.append(
            f"{len(groups) - _WARNINGS_SHOWN} more texts stand under several intents: `rasa-bert-intent check` names "
            "their files and lines."
        )
    if rare := _rare(texts, intents):
        named = ", ".join(f"{intent} ({number})" for intent, number in rare[:_WARNINGS_SHOWN])
        more = f" and {len(rare) - _WARNINGS_SHOWN} more" if len(rare) > _WARNINGS_SHOWN else ""
        lines.append(f"Intents with fewer than {FEW} examples are hardly learned: {named}{more}. Add examples.")
    return lines


def by_text(texts: Sequence[str]) -> dict[str, list[int]]:
    """The indices of the texts that are one and the same once normalised, by what that makes of them."""
    groups: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(normalise(text), []).append(index)
    return groups


def _conflicting(texts: Sequence[str], intents: Sequence[str]) -> list[list[int]]:
    return [group for group in by_text(texts).values() if len({intents[i] for i in group}) > 1]


def _rare(texts: Sequence[str], intents: Sequence[str]) -> list[tuple[str, int]]:
    different = {(normalise(text), intent) for text, intent in zip(texts, intents, strict=True)}
    numbers = Counter(intent for _, intent in different)
    return sorted(((intent, n) for intent, n in numbers.items() if n < FEW), key=lambda pair: (pair[1], pair[0]))
