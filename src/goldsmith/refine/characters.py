"""Characters that are not what the author wrote: ligatures, mojibake, control characters, runs.

Each function takes a text and returns edits. Mathematics is left alone: nothing here touches
letters of the mathematical alphabets, super- and subscripts or symbols (so no NFKC). Private-use
characters other than the usual bullets stay, since we do not know what they were.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

from goldsmith.refine.segments import Edit

#: What engines leave for a hyphen that a line break put there.
SOFT_HYPHENS = "\u00ad\u0002\ufffe"

_CONTROL = "\x00\x01\x03-\x08\x0e-\x1b\x1c-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u2028-\u202e"
_CONTROL += "\u2060\u2066-\u2069\ufeff\uffff" + SOFT_HYPHENS
_SPACE = " \t\n\r\x0b\x0c\x85\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
#: Bullets of symbol fonts, as far as their codes are common knowledge.
_BULLETS = {"\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "▸", "\uf0fc": "✓", "\uf02d": "-"}
_BULLETS |= {"\uf06c": "•", "\uf06e": "▪", "\uf0a8": "□", "\uf076": "▪", "\uf0e0": "→"}
_WRONG = re.compile(
    f"(?P<control>[{_CONTROL}]+)"
    f"|(?P<space>[{_SPACE}]{{2,}}|^[{_SPACE}]|[{_SPACE}]$|[{_SPACE.replace(' ', '')}])"
    "|(?P<ligature>[\ufb00-\ufb06])"
    "|(?P<marks>[A-Za-z\u00c0-\u024f\u0370-\u04ff][\u0300-\u036f]+)"
    f"|(?P<bullet>[{''.join(_BULLETS)}])"
)
#: UTF-8 read as a one-byte code page: a lead byte's letter and a continuation byte's sign.
_MOJIBAKE = re.compile("[\u00c2-\u00f4\u0393][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")


def character_edits(text: str) -> list[Edit]:
    """Return the edits that mend single characters and runs of white space, in order.

    A run of white space becomes one space, and nothing at either end of the text. Decomposed
    letters are composed (NFC).
    """
    edits = []
    for match in _WRONG.finditer(text):
        start, end = match.span()
        found = match.group()
        if match.lastgroup == "control":
            edits.append(Edit(start, end, "", "control character"))
        elif match.lastgroup == "space":
            if start == 0 or end == len(text):
                edits.append(Edit(start, end, "", "white space"))
            elif found[0] == " ":
                edits.append(Edit(start + 1, end, "", "white space"))
            else:
                edits.append(Edit(start, end, " ", "white space"))
        elif match.lastgroup == "ligature":
            letters = unicodedata.normalize("NFKC", found)
            edits.append(Edit(start, end, letters, "repaired character"))
        elif match.lastgroup == "bullet":
            edits.append(Edit(start, end, _BULLETS[found], "repaired character"))
        else:
            composed = unicodedata.normalize("NFC", found)
            if composed != found:
                edits.append(Edit(start, end, composed, "repaired character"))
    return edits


def control_edits(text: str) -> list[Edit]:
    """Return the edits for control characters alone: for code, where white space counts."""
    return [edit for edit in character_edits(text) if edit.rule == "control character"]


def mojibake_edits(text: str) -> list[Edit]:
    """Return the edits that undo text decoded with the wrong code page, as ftfy sees it."""
    if text.isascii() or _MOJIBAKE.search(text) is None:
        return []
    import ftfy

    mended = ftfy.fix_encoding(text)
    if mended == text:
        return []
    edits: list[Edit] = []
    for what, start, end, low, high in SequenceMatcher(
        None, text, mended, autojunk=False
    ).get_opcodes():
        if what == "equal":
            continue
        if start == end:  # something to insert: hang it on a neighbour
            if start > 0 and not (edits and edits[-1].end == start):
                start, low = start - 1, low - 1
            elif end < len(text) and not edits:
                end, high = end + 1, high + 1
            else:
                last = edits.pop()
                start, low = last.start, low - len(last.replacement)
        edits.append(Edit(start, end, mended[low:high], "repaired character"))
    return edits
