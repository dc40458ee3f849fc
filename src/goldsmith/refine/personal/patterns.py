"""Personal data that has a form: addresses of mail and machines, numbers with and without checks.

Every pattern is tried only where the text has what it cannot do without (an "@", seven digits, a
colon), and repeats are bounded or cannot begin twice in one run, so that time is linear in the
text. A card, an account or an identity number must pass its check; a number counts as a telephone
number by its own form (country code, area code in brackets) or by a word beside it that says so.
Ids, ISBNs, years, dates and numbers of tables must not be eaten, so a bare group of digits without
such a word is left alone.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from goldsmith.refine.personal import checks


class Finding(NamedTuple):
    """Characters ``start``..``end`` are of a kind (`kinds`); ``score`` is 0 to 1."""

    start: int
    end: int
    kind: str
    score: float = 1.0


_EMAIL = re.compile(
    r"(?:\{[\w.+-]{1,64}(?:\s?[,;|]\s?[\w.+-]{1,64}){0,30}\}|(?<![\w.+%-])\w[\w.+%-]{0,63})"
    r"\s?@\s?(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"
)
_CARD = re.compile(r"(?<![\w.,+-])(?:\d[ -]?){11,18}\d(?![\w-]|[.,]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?=[ ]?[0-9A-Za-z]{4})")
_EXTENSION = r"(?:\s?(?:x|ext\.?|Ext\.?)\s?\d{1,5})?"
#: A number that is a telephone number by its form alone.
_FORMED = re.compile(
    r"(?<![\w./+(-])(?<!\d,)(?:"
    r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"  # +41 (0)96 471 07 95
    r"|\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}"  # (602)272-9781
    r"|\(0\d{1,4}\)[ .-]?\d{3,4}[ .-]?\d{3,4}"  # (08) 8747 6301
    r"|(?:00)?1-\d{3}-\d{3}-\d{4}"  # 001-518-640-0854
    r"|[2-9]\d{2}-[2-9]\d{2}-\d{4}"  # 780-999-2181
    r"|[2-9]\d{2}\.[2-9]\d{2}\.\d{4}"
    r"|0[1-9](?:[ .]\d{2}){4}"  # 03.93.92.16.85
    r")" + _EXTENSION + r"(?![\w-]|[.,]\d)"
)
_NUMBER = r"[+(]?\d[\d ().\-]{5,18}\d" + _EXTENSION + r"(?![\w]|[.,]\d)"
#: A number that is one because the words before it say so.
_CUE = re.compile(
    r"\b(?:(?:tele)?phone(?:\s(?:number|no\.?))?|tel\b\.?|telefono?|telefax|téléphone|fax|mobile"
    r"|mobil|cell(?:\sphone)?|desk|landline|hotline|whatsapp|sms|dial(?:led)?"
    r"|(?:call|ring|reach|phone)(?:ed)?(?:\s(?:me|us|him|her|them|at|on|back)){1,3}|answering at"
    r"|messages (?:to|at)|registered|(?:contact|my|his|her|our|your) (?:new )?number)"
    r"\s{0,4}(?:is|was|no\.?)?[:.#]?\s{0,4}(?:\(?(?:voice|office|home|work)\)?[:.]?\s?)?"
    r"(?P<number>" + _NUMBER + r")",
    re.IGNORECASE,
)
#: A number before a word that says so.
_AFTER = re.compile(
    r"(?<![\w./+(-])(?<!\d,)(?<!\d )(?<!\) )(?<!\))(?P<number>"
    + _NUMBER
    + r")(?=[ -]{0,2}\(?(?:office|fax|mobile|cell|home|work|desk"
    r"|tel|landline|voice)\b)",
    re.IGNORECASE,
)
_PHONE_WORDS = re.compile(
    r"phone|tel|fax|mobil|cell|desk|line|whatsapp|sms|dial|call|ring|reach|answering|messages"
    r"|registered|number|office|home|work|voice",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d\s?[-–/.]\s?(?:19|20)?\d\d|\d{1,2}[./]\d{1,2}[./](?:19|20)?\d\d$")
_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_HOST = re.compile(r"\bip\b|address|host|server|client|dns|proxy|gateway|ping|://", re.IGNORECASE)
_V6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_MAC = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})(?![\w:-])"
)
_LOGIN = re.compile(r"(?<=://)[^\s/@:]{1,64}:[^\s/@]{1,64}(?=@[\w.-])")
_URL = re.compile(
    r"(?:https?://|(?<![\w.])www\.)[^\s<>\"'\u00ab\u00bb\u201c\u201d|]{3,2000}", re.IGNORECASE
)
_BORN = re.compile(
    r"\b(?:date of birth|birth ?date|d\.?o\.?b\b\.?|born(?: on)?|geboren(?: am)?|geb\.|n[ée]e? le"
    r"|nato il|geburtsdatum)(?: is)?\s?:?\s{0,4}"
    r"(?P<date>\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}-\d{2}-\d{2}"
    r"|\d{1,2}(?:st|nd|rd|th|\.)? [^\W\d_]{3,9},? \d{4}"
    r"|[^\W\d_]{3,9} \d{1,2}(?:st|nd|rd|th)?,? \d{4})(?!\w)",
    re.IGNORECASE,
)
#: Identity numbers that their form and check give away.
_IDENTITY = re.compile(
    r"(?<![\w.,/-])(?:"
    r"(?P<us_ssn>\d{3}-\d{2}-\d{4})"
    r"|(?P<nino>[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d{2} \d{2} \d{2} [A-D])"
    r"|(?P<nir>[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2})"
    r"|(?P<codice_fiscale>[A-Z]{6}[\dL-V]{2}[A-EHLMPRST][\dL-V]{2}[A-Z][\dL-V]{3}[A-Z])"
    r"|(?P<cpf>\d{3}\.\d{3}\.\d{3}-\d{2})"
    r"|(?P<hetu>\d{6}[-+A]\d{3}[0-9A-Y])"
    r"|(?P<ahv>756\.\d{4}\.\d{4}\.\d{2})"
    r")(?![\w-]|[.,]\d)"
)
#: Identity numbers that need a word before them.
_NAMED = re.compile(
    r"\b(?:(?P<us_ssn>ssn|social security)|(?P<nhs>nhs)|(?P<nino>nino|national insurance)"
    r"|(?P<steuer_id>steuer-?(?:id\b|identifikations)|idnr|tax id)|(?P<nir>nir\b|sécurité sociale)"
    r"|(?P<dni>d\.?n\.?i|nie|nif)|(?P<codice_fiscale>codice fiscale)|(?P<aadhaar>aadhaa?r)"
    r"|(?P<pan>pan)|(?P<cpf>cpf)|(?P<bsn>bsn|burgerservice)|(?P<pesel>pesel)"
    r"|(?P<sin>sin|social insurance)|(?P<tfn>tfn|tax file)"
    r"|(?P<personnummer>personnummer|personal identity number))\b[^\d\n]{0,24}?"
    r"(?P<id>(?-i:\b(?:[A-Z]{1,6}[ -]?)?\d[\dA-Z .-]{4,20}))",
    re.IGNORECASE,
)
_CHECKS: dict[str, Callable[[str], bool]] = {
    "us_ssn": checks.is_us_ssn, "nhs": checks.is_nhs, "nino": checks.is_nino,
    "steuer_id": checks.is_steuer_id, "nir": checks.is_nir, "dni": checks.is_dni,
    "codice_fiscale": checks.is_codice_fiscale, "aadhaar": checks.is_aadhaar,
    "pan": checks.is_pan, "cpf": checks.is_cpf, "bsn": checks.is_bsn, "pesel": checks.is_pesel,
    "hetu": checks.is_hetu, "ahv": checks.is_ahv, "personnummer": checks.is_personnummer,
    "sin": checks.is_sin, "tfn": checks.is_tfn,
}  # fmt: skip
_PAPERS = re.compile(
    r"\b(?:(?P<licence>driv(?:er|ing)['’]?s?[ -]licen[cs]e)|(?P<passport>passport))"
    r"(?: (?:number|no\.?|id|is|#)){0,3}\s?[:#]?\s?(?P<id>[A-Z]{0,3}\d{5,14}[A-Z]{0,2})(?!\w)",
    re.IGNORECASE,
)
_SEVEN = re.compile(r"(?:\d\D*?){7}")
_DIGIT = re.compile(r"\d")


def patterned(text: str, prose: bool = True) -> list[Finding]:
    """Return what has a form, in order and apart; what has passed a check goes first.

    Outside prose (tables, equations, code) a telephone number needs a word that says it is one.
    """
    found: list[Finding] = []
    if "@" in text:
        if "://" in text:
            found += (Finding(*m.span(), "credentials") for m in _LOGIN.finditer(text))
        found += (Finding(*m.span(), "e-mail") for m in _EMAIL.finditer(text))
    digits = len(_DIGIT.findall(text)) if _DIGIT.search(text) else 0
    if digits >= 4:
        found += _numbers(text, prose, digits)
    if "://" in text or "www." in text:
        found += (_url(text, m) for m in _URL.finditer(text))
    if text.count(":") >= 2 or text.count("-") >= 5:
        found += _machines(text)
    return apart(found) if len(found) > 1 else found


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order without those that overlap an earlier one of the list."""
    result: list[Finding] = []
    for finding in findings:
        at = bisect_left(result, finding)
        before = result[at - 1].end if at else 0
        after = result[at].start if at < len(result) else finding.end
        if before <= finding.start and finding.end <= after:
            result.insert(at, finding)
    return result


