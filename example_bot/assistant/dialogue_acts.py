"""Messages that answer what was said before instead of asking for something: yes, no, never mind, "no, make it ten"."""

import re
from datetime import datetime, timezone

from assistant.time_words import understand

_POLITE = r"(?: (?:please|thanks|thank you|olly))?"
_WHOLE = {
    "cancel": r"(?:no )?never ?mind|cancel|undo|quit|abort|stop|i changed my mind|forget about (?:it|that)"
    r"|(?:cancel|forget|stop|undo|drop|scrap|skip|leave) (?:it|that|this)",
    "affirm": r"yes|yeah|yep|yup|sure|ok|okay|of course|certainly|definitely|go ahead|(?:yes )?(?:please )?do it"
    r"|please do|that is right|that's right|correct|exactly|sounds good|yes delete (?:it|them)|yes all of them",
    "deny": r"no|nope|nah|no thanks|no thank you|(?:no )?(?:don't|do not|better not)|please don't|not really"
    r"|nothing|none",
}
# "I meant saturday" corrects whatever follows; "no, ...", "actually ..." and "make it ..." only where a time follows:
# "no alarm tomorrow", "actually play some jazz" and "make it louder" ask for something.
_MEANT = re.compile(
    r"^(?:(?:no|nope|sorry|oops|wait|well)\b,? ?)*(?:i meant?(?: to say)?|i said)\b,? (?P<words>.+)$", re.I
)
_LEAD_IN = re.compile(
    r"^(?:(?:no|nope|sorry|oops|wait|well|actually|rather|please|not that)\b,? ?)*"
    r"(?:(?:make|change|move|set|put) (?:it|that)(?: from .+? to| to)?\b ?)?(?:rather )?"
    r"(?P<words>.+?)(?: instead| rather)?$",
    re.I,
)


def act_of(message: str) -> str | None:
    """The dialogue act: cancel, affirm, deny, correct; None for a message that asks for something."""
    words = re.sub(r"[^\w' ]", "", message).strip().lower()
    for act, pattern in _WHOLE.items():
        if re.fullmatch(rf"(?:{pattern}){_POLITE}", words):
            return act
    return "correct" if correction(message) else None


def correction(message: str) -> str | None:
    """What a message puts in the place of what was said before: "saturday" in "no, i meant saturday"."""
    message = message.strip(" .!?")
    if meant := _MEANT.match(message):
        return meant["words"]
    found = _LEAD_IN.match(message)
    if found is None or found["words"].lower() == message.lower():
        return None
    return found["words"] if understand(found["words"], datetime.now(timezone.utc)).alone else None
