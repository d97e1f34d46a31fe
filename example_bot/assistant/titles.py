"""What a calendar entry is called, by what a message says beside the time."""

import re

_CALENDAR = r"(?:calendar|schedule|agenda|diary|planner)"
_POLITE = (
    r"^(?:(?:please|olly|hey|can you|could you|would you|i want you to|i need you to|i would like to|i want to) )+"
)
_LEAD_INS = [
    r"(?:please )?remind me (?:to|about|of|that)?",
    r"(?:i need to be|i want to be) reminded (?:to|about|of)",
    r"i need to remember to|(?:please )?remember that|don't let me forget(?: to| about)?",
    r"(?:notify|tell|alert) me (?:about|of|when)",
    r"(?:set|set up|create|make|add|put)(?: up)? (?:an?|another|new|a new|a recurring)"
    r" (?:reminder|notification|event|calendar entry)(?: (?:for|to|about|of|called|named))?",
    r"open (?:the|my) calendar and (?:schedule|add|put)",
    r"(?:schedule|add|put|create|make|plan|mark|place|note|set up|set|arrange|book)",
    r"(?:it |that )?is|i have got|i have|there is|i've got|i want|i need|as|in(?= an? )",
]
_NOTHING = (
    r"(?:an?|the|this|that|it|to|for|me|one|something|my|new|important|repeating|recurring"
    r"|event|reminder|entry|appointment| )*"
)


def title_of(words: str) -> str | None:
    """The title in a message that adds an entry; None where it names nothing.

    Args:
        words: The message without its words about time.
    """
    text = re.sub(_POLITE, "", words.strip(" .,?!"), flags=re.IGNORECASE)
    text = re.sub(rf"\b(?:on|to|in|into|onto) (?:my|the|our) {_CALENDAR}\b.*$", "", text, flags=re.IGNORECASE)
    for lead_in in _LEAD_INS:  # several may stand one after the other: "please remember that i have a ..."
        text = re.sub(rf"^(?:{lead_in})\b ?", "", text, flags=re.IGNORECASE)
    text = re.sub(
        r"\b(?:(?:please|remind me|put it|don't let me forget) ?)+$", "", text.strip(" ,"), flags=re.IGNORECASE
    )
    text = re.sub(
        r"(?: (?:on|at|for|by|to|is|from|in|next|the|my|and|of))+$", "", text.strip(" ,"), flags=re.IGNORECASE
    )
    text = re.sub(r"^(?:an?|the|my|about) ", "", text.strip(" ,"), flags=re.IGNORECASE).strip(" ,")
    return None if re.fullmatch(_NOTHING, text, re.IGNORECASE) else text


def words_asked_for(words: str) -> str:
    """The words of a question or a deletion that may stand in a title: "dentist" in "delete my dentist appointment"."""
    kept = [word for word in re.findall(r"[\w'-]+", words.lower()) if word not in _COMMON]
    return " ".join(kept)


_COMMON = set(
    """
    2 a about add all am an and any anything anywhere appointments are ask at be been begin between busy calendar
    calendars can cancel check clear coming conflict conflicts could create date day days delete details diary
    display do does doing drop empty entries entry erase event events everything find for forget free from get give
    go going got happening has have hear how i i'm if in information is it its kind know list longer look looks many
    me month more my need next no not now of off olly on open or our out p pending place plan planned plans please
    put read remind reminder reminders remove rest rid schedule scheduled scratch see set should show so something
    start starts still supposed take taking tell that the them there things this through time to up upcoming view
    want was week what what's when where which who whole will wipe with would year you your
    """.split()  # noqa: SIM905
)