def is_phone(text: str) -> bool:
    """Whether the text has as many digits as a telephone number and is no date or range."""
    base = re.split(r"[xeE]", text)[0]
    if base.count("(") != base.count(")"):
        return False
    return 7 <= len(checks.digits_of(base)) <= 15 and _DATE.match(base.strip()) is None


def _numbers(text: str, prose: bool, digits: int) -> Iterator[Finding]:
    if digits >= 12:
        for match in _CARD.finditer(text):
            if checks.is_card(match.group()):
                yield Finding(*match.span(), "card")
        for match in _IBAN.finditer(text):
            end = _iban_end(text, match.start())
            if end:
                yield Finding(match.start(), end, "iban")
    if digits >= 7:
        for match in _IDENTITY.finditer(text) if prose else ():
            if match.lastgroup and _CHECKS[match.lastgroup](match.group()):
                yield Finding(*match.span(), "national id")
    for match in _NAMED.finditer(text):
        yield from _named(match)
    for match in _PAPERS.finditer(text):
        yield Finding(*match.span("id"), "driver licence" if match["licence"] else "passport")
    if digits < 7:
        yield from _births(text)
        yield from _v4(text)
        return
    if _PHONE_WORDS.search(text):
        for pattern in (_CUE, _AFTER):
            for match in pattern.finditer(text):
                if is_phone(match["number"]):
                    yield Finding(*match.span("number"), "phone", 0.9)
    yield from _v4(text)
    if prose:
        for match in _FORMED.finditer(text):
            if is_phone(match.group()):
                yield Finding(*match.span(), "phone", 0.8)
    yield from _births(text)


