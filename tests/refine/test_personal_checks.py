"""Check digits against numbers whose truth is known from outside: examples of the issuers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from goldsmith.refine.personal import checks

#: Valid numbers: the issuers' published examples, and test numbers of payment services.
TRUE: list[tuple[Callable[[str], bool], str]] = [
    (checks.is_card, "4111 1111 1111 1111"),
    (checks.is_card, "5555555555554444"),
    (checks.is_card, "378282246310005"),
    (checks.is_iban, "GB82 WEST 1234 5698 7654 32"),
    (checks.is_iban, "DE89370400440532013000"),
    (checks.is_iban, "NO9386011117947"),
    (checks.is_iban, "MT84MALT011000012345MTLCAST001S"),
    (checks.is_us_ssn, "460-89-9847"),
    (checks.is_nhs, "943 476 5919"),
    (checks.is_nino, "AB 12 34 56 C"),
    (checks.is_steuer_id, "86095742719"),
    (checks.is_nir, "2 55 08 14 168 025 38"),
    (checks.is_nir, "255081416802538"),
    (checks.is_dni, "12345678Z"),
    (checks.is_dni, "X1234567L"),
    (checks.is_codice_fiscale, "RSSMRA85T10A562S"),
    (checks.is_aadhaar, "2341 2341 2346"),
    (checks.is_pan, "ABCPE1234F"),
    (checks.is_cpf, "529.982.247-25"),
    (checks.is_bsn, "111222333"),
    (checks.is_pesel, "44051401359"),
    (checks.is_personnummer, "811218-9876"),
    (checks.is_hetu, "131052-308T"),
    (checks.is_ahv, "756.9217.0769.85"),
    (checks.is_sin, "130 692 544"),
    (checks.is_tfn, "123 456 782"),
]
#: Numbers that are wrong for a reason other than one digit.
FALSE: list[tuple[Callable[[str], bool], str]] = [
    (checks.is_card, "0000 0000 0000 0000"),  # Luhn is right, no issuer
    (checks.is_card, "9111 1111 1111 1111"),
    (checks.is_iban, "GB82 WEST 1234 5698 7654 3"),  # too short for its country
    (checks.is_iban, "ZZ82WEST12345698765432"),
    (checks.is_us_ssn, "000-12-3456"),
    (checks.is_us_ssn, "666-12-3456"),
    (checks.is_us_ssn, "900-12-3456"),
    (checks.is_us_ssn, "123-00-4567"),
    (checks.is_us_ssn, "078-05-1120"),  # printed on wallets
    (checks.is_nino, "GB123456A"),
    (checks.is_nino, "AO123456A"),
    (checks.is_steuer_id, "11111111111"),
    (checks.is_cpf, "111.111.111-11"),
    (checks.is_bsn, "000000000"),
    (checks.is_pan, "ABCZE1234F"),
    (checks.is_pesel, "44991401359"),
]


@pytest.mark.parametrize(("check", "number"), TRUE)
def test_true_numbers_pass(check: Callable[[str], bool], number: str) -> None:
    assert check(number)


@pytest.mark.parametrize(("check", "number"), FALSE)
def test_false_numbers_fail(check: Callable[[str], bool], number: str) -> None:
    assert not check(number)


@pytest.mark.parametrize(
    ("check", "number"),
    [pair for pair in TRUE if pair[0] not in (checks.is_us_ssn, checks.is_nino, checks.is_pan)],
)
def test_one_wrong_digit_never_passes(check: Callable[[str], bool], number: str) -> None:
    for place, character in enumerate(number):
        if character.isdecimal():
            for other in set("0123456789") - {character}:
                assert not check(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize("check", sorted({pair[0] for pair in TRUE}, key=lambda f: f.__name__))
@pytest.mark.parametrize("text", ["", "x", "²³", "-" * 40, "٣" * 11, "9" * 300])
def test_odd_input_is_no_number(check: Callable[[str], bool], text: str) -> None:
    assert not check(text)
