"""What the English normaliser knows by heart: abbreviations, units, currencies, signs, names with Roman numerals."""

from __future__ import annotations

import re

from synth.text.symbols import listed

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

SIGNS = str.maketrans(
    {
        "‘": "'", "’": "'", "ʼ": "'", "′": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "″": '"', "«": '"',
        "»": '"', "—": " -- ", "―": " -- ", "–": "-", "‐": "-", "‑": "-", "‒": "-", "−": "-", "•": ", ", "·": " ",
        "™": "", "®": "", "©": " copyright ", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3",
        "µ": "u", "μ": "u", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d",
        "Đ": "D", "ł": "l", "Ł": "L", "ð": "d", "þ": "th", "Þ": "Th", "ı": "i", "α": " alpha ", "β": " beta ",
        "γ": " gamma ", "δ": " delta ", "ε": " epsilon ", "θ": " theta ", "λ": " lambda ", "π": " pi ", "σ": " sigma ",
        "φ": " phi ", "ω": " omega ", "Δ": " delta ", "Σ": " sigma ", "Ω": "Ω", "…": "…", "⋯": "…", "‥": "…",
        "²": "²", "³": "³", "℃": "°C", "℉": "°F", "№": "No. ", "～": "~", "〜": "~", "（": "(", "）": ")",
    }
)  # fmt: skip
"""Signs to the form in which the rules know them."""

SAID_SIGNS = {
    "&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by",
    "±": "plus or minus", "°": "degrees", "€": "euros", "£": "pounds", "¥": "yen", "₹": "rupees", "$": "dollars",
    "¢": "cents", "§": "section", "²": "squared", "³": "cubed", "Ω": "ohms", "~": "about", "√": "square root of",
    "≈": "approximately equals", "≤": "less than or equal to", "≥": "greater than or equal to", "≠": "is not equal to",
    "∞": "infinity", "^": "to the power of",
}  # fmt: skip
"""What is said for a sign that no longer rule has taken."""

ADDRESS_SIGNS = {
    "@": "at", ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals",
    "&": "and", "#": "hash", ":": "colon", "+": "plus", "%": "percent",
}  # fmt: skip
DOMAINS = ("com", "org", "net", "edu", "gov", "io", "ai", "co", "uk", "de", "fr", "info", "dev", "app")

TITLES = {
    "mr": "Mister", "mrs": "Missus", "ms": "Miz", "prof": "Professor", "rev": "Reverend", "hon": "Honorable",
    "gen": "General", "col": "Colonel", "capt": "Captain", "lt": "Lieutenant", "sgt": "Sergeant", "sen": "Senator",
    "rep": "Representative", "gov": "Governor", "pres": "President", "maj": "Major", "cmdr": "Commander",
    "mt": "Mount", "ft": "Fort", "messrs": "Messers", "mme": "Madam", "mlle": "Mademoiselle",
}  # fmt: skip

ABBREVIATIONS = {
    "jr": "Junior", "sr": "Senior", "vs": "versus", "etc": "et cetera", "approx": "approximately", "dept": "department",
    "est": "established", "inc": "Incorporated", "ltd": "Limited", "co": "Company", "corp": "Corporation",
    "ave": "Avenue", "blvd": "Boulevard", "rd": "Road", "hwy": "Highway", "apt": "apartment", "vol": "volume",
    "fig": "figure", "ch": "chapter", "pp": "pages", "ed": "edition", "bros": "Brothers", "assn": "Association",
    "univ": "University", "govt": "government", "tel": "telephone", "misc": "miscellaneous", "temp": "temperature",
    "min": "minutes", "max": "maximum", "hrs": "hours", "cf": "compare", "viz": "namely", "al": "al",
    "jan": "January", "feb": "February", "mar": "March", "apr": "April", "aug": "August", "sept": "September",
    "sep": "September", "oct": "October", "nov": "November", "dec": "December", "mon": "Monday", "tues": "Tuesday",
    "wed": "Wednesday", "thurs": "Thursday", "thu": "Thursday", "fri": "Friday", "mr": "Mister", "mrs": "Missus",
    "ms": "Miz", "prof": "Professor", "gen": "General", "gov": "Governor",
}  # fmt: skip
"""Only with their dot. Words that are also words ("no", "sun", "sat", "art") are left out."""

DOTTED = {
    "e.g": "for example", "i.e": "that is", "a.k.a": "also known as",
}  # fmt: skip

