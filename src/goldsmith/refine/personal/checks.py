"""Check digits: whether a number can be what its form says.

Each function takes the number as written, spaces and marks included, and says yes or no; none
raises on odd input. Sources are the issuers' published rules: ISO/IEC 7812 (cards), ISO 13616 with
the lengths of the SWIFT registry (IBAN), and the national offices for the rest.
"""

from __future__ import annotations

import re

#: First digits and lengths that issuers use: Visa, Mastercard, Amex, Diners, Discover, JCB,
#: Maestro.
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|(?:2131|1800)\d{11}|(?:50|5[6-9]|6[0-9])\d{10,17}"
)
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24,
    "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31,
    "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_NOT_ALNUM = re.compile(r"[^0-9A-Za-z]")


def compact(text: str) -> str:
    """Return the ASCII letters, as capitals, and digits alone."""
    return _NOT_ALNUM.sub("", text).upper()


def digits_of(text: str) -> list[int]:
    return [int(character) for character in text if character in "0123456789"]


def luhn(text: str) -> bool:
    """Whether the digits pass Luhn's check (mod 10)."""
    digits = digits_of(text)
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return bool(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_card(text: str) -> bool:
    """Whether the digits begin as an issuer's do and pass Luhn's check."""
    digits = digits_of(text)
    if _ISSUER.fullmatch("".join(map(str, digits))) is None or len(set(digits)) < 2:
        return False
    return luhn(text)


def is_iban(text: str) -> bool:
    """Whether the country, the length for it and the check digits (mod 97) agree."""
    number = compact(text)
    if IBAN_LENGTHS.get(number[:2]) != len(number) or not number[2:4].isdecimal():
        return False
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


def is_us_ssn(text: str) -> bool:
    """Area neither 000, 666 nor 9xx, group not 00, serial not 0000; no known fake."""
    number = compact(text)
    if len(number) != 9 or not number.isdecimal():
        return False
    area, group, serial = number[:3], number[3:5], number[5:]
    wrong = area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000"
    return (
        not wrong and number not in ("078051120", "219099999", "123456789") and len(set(number)) > 1
    )


def is_nhs(text: str) -> bool:
    """United Kingdom, health service: ten digits, weights 10 to 2, mod 11."""
    d = digits_of(text)
    if len(d) != 10 or len(set(d)) == 1:
        return False
    check = 11 - sum(w * n for w, n in zip(range(10, 1, -1), d, strict=False)) % 11
    return check != 10 and check % 11 == d[9]


def is_nino(text: str) -> bool:
    """United Kingdom, national insurance: two letters, six digits, A to D."""
    number = compact(text)
    return re.fullmatch(
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]", number
    ) is not None and number[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def is_steuer_id(text: str) -> bool:
    """Germany: eleven digits, one repeated two or three times, ISO 7064 mod 11,10."""
    d = digits_of(text)
    if len(d) != 11 or d[0] == 0:
        return False
    counts = sorted((d[:10].count(n) for n in set(d[:10])), reverse=True)
    if counts[0] not in (2, 3) or (len(counts) > 1 and counts[1] > 1):
        return False
    product = 10
    for digit in d[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == d[10]


def is_nir(text: str) -> bool:
    """France: sex, year, month, place and order, with key 97 - n mod 97; Corsica has 2A and 2B."""
    number = compact(text)
    if re.fullmatch(r"[12]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2A|2B)\d{6}\d{2}", number) is None:
        return False
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(body) % 97 == int(number[13:])


def is_dni(text: str) -> bool:
    """Spain, DNI and NIE: the letter follows from the number mod 23."""
    number = compact(text)
    if re.fullmatch(r"(?:\d{8}|[XYZ]\d{7})[A-Z]", number) is None:
        return False
    body = number[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == number[-1]


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
         6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def is_codice_fiscale(text: str) -> bool:
    """Italy: sixteen characters, the last a letter from odd and even places mod 26."""
    number = compact(text)
    if (
        re.fullmatch(r"[A-Z]{6}[\dL-V]{2}[A-EHLMPRST][\dL-V]{2}[A-Z][\dL-V]{3}[A-Z]", number)
        is None
    ):
        return False
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in number[1:15:2])
    return chr(65 + (even + sum(_ODD[c] for c in number[0:15:2])) % 26) == number[15]


_VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321",
    "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_TURNS = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901",
    "2793806415", "7046913258",
)  # fmt: skip


def is_aadhaar(text: str) -> bool:
    """India: twelve digits, the first 2 to 9, Verhoeff's check."""
    d = digits_of(text)
    if len(d) != 12 or d[0] < 2:
        return False
    check = 0
    for place, digit in enumerate(reversed(d)):
        check = int(_VERHOEFF[check][int(_TURNS[place % 8][digit])])
    return check == 0


def is_pan(text: str) -> bool:
    """India, tax: five letters (the fourth a sort of holder), four digits, a letter; no check."""
    return re.fullmatch(r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", compact(text)) is not None


def is_cpf(text: str) -> bool:
    """Brazil: eleven digits, two checks mod 11."""
    d = digits_of(text)
    if len(d) != 11 or len(set(d)) == 1:
        return False
    for length in (9, 10):
        rest = sum((length + 1 - i) * n for i, n in enumerate(d[:length])) * 10 % 11 % 10
        if rest != d[length]:
            return False
    return True


def is_bsn(text: str) -> bool:
    """Netherlands: nine digits, weights 9 to 2 and -1, mod 11."""
    d = digits_of(text)
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return len(d) == 9 and any(d) and sum(w * n for w, n in zip(weights, d, strict=True)) % 11 == 0


def is_pesel(text: str) -> bool:
    """Poland: eleven digits with a date, weights 1 3 7 9, mod 10."""
    d = digits_of(text)
    if len(d) != 11 or not 1 <= (d[2] * 10 + d[3]) % 20 <= 12 or not 1 <= d[4] * 10 + d[5] <= 31:
        return False
    total = sum(w * n for w, n in zip((1, 3, 7, 9, 1, 3, 7, 9, 1, 3), d[:10], strict=True))
    return (10 - total % 10) % 10 == d[10]


def is_personnummer(text: str) -> bool:
    """Sweden: date and four digits, Luhn over the last ten."""
    d = digits_of(text)[-10:]
    dated = len(d) == 10 and 1 <= d[2] * 10 + d[3] <= 12 and 1 <= (d[4] * 10 + d[5]) % 60 <= 31
    return dated and luhn("".join(map(str, d)))


def is_hetu(text: str) -> bool:
    """Finland: date, a mark of the century, three digits, a sign from the number mod 31."""
    match = re.fullmatch(r"(\d{6})[-+A-FU-Y](\d{3})([0-9A-Z])", text.upper())
    if match is None or not 1 <= int(text[:2]) <= 31 or not 1 <= int(text[2:4]) <= 12:
        return False
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(match[1] + match[2]) % 31] == match[3]


def is_ahv(text: str) -> bool:
    """Switzerland: thirteen digits from 756, the check of EAN-13."""
    d = digits_of(text)
    if len(d) != 13 or d[:3] != [7, 5, 6]:
        return False
    return (sum(d[0::2]) + 3 * sum(d[1::2])) % 10 == 0


def is_sin(text: str) -> bool:
    """Canada: nine digits, not from 0 or 8, Luhn."""
    d = digits_of(text)
    return len(d) == 9 and d[0] not in (0, 8) and luhn(text)


def is_tfn(text: str) -> bool:
    """Australia, tax: nine digits, weights 1 4 3 7 5 8 6 9 10, mod 11."""
    d = digits_of(text)
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10)
    return len(d) == 9 and any(d) and sum(w * n for w, n in zip(weights, d, strict=True)) % 11 == 0
