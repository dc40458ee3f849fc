"""Words as the field's English filters count them: signs apart, contractions taken in two.

One string without white space at a time, since no token crosses white space; so a caller may keep
the answer for each string. The rules are those of spaCy's blank English pipeline, which datatrove
uses for its filters, restated: signs leave the front and the back one by one, unless what is left
is an abbreviation, a contraction or an emoticon; then hyphens, slashes and the like divide what
stands between letters. ``tests/references/test_heuristics.py`` measures the agreement.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import product

_QUOTES = "'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_SIGNS = "…:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪," + _QUOTES
_CURRENCY = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
_UNITS = (
    "km/h km² km³ mm² mm³ cm² cm³ dm² dm³ m/s kmh mph hPa mbar km mm cm dm m² m³ µm nm yd in ft kg "
    "mg µg lb oz Pa mb MB kb KB gb GB tb TB ha m g t T G M K %"
)
_HYPHENS = r"(?:——|---?|[-–—~])"
_LETTER = r"[^\W\d_]"
_ICONS = "°©®¦\ufffd\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u2bff\U0001f000-\U0001faff"

_PREFIX = re.compile(
    rf"\.\.+|(?:US|C|A)\$|\+(?!\d)|[§%=—–{re.escape(_SIGNS)}{re.escape(_CURRENCY)}]"
)
_SUFFIX = re.compile(
    rf"(?:\.\.+|['’][sS]|[—–{re.escape(_SIGNS)}]|(?<=\d)\+|(?<=°[FfCcKk])\.|(?<=\d)\$"
    rf"|(?<=\d)[{re.escape(_CURRENCY)}]|(?<=\d)(?:{'|'.join(map(re.escape, _UNITS.split()))})"
    rf"|(?<=[0-9a-zß-öø-ÿ%²\-+{re.escape(_SIGNS)}])\.|(?<=[A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ])\.)$"
)
_INFIX = re.compile(
    rf"\.\.+|[…{_ICONS}]|(?<=\d)[+\-*^](?=[\d-])|(?<=[a-zß-öø-ÿ{re.escape(_QUOTES)}])\.(?=[A-ZÀ-ÖØ-Þ"
    rf"{re.escape(_QUOTES)}])|(?<={_LETTER}),(?={_LETTER})|(?<=[^\W_]){_HYPHENS}(?={_LETTER})"
    rf"|(?<=[^\W_])[:<>=/](?={_LETTER})"
)
_ADDRESS = re.compile(
    r"(?:[\w+\-.]{2,}://)?(?:\S+(?::\S*)?@)?(?:(?:\d{1,3}\.){3}\d{1,3}"
    r"|(?:[A-Za-z0-9\u00a1-\uffff][\w\u00a1-\uffff-]{0,62}?\.)+[a-zß-öø-ÿ]{2,63})"
    r"(?::\d{2,5})?(?:[/?#]\S*)?",
)
_TIME = re.compile(r"(1[0-2]|[1-9])([ap]\.?m\.?)")
_ABBREVIATIONS = """
    Adm. Ak. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. E.G.
    E.g. Feb. Fla. Ga. Gen. Gov. I.E. I.e. Ia. Id. Ill. Inc. Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky.
    La. Ltd. Mar. Mass. Md. Messrs. Mich. Minn. Miss. Mo. Mont. Mr. Mrs. Ms. Mt. N.C. N.D. N.H. N.J.
    N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. Sept.
    St. Tenn. Va. Wash. Wis. a.m. co. e.g. i.e. p.m. v.s. vs. and/or w/o C++ o'clock O'clock ma'am
    Ma'am ol' Ol' doin' goin' havin' lovin' nothin' nuthin' somethin' 'em 'cause 'bout 'Cause
    :) :-) :( :-( ;) ;-) :D :-D ;D :P :-P :p :-p :/ :-/ :O :-O :o :-o :* :-* :3 :| :-| =) =( =D =/
    <3 </3 :)) :-)) :X :x XD xD ^_^ -_- (: (; ): 8) '' \\n \\t ' o.o O.O 'S 's '’
