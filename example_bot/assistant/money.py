"""Conversion of currencies by the European Central Bank's rates that CurrencyConverter brings along."""

import math
import re
from datetime import date
from functools import lru_cache

from currency_converter import CurrencyConverter

from assistant.sums import format_number
from assistant.time_words import in_digits

# The longer name first: "canadian dollars" are not dollars.
_NAMES = {
    r"australian dollars?|aussie dollars?": "AUD",
    r"canadian dollars?|loonies?": "CAD",
    r"hong kong dollars?": "HKD",
    r"singapore(?:an)? dollars?": "SGD",
    r"new zealand dollars?|kiwi dollars?": "NZD",
    r"philippine pesos?": "PHP",
    r"swedish (?:krona|kronor|crowns?)": "SEK",
    r"norwegian (?:krone|kroner|crowns?)": "NOK",
    r"danish (?:krone|kroner|crowns?)": "DKK",
    r"icelandic (?:krona|kronur|crowns?)": "ISK",
    r"czech (?:koruna|crowns?)": "CZK",
    r"(?:u\.? ?s\.? |american )?dollars?|bucks?|american money|u\.? s\.? d\.?": "USD",
    r"(?:british )?pounds?(?: sterling)?|sterling|quid|g\.? b\.? p\.?": "GBP",
    r"(?:japanese )?yen": "JPY",
    r"(?:swiss )?francs?": "CHF",
    r"(?:chinese )?(?:yuan|renminbi)": "CNY",
    r"(?:indian )?rupees?": "INR",
    r"(?:mexican )?pesos?": "MXN",
    r"(?:(?:south )?korean won|(?<!\bi )(?<!\bwe )(?<!\bhe )(?<!\bshe )(?<!\bthey )(?<!\bhave )won)": "KRW",
    r"(?:thai )?baht": "THB",
    r"brazilian real|reais|real(?=$| (?:to|in|into|and|worth|is|rate)\b)": "BRL",
    r"(?:south african )?rands?": "ZAR",
    r"(?:turkish )?lira": "TRY",
    r"(?:polish )?zloty": "PLN",
    r"(?:hungarian )?forints?": "HUF",
    r"(?:israeli )?shekels?": "ILS",
    r"(?:russian )?(?:rubles?|roubles?)": "RUB",
    r"(?:indonesian )?rupiahs?": "IDR",
    r"(?:malaysian )?ringgits?": "MYR",
    r"krona|kronor": "SEK",
    r"euros?": "EUR",
}
_SIGNS = {"$": "dollars", "€": "euros", "£": "pounds", "¥": "yen"}
# With these, or a second number, the amount is not the number that was found: no answer is better than a wrong one.
_MORE = (
    r"[$€£¥]|\b(?:minus|negative|half|quarters?|hundreds?|thousands?|millions?|billions?|dozens?|cents?|pence|penn(?:y|ies))\b"
    r"|\ban? #+ (?:and )?\d"
)
# What may stand before the name of a currency. Any other word may make another one of it: egyptian pounds.
_BEFORE = set(
    """
    a about against an and are buy buys change convert does equal equals exchange for from get gets give has have how if
    in into is it's least make makes many me much my of olly or our per please sell some spend swap than that the this
    to today's trade turn versus vs was what what's when with worth
    """.split()  # noqa: SIM905
)
_UNKNOWN = r"\b(?:bitcoins?|crypto\w*|ethereum|dogecoin)\b"


def convert(message: str) -> str | None:
    """The conversion asked for, its result and the date of the rates.

    None where no known currency is named, or the amount is not understood. One currency alone is given in euros, the
    euro in dollars.
    """
    text = in_digits(message).lower().replace("us$", "$")
    text = re.sub(r"(?<![a-z])([$€£¥])(?: ?(\d+(?:\.\d+)?))?", lambda m: f"{m[2] or ''} {_SIGNS[m[1]]}", text)
    places, rest = _currencies(text)
    named = list(dict.fromkeys(places.values()))
    if unknown := re.search(_UNKNOWN, text):
        return f"The European Central Bank has no rate of {unknown[0]}"
    if not named or len(places) > len(named) == 1 or _another(rest, places):
        return None
    if len(named) == 1 and re.search(r"\b(?:to|in|into) (?:the )?#|#(?: worth)? (?:to|in|into)\b", rest):
        return None  # the other one was not understood
    source = named[0]
    target = named[1] if len(named) > 1 else ("USD" if source == "EUR" else "EUR")
    counted = [at for at in places if re.search(r"\d ?$", rest[:at])]
    if len(named) > 1 and len(counted) == 1:
        source = places[counted[0]]  # "how much in dollars is 100 euros"
        target = next(each for each in named if each != source)
    elif len(named) > 1 and 0 <= text.find("how many") < min(places):
        source, target = target, source  # "how many yen do i get for one dollar"
    numbers = re.findall(r"[\w.,-]*\d\w*", rest)
    if len(numbers) > 1 or re.search(_MORE, rest) or not all(re.fullmatch(r"\d*\.?\d+", each) for each in numbers):
        return None
    if numbers and not re.search(r"\d ?#", rest):
        return None  # of something else
    amount = float(numbers[0]) if numbers else 1.0
    rates = _rates()
    day = min(rates.bounds[currency].last_date for currency in (source, target) if currency != "EUR")
    result = rates.convert(amount, source, target, date=day)
    if not math.isfinite(result):
        return None
    shown = f"{result:,.2f}" if result >= 1 else f"{result:.4g}"
    return f"{format_number(amount)} {source} = {shown} {target} by the European Central Bank's rates of {_shown(day)}"


def _currencies(text: str) -> tuple[dict[int, str], str]:
    """The currencies by where they are named, in that order, and the text with "#" in their place."""
    places: dict[int, str] = {}
    for names, code in _NAMES.items():
        for found in re.finditer(rf"(?<![a-z])(?:{names}|{code.lower()})\b", text):
            places[found.start()] = code
            text = text[: found.start()] + "#" * len(found[0]) + text[found.end() :]
    return dict(sorted(places.items())), text


def _another(rest: str, places: dict[int, str]) -> bool:
    """Whether a word beside the name of a currency may make another one of it, or a weight: "a pound of apples"."""
    words = (re.search(r"([a-z][a-z']*) $", rest[:at]) for at in places)
    weighed = any(re.match("#+ of ", rest[at:]) for at in places)
    return weighed or any(word and word[1] not in _BEFORE for word in words)


@lru_cache(maxsize=1)
def _rates() -> CurrencyConverter:
    return CurrencyConverter(fallback_on_missing_rate=True)


def _shown(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
