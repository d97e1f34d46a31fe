"""How often tokens stand in the examples of each intent: what P(in scope) knows of a message's words. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

# Beyond the ids of every vocabulary.
_MESSAGE = 1 << 32


@dataclass(frozen=True)
class TokenCounts:
    """In how many examples of each intent each token stands.

    Attributes:
        tokens: Those that stand in any, in rising order, `[tokens]`, int64.
        starts: Where the entries of each token start, and where the last ends, `[tokens + 1]`, int64.
        columns: The intent of each entry, `[entries]`, int32.
        counts: How many of its examples the token stands in, `[entries]`, int32.
        examples: Of each intent, `[labels]`, int32.
    """

    tokens: np.ndarray
    starts: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    examples: np.ndarray

    @classmethod
    def of(cls, token_ids: Sequence[Sequence[int]], labels: Sequence[int], num_labels: int) -> TokenCounts:
        """Counts examples, given as token ids, and the column of each."""
        examples, tokens = _different(token_ids)
        columns = np.asarray(labels)[examples]
        return cls._of(tokens, columns, np.ones_like(tokens), np.bincount(labels, minlength=num_labels))

    @classmethod
    def _of(cls, tokens: np.ndarray, columns: np.ndarray, counts: np.ndarray, examples: np.ndarray) -> TokenCounts:
        cells, places = np.unique(tokens * len(examples) + columns, return_inverse=True)
        tokens, columns = np.divmod(cells, len(examples))
        different, starts = np.unique(tokens, return_index=True)
        return cls(
            different,
            np.append(starts, len(cells)),
            columns.astype(np.int32),
            np.bincount(places, weights=counts, minlength=len(cells)).astype(np.int32),
            examples.astype(np.int32),
        )

    def with_missing(self, former: TokenCounts) -> TokenCounts:
        """These counts, and former ones of the intents that have no examples here."""
        missing = self.examples == 0
        kept = missing[former.columns]
        return TokenCounts._of(
            np.concatenate([self._tokens_of_entries, former._tokens_of_entries[kept]]),
            np.concatenate([self.columns, former.columns[kept]]),
            np.concatenate([self.counts, former.counts[kept]]),
            np.where(missing, former.examples, self.examples),
        )

    @property
    def _tokens_of_entries(self) -> np.ndarray:
        return np.repeat(self.tokens, np.diff(self.starts))

    @cached_property
    def _gains(self) -> np.ndarray:
        """By how much each entry raises the logarithm of the likelihood ratio above that of a token never seen."""
        of_all = np.add.reduceat(self.counts, self.starts[:-1]) if len(self.tokens) else self.counts
        shares = (of_all + 0.5) / self.examples.sum()
        return np.log1p(self.counts / np.repeat(shares, np.diff(self.starts)))

    def evidence(self, token_ids: Sequence[Sequence[int]]) -> np.ndarray:
        """How much likelier the tokens of messages are in an intent than in all.

        The logarithm of the ratio of the likelihoods that naive Bayes gives (which tokens stand in a message; one more
        example of each intent is like all), over the root of the number of the message's different tokens.

        Args:
            token_ids: Of the messages.

        Returns:
            `[messages, labels]`, float64.
        """
        messages, tokens = _different(token_ids)
        lengths = np.bincount(messages, minlength=len(token_ids))[:, None]
        places = np.minimum(np.searchsorted(self.tokens, tokens), max(len(self.tokens) - 1, 0))
        known = np.flatnonzero(self.tokens[places] == tokens)
        places, messages = places[known], messages[known]
        counts = self.starts[places + 1] - self.starts[places]
        entries = np.arange(counts.sum()) + np.repeat(self.starts[places] - (np.cumsum(counts) - counts), counts)
        cells = np.repeat(messages * len(self.examples), counts) + self.columns[entries]
        shape = len(token_ids), len(self.examples)
        gains = np.bincount(cells, weights=self._gains[entries], minlength=shape[0] * shape[1]).reshape(shape)
        return (gains - lengths * np.log1p(self.examples)) / np.sqrt(np.maximum(lengths, 1))


def _different(token_ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Each message's different tokens: the message's row and the token of each."""
    lengths = [len(ids) for ids in token_ids]
    tokens = np.fromiter(chain.from_iterable(token_ids), dtype=np.int64, count=sum(lengths))
    pairs = np.unique(np.repeat(np.arange(len(lengths)), lengths) * _MESSAGE + tokens)
    return pairs // _MESSAGE, pairs % _MESSAGE
