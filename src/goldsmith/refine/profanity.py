"""Words that most readers find offensive, and the share of a text they make.

A short list of our own, English and German, whole words only: it points a person to passages, and
a share of words says more than one word. Settings may add words. It knows nothing of intent; for
toxicity there is `goldsmith.refine.classifier_scores`, which takes any classifier.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_STEMS = """
arsehol(?:e|es) asshol(?:e|es) bastards? bitch(?:es|y)? bollocks bullshit cocksuckers? cunts?
dickheads? dumbass(?:es)? fuck(?:s|ed|er|ers|ing|in)? goddamn(?:ed)? jackass(?:es)?
motherfuck(?:er|ers|ing) piss(?:ed)? pricks? pussy shit(?:s|ty|ting)? sluts? twats? wank(?:er|ers)?
whores? nigg(?:er|ers|a|as) fagg?(?:ot|ots) retard(?:s|ed) kikes? spics? chinks? trann(?:y|ies)
porn(?:o|ography)? blowjobs? cumshots? dildos? handjobs?
arsch(?:loch|löcher|er)? drecksau fick(?:en|er|t)? fotzen? huren? hurensöhne? hurensohn kanaken?
missgeburt(?:en)? schei(?:ß|ss)(?:e|er|en)? schlampen? schwuchteln? spasti wichs(?:en|er) verpiss
"""


def profanity(text: str, more: Sequence[str] = ()) -> float:
    """Return the share of the words of a text that are on the list, or on ``more``; 0..1."""
    found = sum(1 for _ in _pattern(tuple(more)).finditer(text))
    return found / max(found, len(text.split())) if found else 0.0


@lru_cache(maxsize=8)
def _pattern(more: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join([*_STEMS.split(), *map(re.escape, more)])
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
