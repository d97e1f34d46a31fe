"""Arithmetic as it is spoken: "what is twenty percent of eighty"."""

import ast
import math
import re
from collections.abc import Callable

from simpleeval import DEFAULT_OPERATORS, SimpleEval

from assistant.time_words import in_digits

_N = r"(-?\d+(?:\.\d+)?)"
_REWRITES: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"\bnegative (?=\d)|(?:^|(?<=is )|(?<=of )|(?<=times )|(?<=by ))minus (?=\d)", "-"),
    (rf"\b(?:the )?(?:sum|total) of ((?:{_N}(?:,? and |, | )?)+)", lambda m: " + ".join(re.findall(_N, m[1]))),
    (rf"\badd (?:up )?((?:{_N}(?:,? and |, | to | )?)+)", lambda m: " + ".join(re.findall(_N, m[1]))),
    (rf"\b(?:the )?difference (?:between|of) {_N} and {_N}", r"(\1 - \2)"),
    (rf"\b(?:the )?product of {_N} and {_N}", r"(\1 * \2)"),
    (rf"\bsubtract {_N} from {_N}", r"(\2 - \1)"),
    (rf"\btake (?:away )?{_N} from {_N}", r"(\2 - \1)"),
    (rf"\bdivide {_N} by {_N}", r"(\1 / \2)"),
    (rf"\bmultiply {_N} (?:by|with|and) {_N}", r"(\1 * \2)"),
    (rf"\b(?:the )?remainder of {_N} (?:divided by|over) {_N}", r"(\1 % \2)"),
    (rf"{_N} (?:modulo|mod) {_N}", r"(\1 % \2)"),
    (rf"\bhow many times does {_N} go into {_N}", r"(\2 / \1)"),
    (rf"{_N} ?(?:percent|per cent|%) of {_N}", r"(\1 / 100 * \2)"),
    (rf"\b(?:an? |1 )?half of {_N}", r"(\1 / 2)"),
    (rf"\b(?:an? |1 )?(?:third|3rd) of {_N}", r"(\1 / 3)"),
    (rf"\b(?:an? |1 )?quarter of {_N}", r"(\1 / 4)"),
    (rf"\b(?:double|twice) {_N}", r"(2 * \1)"),
    (rf"\b(?:the )?square root of {_N}", r"sqrt(\1)"),
    (rf"\b(?:the )?cube root of {_N}", r"cbrt(\1)"),
    (rf"\b(?:the )?(sine?|cosine|cos|tangent|tan) of {_N}(?: degrees?)?", lambda m: f"{m[1].lower()[:3]}({m[2]})"),
    (rf"\b(?:the )?square of {_N}", lambda m: f"({_base(m[1])} ** 2)"),
    (rf"\b(?:the )?cube of {_N}", lambda m: f"({_base(m[1])} ** 3)"),
    (rf"{_N} squared", r"(\1 ** 2)"),
    (rf"{_N} cubed", r"(\1 ** 3)"),
    (rf"{_N} (?:to|raised to) the (?:power of )?(\d+)(?:st|nd|rd|th)?(?: power)?", r"(\1 ** \2)"),
    (r"\b(?:multiplied by|times)\b|(?<=\d) x (?=\d)", "*"),
    (r"\b(?:divided by|over)\b|÷", "/"),
    (r"\bplus\b|\band\b", "+"),
    (r"\b(?:minus|less)\b", "-"),
    (r"\^", "**"),
]
_FUNCTIONS = {
    "sqrt": math.sqrt,
    "cbrt": lambda x: round(math.copysign(abs(x) ** (1 / 3), x), 12),
    "sin": lambda x: round(math.sin(math.radians(x)), 12),
    "cos": lambda x: round(math.cos(math.radians(x)), 12),
    "tan": lambda x: round(math.sin(math.radians(x)), 12) / round(math.cos(math.radians(x)), 12),
}
_BITS_OF_A_POWER = 1024  # as many as a float has; whole numbers would be worked out for minutes


def _power(base: float, exponent: float) -> float:
    if abs(exponent) * math.log2(max(abs(base), 1)) > _BITS_OF_A_POWER:
        raise OverflowError
    return base**exponent


_OPERATORS = {**DEFAULT_OPERATORS, ast.Pow: _power}
# A percentage of nothing that is named; what is left between two numbers is a remainder.
_PERCENT = re.compile(r"per ?cent|\d%(?!\d)|%(?! ?[\d(])")
# What may stand around a sum. Any other word makes a question of it whose numbers are names: world war 1 and 2.
_AROUND = set(
    """
    a after all an and answer away be calculate can compute could degrees do does equal equals evaluate figure find for
    get give have hello help hey how i if is it left let's make makes many me much now of ok okay olly out please result
    solve sum tell that the then times to total value we what what's when will with work would you
    """.split()  # noqa: SIM905
)
_EXPRESSION = re.compile(r"(?:(?:sqrt|cbrt|sin|cos|tan)(?=\()|[\d.()+*/% -])+")


def solve(message: str) -> str | None:
    """The sum in a message with its result, "12 * 9 = 108"; None where it has none that can be worked out."""
    text = re.sub(r"\b(?:zero)\b", "0", in_digits(message).lower())
    for pattern, replacement in _REWRITES:
        text = re.sub(pattern, replacement, text)
    found = max(_EXPRESSION.findall(text), key=len, default="").strip(" +*/%")
    # What is left over belongs to something that was not understood: no answer is better than a wrong one.
    around = text.replace(found, " ", 1)
    left_over = re.search(r"\d", around) or _PERCENT.search(text) or set(re.findall(r"[^\W\d][\w']*", around)) - _AROUND
    if left_over or not re.search(r"[-+*/%(]", found):
        return None
    try:
        value = SimpleEval(operators=_OPERATORS, functions=_FUNCTIONS, names={}).eval(found)
        return f"{_shown(found)} = {format_number(value)}"
    except ZeroDivisionError:
        return f"{_shown(found)} has no result: nothing can be divided by zero"
    except Exception:  # simpleeval raises its own, Python's and those of math: none of them is a sum
        return None


def format_number(value: float) -> str:
    """Four decimals at most, but six digits of what is less than one: 1,234.5 and 0.333333."""
    if abs(value) >= 1e15:
        return f"{value:.6g}"
    if float(value).is_integer():
        return f"{int(value):,}"
    shown = f"{value:,.6g}" if abs(value) < 1 else f"{value:,.4f}"
    return shown if "e" in shown else shown.rstrip("0").rstrip(".")


def _base(number: str) -> str:
    """A number as it stands before a power: that of a negative one is of its sign too."""
    return f"({number})" if number.startswith("-") else number


def _shown(expression: str) -> str:
    """Without the parentheses around all of it."""
    whole = re.fullmatch(r"\(((?:[^()]|\([^()]*\))*)\)", expression)
    return re.sub(r"\s+", " ", whole[1] if whole else expression)
