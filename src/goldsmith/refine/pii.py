"""E-mail addresses, telephone numbers and payment cards in running text.

Patterns with validators, and no model: a card must pass Luhn's check and begin as cards do; a
number counts as a telephone number by its own form (country code, area code in brackets) or by a
word before it that says so. Ids, ISBNs, years, dates and numbers of tables must not be eaten, so a
bare group of digits without such a word is left alone.
"""

from __future__ import annotations

import re

from goldsmith.refine.segments import Edit

_EMAIL = re.compile(
    r"(?:\{[\w.+-]+(?:\s?[,;|]\s?[\w.+-]+)*\}|[\w][\w.+%-]*)\s?@\s?(?:[\w-]+\.)+[A-Za-z]{2,24}\b"
)
_CARD = re.compile(r"(?<![\w.,+-])(?:\d[ -]?){11,18}\d(?![\w-]|[.,]\d)")
_EXTENSION = r"(?:\s?(?:x|ext\.?|Ext\.?)\s?\d{1,5})?"
#: A number that is a telephone number by its form alone.
_FORMED = re.compile(
    r"(?<![\w.,/+(-])(?:"
    r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"  # +41 (0)96 471 07 95
    r"|\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}"  # (602)272-9781
    r"|(?:00)?1-\d{3}-\d{3}-\d{4}"  # 001-518-640-0854
    r"|[2-9]\d{2}-[2-9]\d{2}-\d{4}"  # 780-999-2181
    r"|[2-9]\d{2}\.[2-9]\d{2}\.\d{4}"
    r"|0[1-9](?:[ .]\d{2}){4}"  # 03.93.92.16.85
    r")" + _EXTENSION + r"(?![\w-]|[.,]\d)"
)
#: A number that is one because the words before it say so.
_CUE = re.compile(
    r"(?:\b(?:tele)?phone(?:\s(?:number|no\.?))?|\btel\b\.?|\btelefon|\btelefax|\bfax|\bmobile"
    r"|\bmobil|\bcell(?:\sphone)?|\bdesk|\bhotline|\bwhatsapp|\bcall(?:\s(?:me|us|at|on))+"
    r"|\banswering at|\bmessages (?:to|at)|\bregistered)"
    r"\s*[:.]?\s*(?:\(?(?:voice|office|home|work)\)?[:.]?\s*)?"
    r"(?P<number>[+(]?\d[\d ().\-]{5,18}\d" + _EXTENSION + r")(?![\w-]|[.,]\d)",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d")
_DATE = re.compile(r"(?:19|20)\d\d\s?[-–/.]\s?(?:19|20)?\d\d|\d{1,2}[./]\d{1,2}[./](?:19|20)?\d\d$")
#: First digits and lengths that issuers use: Visa, Mastercard, Amex, Diners, Discover, JCB,
#: Maestro.
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|(?:2131|1800)\d{11}|(?:50|5[6-9]|6[0-9])\d{10,17}"
)


def pii_edits(text: str, prose: bool) -> list[Edit]:
    """Return the edits that put [EMAIL], [CARD] and [PHONE] in the place of what they name.

    Outside prose (tables, equations, code) a telephone number needs a word that says it is one.
    """
    found: list[Edit] = []
    if "@" in text:
        for match in _EMAIL.finditer(text):
            found.append(Edit(match.start(), match.end(), "[EMAIL]", "e-mail"))
    if len(_DIGITS.findall(text)) >= 7:
        for match in _CARD.finditer(text):
            if is_card(match.group()):
                found.append(Edit(match.start(), match.end(), "[CARD]", "card"))
        for match in _CUE.finditer(text):
            if is_phone(match.group("number")):
                found.append(Edit(*match.span("number"), "[PHONE]", "phone"))
        if prose:
            for match in _FORMED.finditer(text):
                if is_phone(match.group()):
                    found.append(Edit(match.start(), match.end(), "[PHONE]", "phone"))
    return apart(found)


def is_card(text: str) -> bool:
    """Whether the digits begin as an issuer's do and pass Luhn's check."""
    digits = [int(character) for character in text if character.isdecimal()]
    if _ISSUER.fullmatch("".join(map(str, digits))) is None or len(set(digits)) < 3:
        return False
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_phone(text: str) -> bool:
    """Whether the text has as many digits as a telephone number and is no date or range."""
    base = re.split(r"[xeE]", text)[0]
    return 7 <= len(_DIGITS.findall(base)) <= 15 and _DATE.match(base.strip()) is None


def apart(edits: list[Edit]) -> list[Edit]:
    """Return edits in order without those that overlap an earlier (or as early but longer) one."""
    result: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end, edit.rule)):
        if not result or edit.start >= result[-1].end:
            result.append(edit)
    return result
