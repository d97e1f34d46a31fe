"""What libraries work out: sums, units, currencies and time zones."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from assistant import money, sums, units, zones


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("what is thirteen plus eight", "13 + 8 = 21"),
        ("how much is fifteen times four", "15 * 4 = 60"),
        ("hey olly can you tell me what twelve minus five is please", "12 - 5 = 7"),
        ("what do you get when you multiply eight by seven", "8 * 7 = 56"),
        ("nine times nine equals", "9 * 9 = 81"),
        ("-3 squared", "-3 ** 2 = -9"),
        ("divide eighty one by nine", "81 / 9 = 9"),
        ("subtract twelve from forty", "40 - 12 = 28"),
        ("what is fifteen percent of two hundred", "15 / 100 * 200 = 30"),
        ("what is the square root of one hundred twenty one", "sqrt(121) = 11"),
        ("six squared", "6 ** 2 = 36"),
        ("two to the power of ten", "2 ** 10 = 1,024"),
        ("half of fifty", "50 / 2 = 25"),
        ("the cosine of sixty degrees", "cos(60) = 0.5"),
        ("minus five plus three", "-5 + 3 = -2"),
        ("what is 2 + 3 * 4", "2 + 3 * 4 = 14"),
        ("two divided by three", "2 / 3 = 0.666667"),
        ("ten divided by zero", "10 / 0 has no result: nothing can be divided by zero"),
        ("add up two three and four", "2 + 3 + 4 = 9"),
        ("a million times a million times a million", None),
        ("1,000 plus 2,500", "1000 + 2500 = 3,500"),
        ("2.5 million times 4", "2500000 * 4 = 10,000,000"),
        ("two and a half times two", "2.5 * 2 = 5"),
        ("the square of minus 3", "(-3) ** 2 = 9"),
        ("the cube of negative two", "(-2) ** 3 = -8"),
        ("the square of 3 plus the square of 4", "(3 ** 2) + (4 ** 2) = 25"),
        ("17 % 5", "17 % 5 = 2"),
        ("the cosine of ninety degrees", "cos(90) = 0"),
        ("tan of 90", "tan(90) has no result: nothing can be divided by zero"),
        ("what is 3999999 to the power of 3999999", None),  # at once
    ],
)
def test_sum(message: str, expected: str | None):
    assert sums.solve(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        "solve three x plus one equals ten",
        "help me with my homework",
        "what is seven",
        "80 plus 15 percent",
        "50 - 20%",
        "20% + 5",
        "20% 50",
        "15 percent of 200 plus 10 percent",
        "nine to the power of nine to the power of nine",
        "9**9**9**9",
        "10**(10**10)",
        "__import__('os').system('true') + 1",
        "how many people died of covid-19",
        "what happened on 9/11",
        "when did world war 1 and 2 start",
        "who wrote catch-22",
        "who won the 2010-11 premier league",
        "how fast is a boeing 747-400",
        "what is the f-16",
        "how many seasons of 24 and 30 rock are there",
        "1 +",
        "((((1",
        "",
    ],
)
def test_no_answer_rather_than_a_wrong_one(message: str):
    assert sums.solve(message) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("convert four feet to inches", "4 feet = 48 inches"),
        ("how many yards are in a mile", "1 mile = 1,760 yards"),
        ("what is ten kilometers in miles", "10 kilometers = 6.2137 miles"),
        ("convert twenty celsius to fahrenheit", "20 celsius = 68 fahrenheit"),
        ("212 degrees fahrenheit in celsius", "212 fahrenheit = 100 celsius"),
        ("how many cups in a liter", "1 liter = 4.2268 cups"),
        ("convert two feet to kilograms", "feet and kilograms measure different things"),
        ("convert 1,000 feet to miles", "1,000 feet = 0.189394 miles"),
        ("two and a half miles in kilometers", "2.5 miles = 4.0234 kilometers"),
        ("convert .5 miles to km", "0.5 miles = 0.804672 km"),
        ("convert 500 mb to gb", "500 mb = 0.5 gb"),
        ("convert 5 kb to mb", "5 kb = 0.005 mb"),
        ("how many mb in a gb", "1 gb = 1,000 mb"),
        ("convert 100 f to c", "100 f = 37.7778 c"),
        ("what is 20 c in f", "20 c = 68 f"),
        ("convert 5 lbs to kgs", "5 lbs = 2.268 kgs"),
        ("convert 5 kms to miles", "5 kms = 3.1069 miles"),
        ("convert 100 km/h to mph", "100 km/h = 62.1371 mph"),
        ("100 kilometers per hour to miles per hour", "100 kilometers per hour = 62.1371 miles per hour"),
        (f"convert {'9' * 400} feet to inches", None),
        ("minus five degrees celsius to fahrenheit", "-5 celsius = 23 fahrenheit"),
        ("one half mile in feet", "0.5 mile = 2,640 feet"),
        ("how many grams are in two kilos", "2 kilos = 2,000 grams"),
        ("6 ft 2 in to cm", "74 inches = 187.96 cm"),
        ("six feet and two inches in cm", "74 inches = 187.96 cm"),
        ("six foot two in cm", None),
        ("5 pounds 3 ounces in kg", None),
        ("1/2 mile in km", None),
        ("three quarters of a mile in feet", None),
        ("a quarter of a mile in feet", None),
        ("how many bones are in a hand", None),
        ("how many calories are in a banana", None),
        ("", None),
    ],
)
def test_unit(message: str, expected: str | None):
    assert units.convert(message) == expected


@pytest.mark.parametrize(
    ("message", "start", "end"),
    [
        ("convert twenty euros into pounds", "20 EUR = ", " GBP"),
        ("how many yen do i get for one dollar", "1 USD = ", " JPY"),
        ("what is the rate of the canadian dollar to the us dollar", "1 CAD = ", " USD"),
        ("if i change three hundred dollars how many baht will i get", "300 USD = ", " THB"),
        ("how much is 1,000 dollars in euros", "1,000 USD = ", " EUR"),
        ("convert 2 million dollars to yen", "2,000,000 USD = ", " JPY"),
        ("two and a half dollars in euros", "2.5 USD = ", " EUR"),
        ("how much is $50 in euros", "50 USD = ", " EUR"),
        ("$1,000.50 in £", "1,000.5 USD = ", " GBP"),
        ("US$2.5 million in euros", "2,500,000 USD = ", " EUR"),
        ("€50 in dollars", "50 EUR = ", " USD"),
        ("50€ in $", "50 EUR = ", " USD"),
        ("100usd to eur", "100 USD = ", " EUR"),
        ("convert .5 pounds to yen", "0.5 GBP = ", " JPY"),
        ("the value of the pound", "1 GBP = ", " EUR"),
        ("the value of the euro", "1 EUR = ", " USD"),
        ("the pound dollar rate", "1 GBP = ", " USD"),
        ("convert 100 philippine pesos to dollars", "100 PHP = ", " USD"),
        ("i won 100 dollars how many euros is that", "100 USD = ", " EUR"),
        ("what will a thousand euros buy me in won", "1,000 EUR = ", " KRW"),
        ("how much in dollars is 100 euros", "100 EUR = ", " USD"),
        ("exchange pounds for 100 euros", "100 EUR = ", " GBP"),
    ],
)
def test_currency(message: str, start: str, end: str):
    answer = money.convert(message)
    result, source = answer.split(" by the European Central Bank's rates of ")
    assert result.startswith(start)
    assert result.endswith(end)
    assert float(result.removeprefix(start).removesuffix(end).replace(",", "")) > 0
    assert datetime.strptime(source, "%d %B %Y").year >= 2024  # the library is renewed often


@pytest.mark.parametrize(
    "message",
    [
        "2 dollars 50 in euros",
        "a dollar fifty in euros",
        "fifty cents in euros",
        "half a million dollars in yen",
        "one point five million dollars in euros",
        "50k dollars in euros",
        "1.000,50 euros in dollars",
        "a$50 in euros",
        "100 jamaican dollars in euros",
        "100 taiwan dollars in us dollars",
        "20 east caribbean dollars in pounds",
        "100 egyptian pounds in euros",
        "1000 pakistani rupees in dollars",
        "100 chilean pesos in yen",
        "100 argentine pesos in euros",
        "100 congolese francs in euros",
        "100 krone in euros",
        "100 dinars in euros",
        "100 euros in dinars",
        "100 dollars to dollars",
        "convert -5 dollars to euros",
        "minus five dollars in euros",
        "convert 5 to euros",
        "what is the price of a pound of apples in dollars",
        f"{'9' * 400} dollars in euros",
    ],
)
def test_no_amount_rather_than_a_wrong_one(message: str):
    assert money.convert(message) is None


def test_euro_to_pound_and_back_are_inverse():
    def number(message: str) -> float:
        return float(money.convert(message).split(" = ")[1].split()[0])

    assert number("ten euros in pounds") * number("ten pounds in euros") == pytest.approx(100, rel=0.01)


def test_what_the_bank_does_not_know():
    assert money.convert("what is a bitcoin in dollars") == "The European Central Bank has no rate of bitcoin"
    assert money.convert("check exchange rates") is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("what time is it", "It is 10:00 on Friday 20 November 2026."),
        ("what time is it in tokyo", "In Tokyo it is 19:00 on Friday 20 November (9 h ahead)."),
        ("the time in san francisco", "In San Francisco it is 02:00 on Friday 20 November (8 h behind)."),
        ("what is the time in India", "In India it is 15:30 on Friday 20 November (5 h 30 min ahead)."),
        ("what time is it in the uk", "In the UK it is 10:00 on Friday 20 November (no difference)."),
        ("what time is it in the usa", "In the USA it is 05:00 on Friday 20 November (5 h behind)."),
        ("nyc time", "In NYC it is 05:00 on Friday 20 November (5 h behind)."),
        ("what time is it in zurich", "In Zurich it is 11:00 on Friday 20 November (1 h ahead)."),
        ("what time is it in São Paulo", "In São Paulo it is 07:00 on Friday 20 November (3 h behind)."),
        ("what time is it in sao paulo", "In Sao Paulo it is 07:00 on Friday 20 November (3 h behind)."),
        ("what time is it in lodz", "In Lodz it is 11:00 on Friday 20 November (1 h ahead)."),
        ("the time in bali", "In Bali it is 18:00 on Friday 20 November (8 h ahead)."),
        (
            "what time is it in gotham city right now",
            "I do not know where gotham city is. I know cities, countries and time zones.",
        ),
        ("what time is it in my city", "It is 10:00 on Friday 20 November 2026."),
        ("current pacific time", "In Pacific time it is 02:00 on Friday 20 November (8 h behind)."),
        ("which day is the fourth of july", "Sunday 4 July 2027, in 226 days."),
        ("how many days until christmas", "Friday 25 December 2026, in 35 days."),
        ("how many days until february 30", 'I did not understand "february 30" as a time.'),
        ("how many days until christmas 2028", "Monday 25 December 2028, in 766 days."),
        ("how long until midnight", "It is 14 h 0 min until tomorrow, Saturday 21 November, 00:00."),
    ],
)
def test_time(message: str, expected: str, now: datetime):
    assert zones.answer_time(message, now) == expected


def test_the_hour_that_summer_time_takes_is_not_counted():
    now = datetime(2026, 3, 28, 20, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    answer = zones.answer_time("how long until tomorrow 8 am", now)
    assert answer == "It is 11 h 0 min until tomorrow, Sunday 29 March, 08:00."


KNOWN = "I know cities, countries and time zones."


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("the time difference between rome and chicago", "11:00 in Rome is 04:00 in Chicago: 7 h behind."),
        ("difference between london uk and tokyo", "10:00 in London is 19:00 in Tokyo: 9 h ahead."),
        ("if it is noon in london what time is it in sydney", "12:00 in London is 23:00 in Sydney: 11 h ahead."),
        ("when it is eight am here what time is it in india", "08:00 here is 13:30 in India: 5 h 30 min ahead."),
        ("convert three p. m. eastern to pacific", "15:00 Eastern time is 12:00 Pacific time: 3 h behind."),
        ("what is nine pm tokyo time in my time zone", "21:00 in Tokyo is 12:00 here: 9 h behind."),
        ("eight pm here in sydney", "20:00 here is 07:00 in Sydney on the next day: 11 h ahead."),
        ("what time is it in berlin when it is 3 pm in xyzzy", f"I do not know where xyzzy is. {KNOWN}"),
        ("what time is it in tokyo when it is nine am in london", "09:00 in London is 18:00 in Tokyo: 9 h ahead."),
        (
            "what is 5 pm london time in utc plus 3",
            "I know places and the names of time zones, not how far they are from UTC.",
        ),
        ("convert 5 pm london time to mordor time", f"I do not know where mordor is. {KNOWN}"),
        ("time difference between london and minas tirith", f"I do not know where minas tirith is. {KNOWN}"),
        ("what is the time in tokyo in the morning", "09:00 here is 18:00 in Tokyo: 9 h ahead."),
        ("convert the time please", "Between which places? I know cities, countries and time zones."),
    ],
)
def test_conversion_of_time(message: str, expected: str, now: datetime):
    assert zones.convert_time(message, now) == expected
