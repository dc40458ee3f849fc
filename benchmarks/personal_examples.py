"""Sentences with marked personal data, made by the thousand for `fit_personal_data.py`.

Templates of our own, in the annotation habits of presidio-research (a house number, a street and a
flat of a postal block are spans of their own; an address named in running text is one span), and
values made from the gazetteers: names by morphology, streets by language, firms by founder or
fancy. Also the same sentence of a labelled set again with other values. Everything follows from a
`random.Random` that the caller seeds.
"""

from __future__ import annotations

import gzip
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from goldsmith.refine.personal.words import GAZETTEERS

Span = tuple[int, int, str]


class Example(NamedTuple):
    """A text and its spans (start, end, type), in order and apart."""

    text: str
    spans: tuple[Span, ...]


TEMPLATES = """
{P} called twice and left no message.|Please ask {P} to sign the form before noon.
The parcel is for {P}, not for {P}.|Yesterday {P} and {P} won the doubles.|My sister {P} married {P} in {D}.
I was told that {P} would handle it.|According to {P}, nothing has changed.|{P} says hello.
Could you put {P} on the list?|Is {P} in the office today?|We named our daughter {P}.
his mother's name is {P}|The account holder is {P}.|Registered to: {P}|Signed, {P}|Dear {P}, thank you for your letter.
Hi {P}, I wanted to ask about my loan.|{P} - 3 reviews|Photo by {P}|Written by {P} and {P}|Music: {P}
{P}'s new book is out.|That was {P}'s idea, of course.|I loved the {P} album more than the early {P} records.
Nobody sings like {P}.|"Leave me alone," said {P}.|"Why not?" asked {P}.|{P}: I never said that.\n{P}: You did!
The judge sentenced {P} to two years.|Tennis star {P} lost in straight sets.|Film director {P} lives in {G}.
The {R} singer {P} grew up in {G}.|Did you see the movie with {P}?|Starring {P}, {P} and {P}.
Contact {P} at {EMAIL} or {PHONE}.|The winners were {P}, {P}, {P} and {P}.|I'm {P} and I need help.
This is {T} {P} speaking.|{T} {P} will see you now.|We spoke to {T} {P} about the results.|Please give my regards to {T} {P}.
Change the name on the policy to {T} {P}.|{T} {P} arrived in {G} on {D}.|An interview with {T} {P}, the {J} of {O}
{P}, {J} at {O}, declined to comment.|She works as a {J} at {O}.|He was hired as {J} by {O} in {D}.
Occupation: {J}|Job title: {J}\nEmployer: {O}|{P}\n{J}\n{O}|{P}\n{J}\n{O}\n{A}\n{PHONE}|My wife is a {J} and I am a {J}.
I used to be {J} before I retired.|We are hiring a {J} in {G}.|{O} is looking for a {J}.|As {J}, I see this daily.
{O} was founded in {D}.|{O} bought {O} last year.|Shares of {O} fell sharply.|He left {O} for {O}.|I have an interview at {O}.
The {O} building burned down.|{O}, based in {G}, makes pumps.|A spokesman for {O} said so.|{O}'s profits doubled.
Employees of {O} went on strike.|My employer is {O}.|Donate to {O} today!|The {O} choir sang.|According to the {O} report, sales rose.
{P} of {O} spoke first, then {P} from {O}.|{O} and {O} merged in {D}.|{O} is a {R} bank.|Is {O} a good place to work?
Companies such as {O}, {O} and {O} invest here.|The startup {O} was created by {P} and {P}.|{O} chief {P} resigned.
We flew from {G} to {G}.|I was born in {G} and raised in {G}.|How is the weather in {G}?|{G} is lovely in spring.|Greetings from {G}!
She studied at the University of {G}.|The mayor of {G} resigned.|Visit {G} before you die.|The train to {G} is late.
They moved to {G} in {D}.|My flight to {G} was cancelled.|{G} and {G} signed the treaty.|In {G}, people drive on the left.
People in {G} love football.|Next stop: {G}|City: {C}\nCountry: {K}|{C}, {K}|He lives near {C}, {K}.|Northern {K} is cold.
The road between {C} and {C} is closed.|Back in {G} nobody believed it.|{G}'s economy is growing.|{G} president calls for calm
the minister travelled to {G} for talks|Tickets for {G} are sold out.|Made in {K}|Our branch in {C} has closed.
The {R} team won.|I love {R} cuisine.|She is {R} and he is {R}.|Most {R} voters agreed.|A {R} court ruled on {D}.
Do you speak {R}?|an old {R} tradition|The {R} army retreated.|Is this film {R}?|They are {R} citizens living in {G}.
On {D} we met again.|It happened in {D}.|Since {D} the shop is closed.|Date of birth: {D}|born {D} in {G}|He died in {D}.
The meeting is on {D} evening.|See you {D}!|Due date: {D}|During {D} prices rose.|The law of {D} was repealed.|By {D}, {P} had left {O}.
a {D} comedy with {P}|I have been waiting since {D}.|Start: {D}\nEnd: {D}\nPlace: {G}|My DOB is {D}.|{D}: {P} joined {O}.
She is {Y} years old.|a {Y}-year-old woman from {G}|{P}, {Y}, was arrested in {G}.|He turned {Y} last week.|Aged {Y}, she ran a marathon.
The patient, a {Y} year old male, complains of pain.|My son will be {Y} in May.|I am {Y}.|She died at the age of {Y}.|Age: {Y}
When {P} was {Y}, the family moved.|This {Y} y/o man has a cough.|my grandmother turns {Y} soon|At {Y}, I started to paint.|He looks {Y}.
I live at {A}.|Our address: {A}|Send it to {A}, please.|The shop is at {A}.|We moved to {A} last month.|Deliver to {A}
Where is it? {A}|My new address is {A}. Can you change it?|The office of {O} is located at {A}.|Pick me up at {A} at noon.
{O} has its seat at {A}.|Ship the new card {CARD} to {A}.|Is {A} the right place?|Please come to {A} tomorrow.|{P} moved from {A} to {A}.
Address: {A}|{O}\n{A}|{P}\n{A}|Name: {P}\nAddress: {A}\nPhone: {PHONE}|{P}\n{O}\n{A}\nTel: {PHONE}|The accident happened at {A}.
I grew up on {S}.|Turn left at {S}.|{S} is closed for repairs.|The bakery is on {S}.|She lives on {S} street with {P}.
The tram stops at {N} {S} St.|the corner of {S} St. and {S} St. is dangerous|Parking on {S} Street is forbidden.|{S} in {C} is long.
He stays at {N} {S}.|He stays at {N} {S}, {C}.|{P} has moved to {N} {S}, {C}|They met at {O}, {N} {S}, {G}.|The clinic is at {N} {S}
{P}\n{N} {S}\n{U}\n{C}\n{K} {ZS}|{P}\n\n{N} {S}\n {U}\n {C}\n {K} {ZS}|{N} {S}\n{U}\n{C}\n{K} {ZS}|{O}\n{P}\n{N} {S}\n{U}\n{C}\n\n{K} {ZS}
> {P}\n> {O}\n> {N} {S}\n> {U}\n> {C}\n> {K} {ZS}|{T} {P}\n{N} {S} {U}\n{C} {W} {Z}|Shipping address: {P}\n {N} {S} {U}\n {C}\n {W}\n {Z}
{T} {P} {U} {N} {S}\n{C} {W} {Z}|* {P}\n* {N} {S}\n* {U}\n* {C}\n* {K} {ZS}|{P}\n{C}\n{K}|{P}\n\n{N} {S}\n {U}\n {C}\n {K} {ZS}\nPhone {PHONE}, Fax {PHONE}
{N} {S}\n {U}\n {C}\n {K} {ZS}|{P}\n\n{N} {S}\n {U}\n {C}\n\n {K} {ZS}|>{P}\n>{N} {S}\n>{U}\n>{C}\n>{K} {ZS}|{P}\n\n{N} {S}\n {U}\n {C}\n {K} {ZS}\n{PHONE} (work)
The postal code is {Z}.|Zip: {Z}|postcode {Z}|I live in {Z} {C}.|{C}, {W} {Z}|Postal code: {Z}\nCity: {C}|Looking for work at {O} in {C} {Z}.|my zip is {Z}, do you deliver?
Call {PHONE} and ask for {P}.|My number changed to {PHONE}.|E-mail: {EMAIL}\nName: {P}|Website: {URL}\nContact: {P}|See {URL} for details.|{P} sent money to {IBAN}.
Mon to Fri 9 to 17|The 3rd Battalion advanced under fire.|Chapter VII covers Equal Rights.|Press 1 for English menus.|I gave it 10 out of 10.|Rock and Roll will never die.
The Old Testament has 39 books.|What a Wonderful World!|Our Premium Account costs 12 dollars.|It took 40 minutes.|Press Release|Terms and Conditions apply.
The Supreme Court will decide in Spring.|Love and Honour matter.|Room 12 is free, room 14 is not.|He bought 3 apples and 25 pears.|WHY IS NOBODY HELPING ME?|Order 66 has shipped.
The Treaty on Trade has 12 articles.|Sales grew by 20% in 5 years.|Why does the Chat close after 10 minutes?|The Queen opened Parliament.|Is it Christmas yet?|Drama, Horror & Western
"Highway to Hell" was played 3 times.|I'm a Muse fan, and my cat is called Sir.|The Internal Revenue Code, Section 12|My Bonus Points are gone!|Can You Hear Me Now?|He is King of Pop.
You will find {P} at {N} {S}|Her flat is at {N} {S}, {C}|My uncle lives at {N} {S}, {C}.|We deliver to {N} {S}.|{P} gave me this address: {N} {S}, {C}|address: {N} {S}|The tram passes {N} {S} St.
The event takes place on {D} at {O}, {N} {S}, {C}|Get off at {N} {S} St. and walk.|{P} rents a room at {N} {S}|He wrote down his address: {N} {S}|Find us at {N} {S}, {C}!
I am {P} from {G}, I'm {Y} y/o|hi, i'm {P}, {Y} y/o and i live in {G}|I turned {Y} today|She retired at the age of {Y}|He wrote it when he was {Y}.|She will turn {Y} on {D}|my dad just turned {Y}.
Please ship to both: {A}, and {A}|{O}

{A}|{P}
{O}
{A}
{PHONE} home
{PHONE} work|Contact

{P}

{J}

Mobile:
{PHONE}

Address:
{A}.|The {O} headquarters are at {A}.|What is the address? it is {A}
{P}
{J}
{O}
{A}|{J}
{P}|{P}, the {J}, replied: "No."|{P}, {J}|I worked for {O} as {J}, then left.|She got a job as {J}.|From: {P}
To: {P}
Subject: {O}|Hired by {O} as {J} in {D}
{P} joined {O}.|{P} is with {O}|I bank with {O}.|Have you ever dealt with {O}?|{O} hired {P} away from {O}.|{O}'s {P} and {P} of {O} were honoured, as was {O}'s {P}.|Three firms: {O}, {O} and {O}.|{O} lawyer {P} resigned from {O}
{O} is a law firm in {G}.|{O} was the first to publish it.|Recorded for {O} by {P}|The {O} Hospital was built in {D}.|the {O} website says so|Read more on the {O} page.|{P} interned at {O} in {G}, later part of {O}.
Is {P} coming?|{P} is kind. You can trust her.|{P} is so patient!|Have you met {P} before?|{P} will sing tonight.|Why was {P} late?|The {P} story is true.|unlike the {P} film, it is funny|People call me {P}|Maybe ask {P}|a tribute to {P}
Come home, {P}!|{P} and {P} were great cooks.|{P}'s killer was caught.|{P}: Hello.
{P}: Hi, {P}!|{P}:"I saw {P}'s brother."|He plays guitar (not {P}).|They named it after {P}, who laughed.|between me and {P}'s dog|My maiden name is {P}
Your flight to {G} leaves from {G}.|The {G} bridge is old.|{G} mayor bans cars|Where: {G} Town Hall|Southern {G} is dry.|the river in my home city {G}: wide and slow|{P}

{C}
{K}|Back to {G}|{C} beach was full.|He grew up in {G}
Proud to be {R}!|We are {R}.|they are proud {R}|a {D} {R} drama film with {P}|this new {R} restaurant downtown is great|The {R} police arrested {P}.|an {R} insurance company|She speaks English and studied English and History.
The weekend before Easter we stayed home.|Fiction & Fantasy, Thriller, Kids & Family, Sports & Fitness|5... 4... 3... go!|The European Union adopted the plan.|Article 12 of the Charter|the Civil Code of {D}|The Prince left this morning.|10th anniversary
In her 3rd year she quit.|a group of 4 friends|Sisters love Freedom and Justice.|Blink and you miss it.|I left my 2 bags.|He had 15 songs in the Top 40 and #3 of the 80s.|First published in {D} by {O}.|"The Shadow of the Moon" is a story by {P}.|Pedestrians wait here.
"""