_PLAIN_UNITS = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "m": "meter", "kg": "kilogram",
    "mg": "milligram", "g": "gram", "lb": "pound", "lbs": "pound", "oz": "ounce", "mi": "mile", "yd": "yard",
    "ml": "milliliter", "mL": "milliliter", "L": "liter", "l": "liter", "gal": "gallon", "tbsp": "tablespoon",
    "tsp": "teaspoon", "min": "minute", "mins": "minute", "sec": "second", "secs": "second", "s": "second",
    "ms": "millisecond", "us": "microsecond", "ns": "nanosecond", "h": "hour", "hr": "hour", "hrs": "hour",
    "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "kW": "kilowatt",
    "MW": "megawatt", "GW": "gigawatt", "W": "watt", "V": "volt", "mV": "millivolt", "kV": "kilovolt", "mA": "milliamp",
    "mAh": "milliamp hour", "kWh": "kilowatt hour", "J": "joule", "kJ": "kilojoule", "kcal": "kilocalorie",
    "cal": "calorie", "px": "pixel", "Mbps": "megabit per second", "Gbps": "gigabit per second", "ha": "hectare",
    "acre": "acre", "yr": "year", "yrs": "year", "mo": "month", "dpi": "dot per inch", "fps": "frame per second",
    "°C": "degree Celsius", "°F": "degree Fahrenheit", "° C": "degree Celsius", "° F": "degree Fahrenheit",
    "°": "degree", "Ω": "ohm", "kΩ": "kiloohm",
}  # fmt: skip
_SAME = {
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "dB": "decibels", "rpm": "R P M",
    "%": "percent", "mph": "miles per hour", "bpm": "beats per minute", "psi": "P S I", "ppm": "parts per million",
}  # fmt: skip


def _plural_unit(unit: str) -> str:
    head, _, tail = unit.partition(" per ")
    first, *rest = head.split(" ")
    joined = f"{first}s {' '.join(rest)}".strip() if first == "degree" else f"{head}s"
    return joined + (f" per {tail}" if tail else "")


UNITS: dict[str, tuple[str, str]] = {
    **{sign: (unit, _plural_unit(unit)) for sign, unit in _PLAIN_UNITS.items()},
    **{sign: (unit, unit) for sign, unit in _SAME.items()},
    "mph": ("mile per hour", "miles per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "m/s": ("meter per second", "meters per second"),
    "ft": ("foot", "feet"),
    "sq ft": ("square foot", "square feet"),
    "km²": ("square kilometer", "square kilometers"),
    "m²": ("square meter", "square meters"),
    "cm²": ("square centimeter", "square centimeters"),
    "m³": ("cubic meter", "cubic meters"),
    "cm³": ("cubic centimeter", "cubic centimeters"),
    "ft²": ("square foot", "square feet"),
}
"""Unit sign directly behind a number: said for one, said for several."""

CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("U S dollar", "U S dollars", "cent", "cents"),
    "USD": ("U S dollar", "U S dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "JPY": ("yen", "yen", "", ""),
    "CNY": ("yuan", "yuan", "", ""),
    "₹": ("rupee", "rupees", "", ""),
    "INR": ("rupee", "rupees", "", ""),
}
MONEY_SCALES = {
    "thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion", "k": "thousand",
    "m": "million", "mn": "million", "b": "billion", "bn": "billion", "tn": "trillion",
}  # fmt: skip

NOT_COUNTED = frozenset(
    listed(
        "was is has does his its this thus always perhaps across towards versus as us yes plus series news "
        "besides afterwards unless comes saw sees goes"
    )
)
"""Words in -s that are not plurals: a year may stand before them."""

REGNAL = (
    "Henry", "Louis", "George", "Edward", "Charles", "Elizabeth", "James", "William", "Richard", "Philip", "Pius",
    "Paul", "Benedict", "Napoleon", "Nicholas", "Alexander", "Catherine", "Frederick", "Leo", "Gregory", "Innocent",
    "Ferdinand", "Francis", "Rameses", "Ramses", "Ptolemy", "Otto", "Leopold", "Gustav", "Ivan", "Peter", "Clement",
)  # fmt: skip
"""Names behind which a Roman numeral is an ordinal: "Henry the eighth"."""
COUNTED_IN_ROMAN = (
    "Chapter", "chapter", "Part", "part", "Section", "section", "Book", "Act", "Scene", "Volume", "volume", "Phase",
    "phase", "War", "Type", "type", "Class", "class", "Title", "Article", "article", "Stage", "stage", "Level",
    "Appendix", "appendix", "Figure", "figure", "Table", "table", "Bowl", "Mark", "Episode", "Round", "Unit",
    "Lesson", "Canto", "Apollo", "Gemini", "Elements", "Rocky", "Windows",
)  # fmt: skip
"""Words behind which a Roman numeral is a number: "World War two"."""

_ROMAN = re.compile(r"(X{0,3}|XL|L)(IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}


def roman(text: str) -> int | None:
    """1 to 59, or None where the letters are no Roman numeral."""
    if not text or not _ROMAN.fullmatch(text):
        return None
    values = [_VALUES[letter] for letter in text]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)
