"""What the doctor can find, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from rasa_bert_intent.data.rasa_yaml import Example

# Each kind with its heading (what was found: what to do), in the order of the report.
KINDS = {
    "conflict": "The same text under several intents. Keep it under the right one:",
    "in_test": "Training examples that stand in the test data, whose scores they flatter. Remove them on one side:",
    "few_examples": "Intents with few examples, which are hardly learned. Add examples, or merge the intent:",
    "mislabelled": "Likely under the wrong intent, surest first. Move, reword, or leave them as they are:",
    "near_duplicate": "Nearly the same text under two intents, nearest first. If both mean the same, keep one intent:",
}


@dataclass(frozen=True)
class Finding:
    """One thing to look at.

    Attributes:
        kind: One of `KINDS`.
        examples: Where it stands: of a conflict or near-duplicate every side, of a text in the test data the training
            side first.
        note: What was found, in a few words; empty where the examples say it.
        score: How sure (`mislabelled`: probability of the other intent) or near (`near_duplicate`: cosine), 0 to 1.
    """

    kind: str
    examples: tuple[Example, ...]
    note: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All that was found.

    Attributes:
        examples: How many were looked at.
        intents: How many they have.
        findings: In the order of `KINDS`, within a kind as its heading says.
        left_out: Checks that were not made, with the reason.
    """

    examples: int
    intents: int
    findings: list[Finding]
    left_out: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many findings there are of each kind, kinds without any included."""
        return {kind: sum(finding.kind == kind for finding in self.findings) for kind in KINDS}