_LATIN = "b c d f g h j k l m n p r s t v w z br tr kr st sk sv kl gr dr ch sh th".split()
_VOWELS = "a e i o u a e i o á é ö ä y ei au ie".split()
_FAMILY_ENDS = (
    "son sen sson sdóttir nen inen ski ska wicz czyk ová ek ka ić ović ič čar ev eva ov ova enko"
    " off ez o i etti elli ini ucci eau ier et ard aux mann er berg ström qvist lund gaard stad"
    " ley ton ford worth well by field man s ers el idis poulos ou yan adze moto mura ta shita"
    " hara gawa i ás vári os a es eira inho ães"
).split()
_GIVEN_ENDS = (
    "a e o i us an en in on ia ina ka na ta el or ur ir ina ette ine ár ild ulf ó y".split()
)
_PLACE_ENDS = (
    "burg dorf heim stadt ville court ton ham bury by torp stad sund vík fjörður eyri nes lahti"
    " järvi koski kylä küla vere ice ov ín ec ów owo sk háza fa vár ano ate ola eto ia as os"
    " mont bach bronn ingen hausen wijk dam kerk broek port field mouth"
).split()
_TOWN_PREFIX = "San|Santa|Saint|St|New|Port|Mount|Lake|North|South|El|La|Los|Las|Le|Bad|Cite|Fort|Vila|Nova|Novo"
_TOWN_TAIL = " am See| an der Elbe| nad Labem| pri Celju| de la Sierra| do Sul| di Sopra| sur Mer| Beach| Valley| Hills| Village| Springs| Park| Ø| V| K| del Campo| dos Campos| u Prahy"
_COMPOUND = "straße strasse gasse weg platz allee gatan vägen väg gade vej vegen veien gata katu tie kuja polku straat laan weg plein dijk steeg gatan vík braut gerði vegur gata stræti".split()
_ENGLISH = (
    "Street St Avenue Ave Road Rd Lane Drive Court Close Crescent Way Place Square Terrace Gardens"
    " Grove Hill Parkway Boulevard Plaza Walk Alley Bridge Bypass Causeway Cove Creek Crossing"
    " Estate Expressway Extension Falls Ferry Fields Flats Ford Forest Forge Fork Fort Freeway"
    " Garden Gateway Glen Green Greens Groves Harbor Haven Heights Highway Hollow Inlet Island Isle"
    " Junction Key Knoll Lakes Landing Light Loaf Locks Lodge Loop Mall Manor Meadow Meadows Mews"
    " Mill Mission Motorway Mountain Neck Orchard Oval Overpass Park Pass Passage Path Pike Pines"
    " Plains Point Port Prairie Ramp Ranch Rapid Rapids Rest Ridge River Roads Route Row Run Shoal"
    " Shore Shores Skyway Spring Springs Spur Squares Station Stravenue Stream Summit Throughway"
    " Trace Track Trafficway Trail Tunnel Turnpike Underpass Union Valley Via Viaduct View Views"
    " Village Ville Vista Well Wells"
).split()
_BEFORE = (
    "Rue de|Rue du|Rue|rue|Rue des|Avenue|Boulevard|Chemin des|Quai|Place|Via|Via del|Viale|Piazza|Corso|Vicolo"
    "|Calle|C/|Avda.|Avenida|Paseo del|Plaza|Rua|Rua de|Rua do|Travessa|Praça|Avenida|ul.|ulica|Pl.|al."
    "|Av|Camino de|Ctra.|Carretera|Trg|Ulica|Náměstí|Nábřeží|Impasse|Largo|Strada|Pod|Na|Nad|Am|An der|Zum|Im"
).split("|")
_STEMS = (
    "data info tech med health cloud net web soft cyber bio gen eco solar energy smart open social"
    " mobile city civic legal tax credit fin pay cash trade stock home real rent food farm agri geo"
    " map weather flight auto car ride travel job work learn edu school news media photo video game"
    " sport fit care pharma lab quant meta inter trans uni omni alpha nova zen red blue green bright"
    " spot fast quick trust safe clear deep"
).split()
_STEM_ENDS = (
    "ify ly io com ware ics tics ix ex ora ia um scape point base hub box works logic sense mind cast"
    " wise line link zoom bit stat mine scan view watch graph star port deck nest bay wave side map"
).split()


