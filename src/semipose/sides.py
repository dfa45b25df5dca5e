"""Which joints are left and right of each other, read from their names, in many languages, and checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

OTHER = {"left": "right", "right": "left"}

WORDS = (
    ("left lft", "right rgt rght"),
    ("links linke linker linkes linken linkem", "rechts rechte rechter rechtes rechten rechtem"),
    ("gauche gauches", "droite droites"),
    ("izquierda izquierdo izquierdas izquierdos izq izqda izqdo izda izdo", "derecha derecho derechas derechos"),
    ("sinistra sinistro sinistri sinistre", "destra destro destri destre"),
    ("esquerda esquerdo", "direita direito"),
    ("esquerra esquerre", "dreta dret"),
    ("stanga", "dreapta"),
    ("vanster vanstra", "hoger hogra"),
    ("venstre", "hojre hoyre"),
    ("vasen vasemman", "oikea oikean"),
    ("vasak vasaku", "parem parema"),
    ("lewy lewa lewe lewo", "prawy prawa prawe prawo"),
    ("levy levyj levyi levyy leva levaya levaja leve levoe levo", "pravy pravyj pravyi pravyy prava pravaya pravaja"),
    ("lijevi lijeva lijevo levi", "desni desna desno prave pravoe pravo"),
    ("hidari", "migi"),
    ("kiri", "kanan"),
    ("sinister", "dexter dextra"),
)
"""Words that say a side by themselves, without accents."""
SHORT = (
    ("li lks", "re rts"),
    ("gauche", "droit droits"),
    ("izq", "der dcha dcho drcha dch"),
    ("sx sin", "dx des"),
    ("esq", "dir dta dto"),
    ("sin", "dex dext"),
    ("lev lew", "prav praw"),
    ("sol", "sag"),
    ("bal", "jobb"),
    ("trai", "phai"),
    ("zuo", "you"),
    ("port", "starboard"),
    ("lt", "rt"),
)
"""Words that say one only beside their partner: alone they may be anything."""
PARTS = (
    ("左 ひだり ヒダリ 왼쪽 왼 좌측 좌", "右 みぎ ミギ 오른쪽 오른 우측 우"),
    ("левый левая левое левого левой левые лев", "правый правая правое правого правой правые прав"),
    ("лівий ліва ліве лів", "правий права праве прав"),
    ("αριστερος αριστερη αριστερο αριστερ", "δεξιος δεξια δεξιο δεξι"),
    ("اليسرى اليسار الأيسر يسرى يسار أيسر", "اليمنى اليمين الأيمن يمنى يمين أيمن"),
    ("שמאלית שמאלי שמאל", "ימנית ימני ימין"),
    ("बायां बायाँ बाएं बाएँ बाईं बाय", "दायां दायाँ दाएं दाएँ दाईं दाय"),
    ("ซ้าย", "ขวา"),
)
"""Of scripts without spaces or capitals: said wherever they stand in a name; longer ones first."""
LETTERS = (("g", "d", "gauche, droite"), ("i", "d", "izquierda, derecha"), ("e", "d", "esquerda, direita"),
           ("s", "d", "sinistra, destra"), ("v", "h", "vänster, höger or venstre, højre"),
           ("л", "п", "левый, правый"))  # fmt: skip
"""Single letters that may say a side, and may not."""
BODY = (
    "ear eye paw foot feet hand hip knee wrist ankle shoulder elbow leg arm wing hoof finger thumb toe heel whisker"
    " eyebrow eyelid cheek jaw mouth nostril nose collar pelvis thigh calf forearm hindpaw forepaw hindleg foreleg"
    " hindlimb forelimb hindfoot forefoot frontpaw backpaw limb flank antenna fin horn claw pupil brow temple heel"
)
BODIES = frozenset(BODY.split())
OF_BODY = re.compile(rf"(f|h|b|front|hind|fore|back|rear|)([lr])({'|'.join(BODIES)})")
BODY_OF = re.compile(rf"({'|'.join(BODIES)})(f|h|b|)([lr])")
NO_SIDE = {"over", "overs"}
"""What after "left" or "right" makes it another word."""
FOLD = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "ı": "i", "æ": "ae", "ß": "ss"})


class Reading(NamedTuple):
    """A side, the name without it, and in which way it was said, where others of the same data say it so."""

    side: str
    rest: str
    form: tuple = ()


class Sides(NamedTuple):
    """(left, right) index pairs, and a line on each name that says a side and got no partner, or that may say one."""

    pairs: tuple[tuple[int, int], ...]
    remarks: tuple[str, ...]


class Guess(NamedTuple):
    """Joints `i` and `j` that may be left and right of each other, and in words why."""

    i: int
    j: int
    why: str


def find_sides(joints: Sequence[str], settled: Collection[int] = ()) -> Sides:
    """Pairs by name: two joints are one where their names are the same but for the side. A side is surely meant by

    * a word: `left_ear`, `Right Wrist`, `paw_L`, `lEye`, `LEar`, `lft_ear`; of other languages `oreille_gauche`,
      `linkes_ohr`, `oreja_izq`, `左耳`, `левое ухо`; other letters of a row a, b, c make no side of its l and r;
    * the start of a word: `leftear`; a letter before a part of the body: `HLpaw`, `Lhip`;

    and perhaps, so that a name without partner is one like another, by

    * the end of a word, or its start in another language: `earleft`, `ohrlinks`, `linkesohr`;
    * an abbreviation: `ohr_li`, `orecchio_sx`;
    * the first or last letter of a code: `LH`, `paw_fl`, `LHP`, `L1`, `LEAR`, `pawl`;
    * a capital before a word: `Lbar`.

    Where no name is the same but for the side, numbers are not compared: paw1LH and paw4RH are a pair if there is one
    such of each. A name with both sides, or with two possible partners, has no partner and is remarked on, and so is
    one that surely means a side and finds no other, or that says it as the pairs of the data do. Names that may mean
    sides, as `guesses` has them, are remarked on and no pairs.

    Args:
        settled: joints whose pairs are known otherwise, as from a file: there is no remark on these alone.
    """
    names = [_plain(name) for name in joints]
    series = _series(names)
    sure = [_sure(name, series) for name in names]
    readings = [found or _perhaps(_spaced(name)) for found, name in zip(sure, names, strict=True)]
    remarks: list[tuple[str, set[int]]] = []
    for i, name in enumerate(joints):
        if len({reading.side for reading in sure[i]}) > 1:
            remarks.append((f"{name!r} says left and right at once: no pair", {i}))
            sure[i] = readings[i] = set()
    pairs: list[tuple[int, int]] = []
    forms: dict[tuple, str] = {}
    for numbers in (True, False):
        paired = {i for pair in pairs for i in pair}
        shown = [_shown(found, numbers) if i not in paired else set() for i, found in enumerate(readings)]
        partners = [
            {j for j, other in enumerate(shown) if {(OTHER[side], rest) for side, rest in found} & other}
            for found in shown
        ]
        for i, found in enumerate(partners):
            rivals = {k for j in found for k in partners[j]} - {i}
            if len(found) > 1 or rivals:
                group = found | rivals | {i}
                several = ", ".join(repr(joints[j]) for j in sorted(group))
                remarks.append((f"{several} are not clearly one pair: none of them is", group))
                sure[i] = readings[i] = set()
            elif found and any(side == "left" for side, rest in shown[i] if ("right", rest) in shown[min(found)]):
                pairs.append((i, min(found)))
                forms |= {reading.form: joints[i] for reading in readings[i] if reading.form}
    paired = {i for pair in pairs for i in pair}
    alone = [i for i in range(len(joints)) if i not in paired]
    for i in alone:
        like = sure[i] or {reading for reading in readings[i] if reading.form in forms}
        if like:
            side = min(like).side
            remarks.append((f"{joints[i]!r} is {side} and there is no {OTHER[side]} one: no pair", {i}))
    said = [remark for remark, about in remarks if not about <= {*settled}]
    said += _in_words(joints, [g for g in guesses(joints) if not {g.i, g.j} & {*paired, *settled}])
    return Sides(tuple(sorted(pairs)), tuple(dict.fromkeys(said)))


def guesses(joints: Sequence[str]) -> list[Guess]:
    """Names that are the same but for a letter or a word that may say a side and may say something else."""
    names = [_plain(name) for name in joints]
    series = _series(names)
    spelled = {tuple(word.lower() for word in _spaced(name)): i for i, name in enumerate(names)}
    found = []
    for words, i in spelled.items():
        for at, word in enumerate(words):
            for left, right, meaning in LETTERS:
                single = len(word) == 1
                code = single or (len(word) <= 4 and _spaced(names[i])[at].isupper())
                row = single and _rest(words, at, "*") in series
                other = (*words[:at], word[:-1] + right, *words[at + 1 :])
                if word.endswith(left) and code and not row and len("".join(words)) > 1 and other in spelled:
                    found.append(Guess(i, spelled[other], f"{left} and {right}: {meaning}"))
            other = (*words[:at], f"off{word[4:]}", *words[at + 1 :])
            if word.startswith("near") and other in spelled:
                why = "near and off: of a horse left and right, or near to the camera and far from it"
                found.append(Guess(i, spelled[other], why))
    return found


def unknown_words(joints: Sequence[str]) -> list[tuple[int, int]]:
    """Joints whose names are the same but for one word, or for a letter or number of which nobody knows what it means:
    left and right perhaps, where their labels mirror each other."""
    spelled = [[word.lower() for word in _spaced(_plain(name))] for name in joints]
    found = []
    for i, words in enumerate(spelled):
        for j in range(i + 1, len(spelled)):
            unlike = [k for k, (a, b) in enumerate(zip(words, spelled[j], strict=False)) if a != b]
            if (
                len(words) == len(spelled[j])
                and len(unlike) == 1
                and (len(words) > 1 or _alike(words[0], spelled[j][0]))
            ):
                found.append((i, j))
    return found


def words(name: str) -> list[str]:
    """A name's words in lower case, cut at separators and camel case."""
    return [word.lower() for word in _spaced(name)]


