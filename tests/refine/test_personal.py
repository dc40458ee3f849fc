"""Personal data: what is found, that treating a text twice changes nothing, and undoing it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.errors import UserError
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import RefineSettings
from goldsmith.refine import Clean, check_cover, pii, reveal, write_vault
from goldsmith.refine.personal.find import KINDS, found
from goldsmith.refine.personal.patterns import patterned
from goldsmith.refine.personal.pseudonyms import (
    KEY_VARIABLE,
    Key,
    opened,
    pseudonym,
    revealed,
    sealed,
    vault_of,
)

from .made import line, lines_table, tags_table

KEY = Key.of(bytes(range(32)))
#: Pieces of text that lie near the borders of the patterns.
PIECES = st.sampled_from(
    [
        "jo.doe@example.org", "+41 (0)96 471 07 95", "call me at ", "Fax: ", "358 0594", "@", " ",
        "4007070753690781", "GB82 WEST 1234 5698 7654 32", "SSN ", "460-89-9847", "\n", ":", "::1",
        "8.8.8.8", "00:1B:44:11:3A:B7", "http://a:b@c.de/", "https://x.org/y.",
        "born on 3 May 1960",
        "[EMAIL]", "[PERSON]", "{a, b}@c.de", "12", "-", "(", ")", "Mary Jones", "lives at ",
        "12 High Street", ", Oslo", "Dr. ", "Smith Inc.", "NHS no 943 476 5919", "x", "1", "Ω", "é",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Write to jo.doe@example.org now.", "e-mail", "jo.doe@example.org"),
        ("to {ann, bob}@cs.example.edu", "e-mail", "{ann, bob}@cs.example.edu"),
        ("They are not answering at 516 466 638", "phone", "516 466 638"),
        ("781 1704 office", "phone", "781 1704"),
        ("pay to DE89 3704 0044 0532 0130 00, please", "iban", "DE89 3704 0044 0532 0130 00"),
        ("paid by 4111 1111 1111 1111.", "card", "4111 1111 1111 1111"),
        ("His SSN is 460 89 9847.", "national id", "460 89 9847"),
        ("NHS no. 943 476 5919", "national id", "943 476 5919"),
        ("Steuer-ID: 86 095 742 719", "national id", "86 095 742 719"),
        ("PAN ABCPE1234F", "national id", "ABCPE1234F"),
        ("NINO AB123456C", "national id", "AB123456C"),
        ("ping 8.8.8.8", "ip", "8.8.8.8"),
        ("DNI 12345678Z", "national id", "12345678Z"),
        ("the man with CPF 529.982.247-25 left", "national id", "529.982.247-25"),
        ("My driver's license number is F162823540116", "driver licence", "F162823540116"),
        ("git clone https://bob:s3cret@host.org/x", "credentials", "bob:s3cret"),
        ("from 41.176.181.243 at noon", "ip", "41.176.181.243"),
        ("host 2a00:1450:4001:82a::200e is up", "ip", "2a00:1450:4001:82a::200e"),
        ("card 00:1B:44:11:3A:B7", "mac", "00:1B:44:11:3A:B7"),
        ("She was born on 3 May 1960.", "date of birth", "3 May 1960"),
        ("DOB: 03/05/1960", "date of birth", "03/05/1960"),
        ("see https://www.example.org/a_(b).", "url", "https://www.example.org/a_(b)"),
    ],
)
def test_what_has_a_form_is_found(text: str, kind: str, value: str) -> None:
    assert [(f.kind, text[f.start : f.end]) for f in patterned(text) if f.kind == kind] == [
        (kind, value)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ISBN 978-3-16-148410-0", "doi:10.1000/182 and 10.1234/5678.9012",
        "From 2019-2020 to 2021.",
        "CAS 7732-18-5", "version 10.2.0.1 of the program", "Section 3.1.4.1", "std::vector<a::b>",
        "(see ART 4.2.4.1) and 18.3.1.2", "(TH, EC 1.14.16.2)", "the antagonist SR141716A",
        "a DALY number 315.83 (95%CI: 237.17-400)", "registration number is 2454806",
        "at 12:30:45 and 13:45:50", "192.168.0.1 and 127.0.0.1", "The sum 1234567 is large.",
        "x = 0.123456789012", "grant 123456-7890", "rows 1234 5678 9012 of the table",
        "GB82 WEST 1234 5698 7654 33", "4007070753690782", "arXiv:2001.01234",
        "the date 2020-01-02",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert patterned(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("My name is Katarzyna Nowak and I live here.", "person", "Katarzyna Nowak"),
        ("Please call Mr. Peter Hansen tomorrow.", "person", "Peter Hansen"),
        ("We moved here from Portugal in spring.", "place", "Portugal"),
        ("She is 34 years old.", "age", "34"),
    ],
)
def test_the_tagger_finds_names(text: str, kind: str, value: str) -> None:
    assert (kind, value) in [(f.kind, text[f.start : f.end]) for f in found(text, KINDS)]


def test_names_stay_unless_asked_for() -> None:
    text = "As Smith and Jones (2019) of Oslo show, write to jo@example.org."
    edits = pii.pii_edits(text, True, RefineSettings())
    assert pii.applied(text, edits) == text.replace("jo@example.org", "[EMAIL]")


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_spans_lie_in_the_text_and_apart(text: str) -> None:
    reach = 0
    for finding in found(text, KINDS):
        assert reach <= finding.start < finding.end <= len(text)
        assert finding.kind in KINDS
        reach = finding.end


@given(TEXTS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_treating_twice_changes_nothing(text: str, prose: bool) -> None:
    def label(kind: str, value: str) -> str:
        return f"[{kind.upper().replace(' ', '_')}]".replace("[E-MAIL]", "[EMAIL]")

    kinds = [kind for kind in KINDS if kind not in ("place", "organisation")]
    once = pii.applied(text, pii.edits_of(text, kinds, prose, label))
    assert pii.edits_of(once, kinds, prose, label) == []


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_the_key_gives_the_original_back(text: str) -> None:
    pairs = []

    def name(kind: str, value: str) -> str:
        pairs.append((pseudonym(KEY, kind, value), value))
        return pairs[-1][0]

    treated = pii.applied(text, pii.edits_of(text, KINDS, True, name))
    assert revealed(treated, KEY, vault_of(KEY, pairs)) == text


@given(st.text(), st.text(max_size=40))
def test_a_box_opens_with_its_key_and_label_alone(value: str, label: str) -> None:
    value, label = (
        value.encode("utf-8", "ignore").decode(),
        label.encode("utf-8", "ignore").decode(),
    )
    box = sealed(KEY, label, value)
    assert opened(KEY, label, box) == value
    assert sealed(KEY, label, value) == box
    for key, name, changed in (
        (Key.of(bytes(32)), label, box),
        (KEY, label + "x", box),
        (KEY, label, box[:-8] + ("A" if box[-8] != "A" else "B") + box[-7:]),
        (KEY, label, "not base 64!"),
        (KEY, label, ""),
    ):
        with pytest.raises(UserError):
            opened(key, name, changed)


def test_same_value_same_name_other_key_other_name() -> None:
    assert pseudonym(KEY, "person", "Ann") == pseudonym(KEY, "person", "Ann")
    assert (
        len(
            {
                pseudonym(key, kind, "Ann")
                for key in (KEY, Key.of(bytes(32)))
                for kind in ("person", "place")
            }
        )
        == 4
    )
    assert "Ann" not in repr(KEY)
    assert KEY.naming.hex() not in repr(KEY)


def test_a_run_with_pseudonyms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that run over lines too; the vault tells nothing, and the key opens all of it."""
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))
    (tmp_path / "key").write_bytes(bytes(range(32)))
    pii.forget_key()
    texts = ["Call us at +41 (0)96", "471 07 95 or write to jo@example.org,", "to jo@example.org."]
    rows = [line(text, order) for order, text in enumerate(texts)]
    lines = lines_table(rows)
    made = Clean(RefineSettings(pii="pseudonymise")).run(
        {"lines": lines, "tags": tags_table(rows, ["CONTENT"] * 3)}
    )
    assert check_cover(lines, made["passages"], made["rejects"]) == []
    text = made["passages"].column("text")[0].as_py()
    assert "jo@" not in text
    assert "471" not in text
    assert text.count("[EMAIL:") == 2
    vault = tmp_path / "vault.jsonl"
    assert write_vault(made["rejects"], vault) == 2
    assert "jo@" not in vault.read_text("utf-8")
    assert reveal(text, vault) == " ".join(texts)
    first = vault.read_bytes()
    write_vault(made["rejects"], vault)
    assert vault.read_bytes() == first
    (tmp_path / "key").write_bytes(bytes(32))
    pii.forget_key()
    with pytest.raises(UserError, match="another key"):
        reveal(text, vault)
    with pytest.raises(UserError, match="another key"):
        write_vault(made["rejects"], vault)
    pii.forget_key()