def plain(folder: Path, number: int) -> list[Example]:
    """Return sentences in the public domain whose only capital begins them: nobody is named."""
    found: list[str] = []
    for path in sorted(folder.glob("*.gz")):
        text = " ".join(gzip.decompress(path.read_bytes()).decode("utf-8").split())
        for match in re.finditer(
            r"(?<=[.?!] )[A-Z][a-z]+(?: [a-z0-9,'-]+){3,22}[.?!](?= [A-Z])", text
        ):
            found.append(match.group())
    return [Example(text, ()) for text in random.Random(0).sample(sorted(set(found)), number)]


def examples(number: int, chance: random.Random, known: Values | None = None) -> list[Example]:
    """Return so many sentences from our templates; values also from ``known`` where given."""
    templates = [part for line in TEMPLATES.strip().split("\n") for part in line.split("|")]
    return [_filled(chance.choice(templates), chance, known) for _ in range(number)]


class Values:
    """Values of a labelled set by what they are (a street apart from a whole address)."""

    def __init__(self, rows: Iterable[Example]) -> None:
        self.of: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            for start, end, kind in row.spans:
                value = row.text[start:end]
                self.of[slot_of(kind, value)].append(value)


def varied(row: Example, chance: random.Random, known: Values) -> Example:
    """Return a labelled sentence with other values of the same sort; repeated values stay alike."""
    drawn: dict[tuple[str, str], str] = {}
    parts, spans, cursor, length = [], [], 0, 0
    for start, end, kind in row.spans:
        value = row.text[start:end]
        slot = slot_of(kind, value)
        if (slot, value) not in drawn:
            drawn[slot, value] = value_for(slot, chance, known) if slot in MAKERS else value
        new = drawn[slot, value]
        parts += [row.text[cursor:start], new]
        length += start - cursor
        spans.append((length, length + len(new), kind))
        length += len(new)
        cursor = end
    parts.append(row.text[cursor:])
    return _cased(Example("".join(parts), tuple(spans)), chance)