def _alike(a: str, b: str) -> bool:
    """Whether single words are as a1 and a2, kp3 and kp4, A and B, lfp and rfp, or begin or end alike."""
    numbered = re.sub(r"\d+", "", a) == re.sub(r"\d+", "", b)
    one = len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1
    return numbered or one or (min(len(a), len(b)) > 3 and (a[:3] == b[:3] or a[-3:] == b[-3:]))


def _in_words(joints: Sequence[str], found: Sequence[Guess]) -> list[str]:
    """A line for all guesses of one kind."""
    lines = []
    for why in dict.fromkeys(guess.why for guess in found):
        rows = [f"{joints[g.i]!r} - {joints[g.j]!r}" for g in found if g.why == why]
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        lines.append(f"{', '.join(rows[:3])}{more} may be left and right ({why}): no pairs")
    return lines


def _plain(name: str) -> str:
    """Without accents and marks, so that words of all languages are found however they were typed."""
    marked = unicodedata.normalize("NFD", name.translate(FOLD))
    return unicodedata.normalize("NFC", "".join(c for c in marked if unicodedata.category(c) not in ("Mn", "Mc")))


def _table(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {_plain(word): side for row in rows for side, some in zip(OTHER, row, strict=True) for word in some.split()}


SAID, SHORTENED, INSIDE = _table(WORDS), _table(SHORT), _table(PARTS)


def _spaced(name: str) -> list[str]:
    cut = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[\W_]+", cut) if word]


def _series(names: Sequence[str]) -> set[str]:
    """Names without a single letter, where the letters are a row such as a, b, c: its l and r are no sides."""
    letters: dict[str, set[str]] = {}
    for name in names:
        parts = [part.lower() for part in _spaced(name)]
        for i, part in enumerate(parts):
            if len(part) == 1 and part.isalpha():
                letters.setdefault(_rest(parts, i, "*"), set()).add(part)
    # Beside left and right there may be a centre and a middle.
    return {rest for rest, some in letters.items() if len(some - {"l", "r", "c", "m"}) >= 2 and len(some) > 3}


def _sure(name: str, series: set[str]) -> set[Reading]:
    parts, found = _spaced(name), set()
    for i, part in enumerate(parts):
        low = part.lower()
        if low in SAID:
            found.add(Reading(SAID[low], _rest(parts, i, "*")))
        elif low in ("l", "r") and (rest := _rest(parts, i, "*")) not in series:
            found.add(Reading("left" if low == "l" else "right", rest))
        for side in OTHER:
            if low != side and low.startswith(side) and low[len(side) :] not in NO_SIDE:
                found.add(Reading(side, _rest(parts, i, "*" + low[len(side) :])))
        if (match := OF_BODY.fullmatch(low)) and low not in ("rear", "lear"):
            found.add(Reading("left" if match[2] == "l" else "right", _rest(parts, i, f"{match[1]}*{match[3]}")))
    whole = name.lower()
    for word, side in INSIDE.items():
        if word in whole and not any(word in other.rest for other in found):
            found.add(Reading(side, whole.replace(word, "*", 1)))
            whole = whole.replace(word, "*", 1)
    return found


def _perhaps(parts: list[str]) -> set[Reading]:
    found = set()
    for i, part in enumerate(parts):
        low = part.lower()
        code = len(part) == 2 or (len(part) == 3 and part.isupper())
        if low in SHORTENED:
            found.add(Reading(SHORTENED[low], _rest(parts, i, "*")))
        for word, side in SAID.items():
            if len(word) > 3 and low != word and word not in OTHER:
                if low.startswith(word):
                    found.add(Reading(side, _rest(parts, i, "*" + low[len(word) :])))
                if low.endswith(word):
                    found.add(Reading(side, _rest(parts, i, low[: -len(word)] + "*")))
        for side in OTHER:
            if low.endswith(side):
                found.add(Reading(side, _rest(parts, i, low[: -len(side)] + "*"), ("end",)))
            if low[0] == side[0] and code:
                found.add(Reading(side, _rest(parts, i, "*" + low[1:]), ("first", len(part))))
            elif low[0] == side[0] and len(part) > 3 and (part[1:].islower() or part.isupper()) and part[0].isupper():
                form = ("capital", low[1:]) if part[1:].islower() else ()
                found.add(Reading(side, _rest(parts, i, "*" + low[1:]), form))
            elif low[0] == side[0] and low[1:] in BODIES:
                found.add(Reading(side, _rest(parts, i, "*" + low[1:])))
            if low[-1] == side[0] and code:
                found.add(Reading(side, _rest(parts, i, low[:-1] + "*"), ("last", len(part))))
            elif low[-1] == side[0] and BODY_OF.fullmatch(low):
                found.add(Reading(side, _rest(parts, i, low[:-1] + "*")))
    return found


def _rest(parts: Sequence[str], i: int, part: str) -> str:
    return "_".join([*(p.lower() for p in parts[:i]), part, *(p.lower() for p in parts[i + 1 :])])


def _shown(readings: set[Reading], numbers: bool) -> set[tuple[str, str]]:
    return {(r.side, r.rest if numbers else re.sub(r"\d+", "", r.rest)) for r in readings}