def test_pseudonyms_need_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = RefineSettings(pii="pseudonymise")
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    pii.forget_key()
    with pytest.raises(UserError, match=KEY_VARIABLE):
        pii.pii_edits("jo@example.org", True, chosen)
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))
    with pytest.raises(UserError, match="cannot be read"):
        pii.pii_edits("jo@example.org", True, chosen)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(UserError, match="has 5 bytes"):
        pii.pii_edits("jo@example.org", True, chosen)
    (tmp_path / "vault").write_text(json.dumps({"pseudonym": 1}) + "\n")
    (tmp_path / "key").write_bytes(bytes(32))
    with pytest.raises(UserError, match="line 1"):
        reveal("", tmp_path / "vault")
    assert pa.Table.from_pylist([], SCHEMAS["rejects"]).num_rows == 0


@pytest.mark.parametrize("piece", [
    "a", "1", "1 ", "a.", "a@", "@a.", "{a,", "1.", "1-", ":", "a:", "::", "0:", "+1 ", "(1",
        "call me at ",
    "phone ", "SSN ", "SSN 1", "GB12 ", "https://", "http://a:", "born on ", "a-", "1(", "A1 ",
        "number ", "x1",
])  # fmt: skip
def test_time_is_linear_in_the_text(piece: str) -> None:
    """Counted, not timed: a pattern that backtracks over the text would never come to an end."""
    for tail in ("", "!", "@", "\n"):
        patterned((piece * 60_000)[:100_000] + tail)