def slot_of(kind: str, value: str) -> str:
    """Return the template slot that a labelled value would fill."""
    low = value.lower()
    if kind == "STREET_ADDRESS":
        if value.isdigit():
            return "ZS" if len(value) == 5 else "N"
        if re.fullmatch(r"(?:apt\.|suite) \d+", low):
            return "U"
        return "A" if "\n" in value or "," in value or "apt." in low or "corner" in low else "S"
    if kind == "GPE":
        if low in GAZETTEERS["country"] or low == "greenlander":
            return "K"
        return "W" if len(value) < 4 else "C"
    if kind == "TITLE":
        return "T" if low in GAZETTEERS["honorific"] else "J"
    slots = {"PERSON": "P", "ORGANIZATION": "O", "DATE_TIME": "D", "AGE": "Y", "NRP": "R"}
    return slots.get(kind, "Z" if kind == "ZIP_CODE" else kind)


def value_for(slot: str, chance: random.Random, known: Values | None) -> str:
    """Return a made value, or as often one of the known ones."""
    if known is not None and known.of.get(slot) and chance.random() < 0.4:
        return chance.choice(known.of[slot])
    return MAKERS[slot](chance)


def _filled(template: str, chance: random.Random, known: Values | None) -> Example:
    text, spans = "", []
    for part in re.split(r"(\{\w+\})", template.replace("\\n", "\n")):
        if part.startswith("{") and len(part) > 2:
            slot = part[1:-1]
            value = value_for(slot, chance, known)
            if TYPES[slot]:
                spans.append((len(text), len(text) + len(value), TYPES[slot]))
            text += value
        else:
            text += part
    return _cased(Example(text, tuple(spans)), chance)