"""
_WHOLE = frozenset(_ABBREVIATIONS.split())
_NEVER_TAKEN = "ill its hell shell shed were well whore"
_NOT_TAKEN = frozenset(form for word in _NEVER_TAKEN.split() for form in (word, word.title()))


@cache
def _contractions() -> dict[str, tuple[str, ...]]:
    """Every contraction, with and without its apostrophe, in its parts."""
    asking = "how that there these this those what when where who why"
    endings = {
        "'ll": f"i you he she it we they {asking}",
        "'d": f"i you he she it we they {asking}",
        "'ve": "i you we they how there these those what when where who why could might must "
        "should would not",
        "'re": "you we they how there these those what when where who why",
        "'s": "he she it how that there this what when where who why let",
        "'m": "i",
    }
    made: list[tuple[str, ...]] = [
        (word, end) for end, words in endings.items() for word in words.split()
    ]
    made += [(*parts, "'ve") for parts in made if parts[1] in ("'ll", "'d")]
    made += [("i", "'m", "a"), ("gon", "na"), ("got", "ta"), ("can", "not")]
    verbs = (
        "ai are ca could dare did does do had has have is may might must need ought sha should was "
        "were wo would"
    )
    for verb in verbs.split():
        made.append((verb, "n't"))
        if verb not in ("ai", "are", "dare", "has", "have", "is", "was", "were"):
            made.append((verb, "n't", "'ve"))
    found = {}
    for parts, mark, title in product(made, ("'", "’", ""), (False, True)):
        if not mark and parts == ("let", "'s"):
            continue
        first = parts[0].title() if title else parts[0]
        pieces = (first, *(part.replace("'", mark) for part in parts[1:]))
        if "".join(pieces) not in _NOT_TAKEN:
            found["".join(pieces)] = pieces
    return found


def special(chunk: str) -> tuple[str, ...] | None:
    """Return the tokens of an abbreviation, contraction or emoticon; None for anything else."""
    if chunk in _WHOLE or _is_initial(chunk):
        return (chunk,)
    parts = _contractions().get(chunk)
    if parts is not None:
        return parts
    time = _TIME.fullmatch(chunk)
    return (time[1], time[2]) if time else None


def split_chunk(chunk: str) -> list[str]:
    """Return the tokens of a string without white space, in order."""
    if chunk.isascii() and chunk.isalpha():
        return list(_contractions().get(chunk, (chunk,)))
    before: list[str] = []
    after: list[str] = []
    while chunk:
        parts = special(chunk)
        if parts is not None:
            before += parts
            chunk = ""
            break
        start = _prefix(chunk)
        if start:
            before.append(chunk[:start])
            chunk = chunk[start:]
            if special(chunk) is not None:
                continue
        end = _suffix(chunk) if chunk else 0
        if end:
            after.append(chunk[-end:])
            chunk = chunk[:-end]
        if not start and not end:
            break
    if chunk:
        before += [chunk] if _ADDRESS.fullmatch(chunk) else _divided(chunk)
    return _merged(before + after[::-1])


def _prefix(chunk: str) -> int:
    found = _PREFIX.match(chunk)
    if found:
        return found.end()
    return int(not chunk.isascii() and unicodedata.category(chunk[0]) == "So")


def _suffix(chunk: str) -> int:
    found = _SUFFIX.search(chunk)
    if found:
        return len(chunk) - found.start()
    return int(not chunk.isascii() and unicodedata.category(chunk[-1]) == "So")


def _merged(tokens: list[str]) -> list[str]:
    """Put together what the rules took apart although the whole is one token."""
    at = 0
    while at + 1 < len(tokens):
        for size in (3, 2):
            whole = "".join(tokens[at : at + size])
            if whole in _WHOLE or (size == 2 and _is_initial(whole)):
                tokens[at : at + size] = [whole]
                break
        at += 1
    return tokens


def _is_initial(chunk: str) -> bool:
    return len(chunk) == 2 and chunk[1] == "." and chunk[0].islower()


def _divided(chunk: str) -> list[str]:
    tokens, at = [], 0
    for found in _INFIX.finditer(chunk):
        if found.start() == 0:
            continue
        if found.start() > at:
            tokens.append(chunk[at : found.start()])
        tokens.append(found.group())
        at = found.end()
    return [*tokens, chunk[at:]] if at < len(chunk) else tokens
