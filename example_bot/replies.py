"""Words the replies by the entities that were found; named in endpoints.yml.

A response in domain.yml lists variations from the general to the specific::

    utter_alarm_set:
    - text: Alarm set.
    - text: Alarm set for {time}.
    - text: Alarm set for {time}, {date}.

Rasa's own generator would take any of them, print "None" for an empty slot, and repeat the time of an earlier message
in the reply to this one. Conditions on variations are no cure: they compare a slot with one fixed value and cannot say
"is filled".
"""

import re
from typing import Any

from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig


class MostSpecificReply(TemplatedNaturalLanguageGenerator):
    """Takes the variation that uses most of the slots set by the current message; a random one among equals.

    Rasa makes the generator before it loads the model, and then sets `responses` on kinds of its own generator alone.
    """

    def __init__(self, endpoint_config: EndpointConfig, domain: Domain) -> None:
        super().__init__(domain.responses)

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Word the reply of `utter_action`; None when the domain has no response of that name."""
        known = _slots_set_by_current_message(tracker) | kwargs.keys()
        by_size: dict[int, list[dict[str, Any]]] = {}
        for variation in self.responses.get(utter_action, []):
            used = set(re.findall(r"{(\w+)}", variation.get("text") or ""))
            if used <= known:
                by_size.setdefault(len(used), []).append(variation)
        most_specific = by_size[max(by_size)] if by_size else []
        # Channels, conditions, buttons and the filling in are Rasa's.
        return await TemplatedNaturalLanguageGenerator({utter_action: most_specific}).generate(
            utter_action, tracker, output_channel, **kwargs
        )


def _slots_set_by_current_message(tracker: DialogueStateTracker) -> set[str]:
    names = set()
    for event in reversed(tracker.events):
        if isinstance(event, UserUttered):
            break
        if isinstance(event, SlotSet) and event.value is not None:
            names.add(event.key)
    return names