def _cased(row: Example, chance: random.Random) -> Example:
    """Now and then a sentence in small letters, as in a chat."""
    low = row.text.lower()
    return row._replace(text=low) if chance.random() < 0.1 and len(low) == len(row.text) else row


def _pick(name: str) -> Callable[[random.Random], str]:
    values = sorted(GAZETTEERS[name])
    return lambda chance: _title(chance.choice(values))


def _title(text: str) -> str:
    return " ".join(
        word if word in ("and",) else word[:1].upper() + word[1:] for word in text.split()
    )


def _stem(chance: random.Random, most: int = 2) -> str:
    syllables = (
        chance.choice(_LATIN) + chance.choice(_VOWELS) for _ in range(chance.randint(1, most))
    )
    start = chance.choice(_VOWELS) if chance.random() < 0.15 else ""
    return (start + "".join(syllables) + chance.choice(_LATIN)[0]).capitalize()


_given, _surname, _city = _pick("given"), _pick("surname"), _pick("city")


def given(chance: random.Random) -> str:
    if chance.random() < 0.6:
        return _given(chance)
    return _stem(chance) + chance.choice(_GIVEN_ENDS)


def family(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return _surname(chance)
    name = _stem(chance) + chance.choice(_FAMILY_ENDS)
    roll = chance.random()
    if roll < 0.05:
        return chance.choice(("van ", "de ", "von ", "van der ", "di ", "da ", "dos ")) + name
    return chance.choice(("Mc", "Mac", "O'")) + name if roll < 0.08 else name


def person(chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.25:
        return given(chance)
    if roll < 0.4:
        return family(chance)
    middle = chance.choice("ABCDEFGHIJKLMNOPRSTV") if roll > 0.75 else ""
    middle += "." if middle and roll > 0.87 else ""
    tail = chance.choice((" II", " Jr.", " III")) if roll > 0.995 else ""
    return " ".join(filter(None, (given(chance), middle, family(chance)))) + tail


def town(chance: random.Random) -> str:
    roll = chance.random()
    name = _city(chance) if roll < 0.4 else _stem(chance) + chance.choice(_PLACE_ENDS)
    if 0.4 < roll < 0.5:
        name = chance.choice(_TOWN_PREFIX.split("|")) + " " + name
    elif roll > 0.9:
        name += chance.choice(_TOWN_TAIL.split("|"))
    return name.upper() if chance.random() < 0.12 else name


def country(chance: random.Random) -> str:
    if chance.random() < 0.06:
        return "Greenlander"
    return _title(chance.choice(sorted(GAZETTEERS["country"])))


def state(chance: random.Random) -> str:
    letters = "ABCDEFGHIKLMNOPRSTVW"
    return "nan" if chance.random() < 0.35 else chance.choice(letters) + chance.choice(letters)


def digits(chance: random.Random, least: int, most: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(chance.randint(least, most)))


def street(chance: random.Random) -> str:
    roll, number = chance.random(), str(chance.randint(1, 999))
    name = (
        family(chance)
        if chance.random() < 0.5
        else _stem(chance) + chance.choice(("a", "o", "en", "i", "ska", "ova", "s"))
    )
    if chance.random() < 0.2:
        name += " " + (family(chance) if chance.random() < 0.5 else _stem(chance))
    if roll < 0.24:
        return f"{name} {chance.choice(_ENGLISH)}"
    if roll < 0.42:
        return f"{number} {name} {chance.choice(_ENGLISH[:16])}"
    if roll < 0.62:
        text = f"{chance.choice(_BEFORE)} {name}"
        return f"{number} {text}" if chance.random() < 0.35 else f"{text} {number}"
    if roll < 0.85:
        return f"{_stem(chance)}{chance.choice(_COMPOUND)} {number}"
    if roll < 0.9:
        return f"P.O. Box {number}"
    if roll < 0.93:
        return f"{name} {chance.choice(('utca', 'u.', 'út', 'tér', 'krt.'))} {number}."
    return f"{name} {number}" if roll < 0.98 else f"{name} põik {number}"


def unit(chance: random.Random) -> str:
    return f"{chance.choice(('Apt.', 'Suite'))} {digits(chance, 3, 3)}"


def address(chance: random.Random) -> str:
    roll, house, zip_code = chance.random(), digits(chance, 3, 5), digits(chance, 5, 5)
    if roll < 0.08:
        return f"PSC {digits(chance, 4, 4)}, Box {digits(chance, 4, 4)}\nAPO {chance.choice(('AA', 'AE', 'AP'))} {zip_code}"
    if roll < 0.13:
        return f"Unit {digits(chance, 4, 4)} Box {digits(chance, 4, 4)}\nDPO {chance.choice(('AA', 'AE', 'AP'))} {zip_code}"
    if roll < 0.17:
        return f"{chance.choice(('USS', 'USNS', 'USCGC', 'USNV'))} {family(chance)}\nFPO {chance.choice(('AA', 'AE', 'AP'))} {zip_code}"
    if roll < 0.25:
        return f"the corner of {street(chance)} and {street(chance)}"
    if roll < 0.27:
        return f"{street(chance)} and {street(chance)}"
    flat = " " + unit(chance) if chance.random() < 0.55 else ""
    if roll < 0.42:
        nation = f" {country(chance)}" if chance.random() < 0.5 else ""
        return f"{house} {street(chance)}{flat}\n{town(chance)}\n, {state(chance)}\n{nation} {zip_code}"
    if roll < 0.58:
        tail = f" {zip_code}" if chance.random() < 0.7 else ""
        return (
            f"{house} {street(chance)}\n {unit(chance)}\n {town(chance)}\n {country(chance)}{tail}"
        )
    if roll < 0.74:
        flat += " " + unit(chance) + "," if flat and chance.random() < 0.3 else ","
        tail = f" {zip_code}" if chance.random() < 0.5 else ""
        return f"{house} {street(chance)}{flat} {town(chance)}, {country(chance)}{tail}"
    if roll < 0.84:
        return f"{house} {street(chance)}{flat}\n{town(chance)}, {state(chance)} {zip_code}"
    if roll < 0.95:
        return f"{house} {street(chance)}{flat} {town(chance)} {state(chance)}"
    return f"{street(chance)}, {zip_code} {town(chance)}"


def firm(chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.1:
        return f"{_surname(chance)}-{_surname(chance)}"
    if roll < 0.18:
        return f"{_surname(chance)}, {_surname(chance)} and {_surname(chance)}"
    ends = (
        "Inc",
        "Inc.",
        "LLC",
        "Ltd",
        "Ltd.",
        "PLC",
        "Group",
        "and Sons",
        "Corp",
        "& Co",
        "GmbH",
        "AG",
    )
    if roll < 0.28:
        return f"{_surname(chance)} {chance.choice(ends)}"
    word = chance.choice(_STEMS) + chance.choice(_STEM_ENDS if chance.random() < 0.6 else _STEMS)
    word = word.capitalize() if chance.random() < 0.8 else _stem(chance) + chance.choice(_STEM_ENDS)
    if roll < 0.58:
        return word
    if roll < 0.66:
        return f"{word} {chance.choice(ends)}"
    tails = "Analytics Systems Technologies Labs Networks Solutions Partners Group Media Markets Health Insurance Reports Research Institute Foundation Agency Consulting Holdings Bank Capital Software Energy Services Data Explorer Insight Resources Financial Legal Network Exchange Consulting Securities Design Rating Guide".split()
    heads = "Consumer Golden National American First United Civic Urban Global Pacific Atlantic Northern General Public Environmental Knowledge Modern Standard Allied Central Digital Economic Federal Social Mutual Liberty Royal Boston Summit Pioneer Open Silver Red Blue Compliance Placed Safe Patient People Property Student Legal Garden Honest Panther".split()
    if roll < 0.84:
        first = word if chance.random() < 0.4 else chance.choice(heads)
        middle = f" {chance.choice(heads)}" if chance.random() < 0.2 else ""
        return f"{first}{middle} {chance.choice(tails)}"
    if roll < 0.92:
        return f"{chance.choice(heads)} {chance.choice(tails)} {chance.choice(ends)}"
    if roll < 0.95:
        return f"{chance.choice('ABCDEGHIMNPST')}{chance.choice('ABCEFGIMNPST')}{chance.choice('ABCDGMNPST')}"
    return f"{chance.choice(tails)} {chance.choice(('And', 'and', '&'))} {chance.choice(tails)}"


def date(chance: random.Random) -> str:
    roll, year = chance.random(), chance.randint(1930, 2024)
    month, day = chance.randint(1, 12), chance.randint(1, 28)
    names = "January February March April May June July August September October November December"
    if roll < 0.35:
        return str(year)
    if roll < 0.55:
        return chance.choice("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
    if roll < 0.7:
        return f"{month}/{day}/{year}"
    if roll < 0.85:
        return f"{year}-{month:02}-{day:02} {chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}"
    if roll < 0.93:
        return f"{chance.choice(names.split())} {day}, {year}"
    return f"{day} {chance.choice(names.split())} {year}"


def post_code(chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.45:
        return digits(chance, 4, 4)
    if roll < 0.7:
        return digits(chance, 5, 5)
    if roll < 0.8:
        return f"{digits(chance, 3, 3)} {digits(chance, 2, 2)}"
    letters = "ABCEGHJKLMNPRSTVXY"
    if roll < 0.88:
        return f"{digits(chance, 4, 4)} {chance.choice(letters)}{chance.choice(letters)}"
    if roll < 0.96:
        a, b, c = (chance.choice(letters) for _ in range(3))
        return f"{a}{digits(chance, 1, 1)}{b} {digits(chance, 1, 1)}{c}{digits(chance, 1, 1)}"
    return f"{digits(chance, 4, 4)}-{digits(chance, 3, 3)}" if roll < 0.98 else digits(chance, 3, 3)


def job(chance: random.Random) -> str:
    names, kinds = sorted(GAZETTEERS["job"]), sorted(GAZETTEERS["job_modifier"])
    roll, name = chance.random(), chance.choice(names)
    if roll < 0.3:
        text = name
    elif roll < 0.85:
        text = f"{chance.choice(kinds)} {name}"
    elif roll < 0.93:
        text = f"{chance.choice(kinds)} and {chance.choice(kinds)} {name}"
    else:
        text = f"{chance.choice(kinds)}, {chance.choice(kinds)}, and {chance.choice(kinds)} {name}"
    return text.capitalize()


def nation(chance: random.Random) -> str:
    roll = chance.random()
    text = _title(chance.choice(sorted(GAZETTEERS["nationality"])))
    if roll < 0.2:
        text = (text if text.endswith("s") else text + "s").lower() if roll < 0.12 else text + "s"
    return text


def _constant(make: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return make


def _mail(chance: random.Random) -> str:
    return f"{_given(chance).lower()}.{_stem(chance).lower()}@example.com"


def _phone(chance: random.Random) -> str:
    return f"+{chance.randint(30, 49)} {digits(chance, 3, 3)} {digits(chance, 3, 3)} {digits(chance, 3, 4)}"


def _place(chance: random.Random) -> str:
    return country(chance) if chance.random() < 0.4 else town(chance)


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "P": person, "A": address, "N": lambda chance: digits(chance, 3, 5), "S": street, "U": unit,
    "C": town, "K": country, "G": _place, "W": state, "Z": post_code,
    "ZS": lambda chance: digits(chance, 5, 5), "O": firm, "D": date, "J": job, "R": nation,
    "T": lambda chance: chance.choice(("Mr.", "Mrs.", "Ms.", "Dr.", "Mr", "Ms", "Mrs", "Dr", "Prof.")),
    "Y": lambda chance: str(chance.randint(18, 95)), "PHONE": _phone, "EMAIL": _mail,
    "URL": lambda chance: f"https://www.{_stem(chance).lower()}.org/",
    "CARD": lambda chance: "4111 1111 1111 1111", "IBAN": lambda chance: "GB82WEST12345698765432",
}  # fmt: skip
TYPES = {
    "P": "PERSON", "A": "STREET_ADDRESS", "N": "STREET_ADDRESS", "S": "STREET_ADDRESS",
    "U": "STREET_ADDRESS", "ZS": "STREET_ADDRESS", "C": "GPE", "K": "GPE", "G": "GPE", "W": "GPE",
    "Z": "ZIP_CODE", "O": "ORGANIZATION", "D": "DATE_TIME", "T": "TITLE", "J": "TITLE",
    "Y": "AGE", "R": "NRP", "PHONE": "", "EMAIL": "", "URL": "", "CARD": "", "IBAN": "",
}  # fmt: skip


def read(rows: Sequence[dict]) -> list[Example]:
    """Return labelled rows (presidio-research's columns) as examples."""
    return [
        Example(
            row["full_text"],
            tuple(
                sorted(
                    (s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"]
                )
            ),
        )
        for row in rows
    ]
