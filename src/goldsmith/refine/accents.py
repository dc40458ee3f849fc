"""Accents that stand beside their letter: "M¨obius" (TeX's old fonts), "Schro ¨der", "cafe´".

A spacing accent goes with the letter it makes a letter of European languages with; where both
neighbours would do, with the one behind it, as TeX sets it, or with the one before when a space
parts the two. Accents in formulas ("xˆi", "R˙"), degrees and the acute used as an apostrophe
("don´t", "l´eau") stay as they are.
"""

from __future__ import annotations

import re
import unicodedata

from goldsmith.refine.segments import Edit

#: Spacing accents, the combining mark each stands for, and the letters it is common on.
_ACCENTS = {
    "\u00b4": ("\u0301", "aceinosuyzAEIOUYCNSZ"),
    "\u02ca": ("\u0301", "aceinosuyzAEIOUYCNSZ"),
    "\u02cb": ("\u0300", "aeiouAEIOU"),
    "\u02c6": ("\u0302", "aeiouAEIOU"),
    "\u00a8": ("\u0308", "aeiouyAEIOU"),
    "\u02dc": ("\u0303", "anoANO"),
    "\u02da": ("\u030a", "auAU"),
    "\u02c7": ("\u030c", "cdenrstzCDENRSTZ"),
    "\u02d8": ("\u0306", "agAG"),
    "\u02dd": ("\u030b", "ouOU"),
    "\u00b8": ("\u0327", "cstCST"),
    "\u02db": ("\u0328", "aeiuAEIU"),
}
_DOTLESS = {"ı": "i", "ȷ": "j"}
_ACCENT = re.compile(f"[{''.join(_ACCENTS)}]")
_BEFORE = re.compile(rf"(?:[^\W\d_]|{_ACCENT.pattern})*$")
_AFTER = re.compile(rf"(?:[^\W\d_]|{_ACCENT.pattern})*")
_APOSTROPHE = re.compile(r"(?:[tsdm]|re|ll|ve)$")  # after it: don´t, it´s, we´re
_ELISION = re.compile(r"^(?:[dlcjmnst]|qu|Qu)$")  # before it: l´eau, qu´il
_WORD = 3  # letters of a word in which accents are no mathematics


def accent_edits(text: str) -> list[Edit]:
    """Return the edits that put each accent and its letter into one character, in order."""
    if text.isascii():
        return []
    edits: list[Edit] = []
    reach = 0  # characters before it have been used
    for found in _ACCENT.finditer(text):
        place = found.start()
        space = text[place - 1 : place] == " "
        end = place - space
        before = _text(_BEFORE.search(text, max(0, end - 40), end))
        after = _text(_AFTER.match(text, place + 1))
        if place < reach or not _in_a_word(found.group(), before, space, after):
            continue
        mark, letters = _ACCENTS[found.group()]
        one = before[-1:] if end - 1 >= reach else ""
        other = after[:1]
        left = one != "" and _DOTLESS.get(one, one) in letters
        right = other != "" and _DOTLESS.get(other, other) in letters
        if left and right:
            left = one in _DOTLESS or (space and other not in _DOTLESS)
        if not (left or right):
            continue
        letter = one if left else other
        composed = unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + mark)
        if len(composed) != 1:
            continue
        # A space beside the accent goes too: the engine put it where the accent was moved.
        start = end - 1 if left else end if before else place
        reach = place + 1 if left else place + 2
        edits.append(Edit(start, reach, composed, "repaired character"))
    return edits


def _text(found: re.Match[str] | None) -> str:
    return found.group() if found is not None else ""


def _in_a_word(accent: str, before: str, space: bool, after: str) -> bool:
    """Whether the accent stands in or at the start of a word rather than in a formula."""
    letters = len(_ACCENT.sub("", before + after))
    if letters < _WORD:
        return False
    acute = accent in "\u00b4\u02ca"
    if space:  # "matrix ˆx" is no word: what follows the accent must go on as one
        return len(after) >= 2 or (acute and before != "" and not after)
    if acute and (_APOSTROPHE.match(after) or _ELISION.search(before)):
        return False
    return before != "" or letters >= _WORD
