"""English text as it is spoken, case by case."""

from __future__ import annotations

import pytest

from synth.text.english_lexicon import known
from synth.text.english_normalise import normalise

CASES = {
    "numbers": [
        ("1,234,567 stars", "one million two hundred thirty four thousand five hundred sixty seven stars"),
        ("007", "zero zero seven"),
        ("3.14159", "three point one four one five nine"),
        (".5 and 0.5", "point five and zero point five"),
        ("-5 or 3-5", "minus five or three to five"),
        ("7 - 3 = 4", "seven minus three equals four"),
        ("2 1/2 cups, 3/4 done", "two and a half cups, three quarters done"),
        ("5 x 3 and 5 × 3", "five by three and five times three"),
        ("the 21st, 2nd, 112th", "the twenty first, second, one hundred twelfth"),
        ("v3.2.1", "version three point two point one"),
        ("100k views", "one hundred thousand views"),
        ("1.5M copies, 2bn people", "one point five million copies, two billion people"),
        ("24/7 and 9/11", "twenty four seven and nine eleven"),
        ("a 3:1 lead", "a three to one lead"),
        ("#1 of No. 7", "number one of number seven"),
    ],
    "years and dates": [
        ("In 1984, 2024 and 2005.", "In nineteen eighty four, twenty twenty four and two thousand five."),
        ("1500 dogs in 1500", "one thousand five hundred dogs in fifteen hundred"),
        ("1990-95 and 1914-1918", "nineteen ninety to ninety five and nineteen fourteen to nineteen eighteen"),
        ("the 1990s, the '80s, the 1800s", "the nineteen nineties, the eighties, the eighteen hundreds"),
        ("2001-09-11", "September eleventh, two thousand one"),
        ("25/12/2020 and 12/25/20", "December twenty fifth, twenty twenty and December twenty fifth, twenty twenty"),
        ("Jan. 5 and the 3rd of May", "January fifth and the third of May"),
        ("March 2020", "March twenty twenty"),
    ],
    "times": [
        ("10:30", "ten thirty"),
        ("7:00 and 7:05 and 13:00", "seven o'clock and seven oh five and thirteen hundred"),
        ("7 a.m. to 5pm", "seven A M to five P M"),
        ("at 12:15 p.m.", "at twelve fifteen P M."),
        ("1:02:03", "one oh two and three seconds"),
    ],
    "money": [
        ("$1", "one dollar"),
        ("$0.50, $2.05", "fifty cents, two dollars and five cents"),
        ("£3.01 or 20€", "three pounds and one penny or twenty euros"),
        ("$1.5 billion, $5M, ¥300", "one point five billion dollars, five million dollars, three hundred yen"),
        ("-$5", "minus five dollars"),
        ("50¢", "fifty cents"),
    ],
    "measures": [
        ("1 km, 2 km", "one kilometer, two kilometers"),
        ("a 5-km run and a 2 TB disk", "a five kilometer run and a two terabyte disk"),
        ("70 mph, 5km/h", "seventy miles per hour, five kilometers per hour"),
        ("-5°C, 98.6 °F, 90°", "minus five degrees Celsius, ninety eight point six degrees Fahrenheit, ninety degrees"),
        ("5'10\"", "five foot ten"),
        ("20 m², 100%", "twenty square meters, one hundred percent"),
        ("10-20 kg", "ten to twenty kilograms"),
        ("3 lbs. of beef, 6 ft. tall", "three pounds of beef, six feet tall"),
    ],
    "abbreviations": [
        ("Dr. Who vs. Mr. T.", "Doctor Who versus Mister T."),
        ("St. John St. is long.", "Saint John Street is long."),
        ("Dogs, cats, etc. Then more.", "Dogs, cats, et cetera Then more."),
        ("e.g. this, i.e. that", "for example this, that is that"),
        ("the U.S.A. and a Ph.D.", "the U S A and a P H D."),
    ],
    "Roman numerals": [
        ("Henry VIII, Louis XIV", "Henry the eighth, Louis the fourteenth"),
        ("World War II, Part I, Chapter XLII", "World War two, Part one, Chapter forty two"),
        ("I saw Vic. MIX it.", "I saw Vic. mix it."),
    ],
    "capitals": [
        ("the FBI, NASA and IT", "the F B I, nasa and I T"),
        ("OpenAI's iPhone", "Open A I's iPhone"),
        ("That is SO good", "That is so good"),
        ("THE MAN IN THE HOUSE", "THE MAN IN THE HOUSE"),
        ("two GPUs", "two G P U's"),
        ("COVID-19, MP3, 5G, H2O, A380", "covid nineteen, M P three, five G, H two O, A three eighty"),
        ("A dog. Vitamin A. Plan A is it. A is for apple.", "a dog. Vitamin A. Plan A is it. A is for apple."),
    ],
    "signs": [
        ("a@b.org", "a at b dot org"),
        ("see https://x.org/a-b.", "see x dot org slash a dash b."),
        ("R&D, +5, 2^3", "R and D, plus five, two to the power of three"),
        ("Wi-Fi is well-known", "wifi is well known"),
        ("either/or, his/her", "either or, his slash her"),
        ("α and π", "alpha and pi"),
        ("naïve Straße Łódź", "naive Strasse Lodz"),
    ],
    "marks": [
        ("Wait; here: now", "Wait, here, now"),
        ("“Don’t,” she said—quietly…", "Don't, she said, quietly…"),
        ("one (two) three.", "one, two, three."),
        ("What?! No!!! Well...", "What? No! Well…"),
        ("你好，world。", ", world."),
        ("Title\nText", "Title. Text"),
        ("rock 'n' roll, the dogs' 'quote'", "rock 'n roll, the dogs quote"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("text", "spoken"), [case for cases in CASES.values() for case in cases])
def test_spoken_form(text: str, spoken: str) -> None:
    assert normalise(text, known) == spoken