def _births(text: str) -> Iterator[Finding]:
    for match in _BORN.finditer(text):
        yield Finding(*match.span("date"), "date of birth", 0.9)


def _v4(text: str) -> Iterator[Finding]:
    """Public addresses; small numbers alone are a section or an enzyme unless a word says so."""
    if text.count(".") < 3:
        return
    for match in _V4.finditer(text):
        parts = match.group().split(".")
        if any(len(part) > 1 and part[0] == "0" for part in parts) or max(map(int, parts)) > 255:
            continue
        told = max(map(int, parts)) > 63 or _HOST.search(
            text, max(0, match.start() - 30), match.start()
        )
        if told and not ipaddress.IPv4Address(match.group()).is_private:
            yield Finding(*match.span(), "ip")


def _named(match: re.Match[str]) -> Iterator[Finding]:
    """The longest part of what follows the word that passes the word's check."""
    name = next(key for key, value in match.groupdict().items() if value and key != "id")
    at, text = match.start("id"), match["id"]
    first_digit = next(index for index, character in enumerate(text) if character.isdecimal())
    for start in dict.fromkeys((0, first_digit)):
        for end in range(len(text), start + 7, -1):
            whole = text[end - 1].isalnum() and not text[end : end + 1].isalnum()
            if whole and _CHECKS[name](text[start:end]):
                yield Finding(at + start, at + end, "national id")
                return


def _iban_end(text: str, start: int) -> int:
    """Where the account number that begins at ``start`` ends; 0 if it is none."""
    need = checks.IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    at = start
    while need and at < len(text):
        if text[at].isascii() and text[at].isalnum():
            need -= 1
        elif text[at] != " ":
            return 0
        at += 1
    right = at > start and need == 0 and not text[at : at + 1].isalnum()
    return at if right and checks.is_iban(text[start:at]) else 0


def _url(text: str, match: re.Match[str]) -> Finding:
    start, end = match.span()
    while end > start + 1 and text[end - 1] in ".,;:!?)]}'*":
        if text[end - 1] == ")" and "(" in text[start:end]:
            break
        end -= 1
    return Finding(start, end, "url")


def _machines(text: str) -> Iterator[Finding]:
    for match in _MAC.finditer(text):
        yield Finding(*match.span(), "mac")
    if "::" in text or text.count(":") >= 7:
        for match in _V6.finditer(text):
            groups = [group for group in match.group().split(":") if group]
            if (
                len(groups) >= 3
                and any(c.isdigit() for c in match.group())
                and _is_v6(match.group())
            ):
                yield Finding(*match.span(), "ip")


def _is_v6(text: str) -> bool:
    try:
        return not ipaddress.IPv6Address(text).is_private
    except ipaddress.AddressValueError:
        return False
