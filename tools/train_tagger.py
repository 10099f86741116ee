"""Learn the weights of the tagger in `words/detectors`: `python tools/train_tagger.py NORNE [--check]`.

NORNE is a copy of https://github.com/ltgoslo/norne: the development and test splits of `ud`, and the training split or,
where a copy lacks it, what `ndt` has besides these two. Half of what is learnt from stands without capitals and
punctuation. Names in the corpus are replaced at random by names of the lists and by made-up ones, lists are forgotten
at random, and telephone talk is made up (tagger_frames.txt), so that names are found that nobody listed. The same
corpus, lists and Python give the same weights. `--check` measures the shipped weights and writes nothing.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from arlo_rec.words.detectors import tagger, word_lists  # noqa: E402

Sentence = list[tuple[str, str]]  # word as written, and its kind: "O", "B-PER" ...
SEED = 20
ROUNDS = 12
TALK = 17_000  # made-up turns in a round, beside 29,744 sentences
THRESHOLDS = (0.5, 0.3, 0.2, 0.1)
UNKNOWN = (1.0, 0.0)  # the logistic of weights that are not yet calibrated
LEARNT = {"nb", "nn", "sv", "da", "en", "none", "hesitation"}  # parts of the frames; the others only measure
COMMON = 2  # times that a word stands small before it counts as an everyday word
ENGLISH_I = re.compile(r"\bi(?='|\b(?: am| have| had| did| will| speak| live| talked| spoke| help| speaking))")
OPENERS, CLOSERS = {"(", "«", "[", "“"}, set(".,;:!?…»)]%”’")
MADE_UP = 0.6  # of the names put in, built of syllables
RENAMED = 0.3  # of the pieces of the corpus, other names put in
MARGIN_NAME, MARGIN_OTHER = 3.0, 1.0  # a name must be told more clearly: a missed one is worse than a word too many
CHANGE = 0.2  # of a weight, by one mistake
STEP = 16  # of a weight is one in the file, where weights are whole numbers
COMMA = 0.07  # of the words of talk, a comma before them
HESITATION = 0.1  # of the turns, one "eh" or the like
FORGET = 0.3  # of the names, the lists do not know


def conll(paths: Sequence[Path]) -> list[Sentence]:
    """The sentences of files in CoNLL or CoNLL-U."""
    sentences: list[Sentence] = []
    for path in paths:
        for block in path.read_text("utf-8").split("\n\n"):
            rows = [line.split("\t") for line in block.splitlines() if line[:1].isdigit()]
            words = [(row[1], row[9].split("name=")[-1].split("|")[0]) for row in rows if row[0].isdigit()]
            if words:
                sentences.append([(word, kind) for word, kind in words if word != "|"])
    return [sentence for sentence in sentences if sentence]


def split(norne: Path, language: str, name: str) -> list[Sentence]:
    """One split of the UD edition; empty where the copy has none."""
    return conll(sorted((norne / "ud" / language).glob(f"*-{name}.conllu")))


def training(norne: Path, language: str) -> list[Sentence]:
    """The training split, or what NDT has besides the two others: the same sentences but for repeated ones."""
    whole = split(norne, language, "train")
    if whole:
        return whole
    others = {_text(sentence) for name in ("dev", "test") for sentence in split(norne, language, name)}
    return [
        sentence
        for sentence in conll(sorted((norne / "ndt" / language).glob("*.conll")))
        if _text(sentence) not in others
    ]


def _text(sentence: Sentence) -> str:
    return " ".join(word for word, _ in sentence)


@cache
def frames() -> dict[str, list[str]]:
    """The frames of each part of tagger_frames.txt."""
    parts: dict[str, list[str]] = {}
    now = ""
    for line in (TOP / "tools" / "tagger_frames.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            now = line.strip("[]")
        elif line and not line.startswith("#"):
            parts.setdefault(now, []).append(line)
    return parts


@cache
def _words(part: str) -> list[str]:
    """The words of a part that holds no frames."""
    return " ".join(frames()[part]).split()


class Names:
    """Names to put into sentences: of the lists, and built of syllables."""

    def __init__(self, chance: random.Random, *, held_out: bool) -> None:
        lists = word_lists.load_names()
        self.chance, self.held_out = chance, held_out
        self.given = [name for name in sorted(lists.given) if name not in lists.ambiguous or chance.random() < 0.5]
        self.family = [name for name in sorted(lists.family) if name not in lists.ambiguous or chance.random() < 0.5]

    def pick(self, kind: str) -> str:
        """A given ("G") or family ("F") name, with a capital."""
        made = self.held_out or self.chance.random() < MADE_UP
        listed = self.given if kind == "G" else self.family
        parts = 2 if kind == "G" and self.chance.random() < 0.04 else 1
        words = (self._made(kind) if made else self.chance.choice(listed) for _ in range(parts))
        return "-".join(word[:1].upper() + word[1:] for word in words)

    def person(self) -> list[str]:
        chance = self.chance.random()
        if chance < 0.25:
            return [self.pick("G")]
        if chance < 0.3:
            return [self.pick("G"), self.pick("G"), self.pick("F")]
        if chance < 0.36:
            return [self.pick("G"), self.pick("F"), self.pick("F")]
        return [self.pick("G"), self.pick("F")]

    def _made(self, kind: str) -> str:
        """A name of two syllables or so; one to test with is in no list."""
        part = f"{'held out' if self.held_out else 'made'} {kind}"
        starts, ends = _words(f"{part} starts"), _words(f"{part} ends")
        while True:
            made = self.chance.choice(starts) + self.chance.choice(ends)
            if not self.held_out or not (word_lists.is_given(made) or word_lists.is_family(made)):
                return made


def fill(frame: str, names: Names) -> Sentence:
    """A frame with its slots filled, a capital at the start and a full stop."""
    sentence: Sentence = []
    for word in ENGLISH_I.sub("I", _chosen(frame, names.chance)).split():
        if word == "{P}":
            sentence += [(name, "B-PER") for name in names.person()]
        elif word in {"{G}", "{F}"}:
            sentence.append((names.pick(word[1]), "B-PER"))
        elif word.startswith("{"):
            sentence.append((names.chance.choice(_words(word[1])), "B-ORG" if word[1] in "SO" else "O"))
        else:
            sentence.append((word, "O"))
    if names.chance.random() < HESITATION:
        sentence.insert(names.chance.randrange(len(sentence) + 1), (names.chance.choice(_words("hesitation")), "O"))
    first, kind = sentence[0]
    rest: Sentence = []
    for word in sentence[1:]:
        rest += [(",", "O"), word] if names.chance.random() < COMMA else [word]
    return [(first[:1].upper() + first[1:], kind), *rest, (names.chance.choice(".....?,"), "O")]


def _chosen(frame: str, chance: random.Random) -> str:
    """The frame with one alternative of each "{a|b_c}", from the outside in."""

    def choose(match: re.Match[str]) -> str:
        options = re.split(r"\|(?![^{]*\})", match[1])
        return chance.choice(options).replace("_", " ")

    return re.sub(r"\{((?:[^{}]|\{[A-Z]\}){2,})\}", choose, frame)


def as_spoken(sentences: Sequence[Sentence], form: str) -> tuple[list[str], list[int]]:
    """Words as an engine writes them, and what each is a part of: "cased", "bare" of punctuation, or "lower"."""
    words: list[str] = []
    kinds: list[int] = []
    opener = ""
    for sentence in sentences:
        for word, kind in sentence:
            if not any(letter.isalnum() for letter in word):
                if form == "cased" and word in CLOSERS and words:
                    words[-1] += word
                elif form == "cased" and word in OPENERS:
                    opener = word
                continue
            words.append(word.lower() if form == "lower" else opener + word)
            no_name = kind == "O" or kind.endswith("-DRV")
            kinds.append(tagger.PERSON if kind.endswith("-PER") else tagger.NOTHING if no_name else tagger.OTHER)
            opener = ""
    return words, kinds


def other_names(sentence: Sentence, names: Names) -> Sentence:
    """The sentence with its people renamed: the first of several words becomes a given name, the last a family name."""
    renamed = list(sentence)
    for at, (word, kind) in enumerate(sentence):
        if kind.endswith("-PER") and word[:1].isupper() and len(word) > 2:
            follows = at + 1 < len(sentence) and sentence[at + 1][1] == "I-PER"
            inside = kind.startswith("I")
            new = names.pick("G" if follows or (not inside and names.chance.random() < 0.5) else "F")
            renamed[at] = (new + ("s" if word.endswith("s") and names.chance.random() < 0.3 else ""), kind)
    return renamed


def lessons(
    corpus: Sequence[Sentence], talk: dict[str, list[str]], chance: random.Random
) -> Iterator[tuple[list[str], list[int]]]:
    """One round: the corpus in pieces of one to six sentences, and made-up talk, in random order and form."""
    names = Names(chance, held_out=False)
    pieces: list[list[Sentence]] = []
    at = 0
    while at < len(corpus):
        size = chance.choice((1, 1, 2, 3, 4, 6))
        piece = list(corpus[at : at + size])
        pieces.append([other_names(sentence, names) for sentence in piece] if chance.random() < RENAMED else piece)
        at += size
    parts = ["nb"] * 10 + ["nn"] * 7 + ["en"] * 4 + ["sv", "da"] + ["none"] * 18
    made = 0
    while made < TALK:
        size = chance.choice((1, 2, 3, 4, 5, 8))
        pieces.append([fill(chance.choice(talk[chance.choice(parts)]), names) for _ in range(size)])
        made += size
    chance.shuffle(pieces)
    for piece in pieces:
        form = chance.choices(("cased", "bare", "lower"), (42, 8, 50))[0]
        words, kinds = as_spoken(piece, form)
        if form != "lower":  # an engine that writes capitals does not give them to every name it never heard
            words = [
                word.lower() if kind == tagger.PERSON and chance.random() < 0.05 else word
                for word, kind in zip(words, kinds, strict=True)
            ]
        if words:
            yield words, kinds


class Learner:
    """An averaged perceptron with uneven margins (Li and others 2002) for two kinds of names against none."""

    def __init__(self, common: bytes, chance: random.Random) -> None:
        self.common, self.chance = common, chance
        self.now = [array("d", bytes(8 * tagger.PLACES)) for _ in range(3)]  # by kind; that of NOTHING stays 0
        self.late = [array("d", bytes(8 * tagger.PLACES)) for _ in range(3)]
        self.steps = 1
        self.cache: dict[tuple[str, bool], tagger.WordFeatures] = {}

    def own(self, word: str, *, forget: bool) -> tagger.WordFeatures:
        own = self.cache.get((word, forget))
        if own is None:
            own = tagger.describe(word, self._known_everyday if forget else self._known_all)
            if len(self.cache) > 500_000:
                self.cache.clear()
            self.cache[word, forget] = own
        return own

    def _known_everyday(self, plain: str) -> int:
        return tagger.EVERYDAY * tagger.is_everyday(self.common, plain)

    def _known_all(self, plain: str) -> int:
        return tagger.name_code(plain) | self._known_everyday(plain)

    def learn(self, words: Sequence[str], kinds: Sequence[int]) -> None:
        """One piece of text."""
        chance = self.chance
        _, person, other = self.now
        seen = [
            self.own(tagger.strip_marks(word), forget=kind == tagger.PERSON and chance.random() < FORGET)
            for word, kind in zip(words, kinds, strict=True)
        ]
        padded = [tagger.ABSENT, tagger.ABSENT, *seen, tagger.ABSENT, tagger.ABSENT]
        cases = [7, *tagger.encode_writing(words), 7]
        before = earlier = 0
        for at, kind in enumerate(kinds):
            places = tagger.index_features(padded, cases, at, before, earlier)
            scores = [0.0, sum([person[place] for place in places]), sum([other[place] for place in places])]
            self.steps += 1
            guess = max(range(3), key=scores.__getitem__)
            rival = max((rival for rival in range(3) if rival != kind), key=scores.__getitem__)
            if scores[kind] - scores[rival] < (MARGIN_NAME if kind == tagger.PERSON else MARGIN_OTHER):
                self._move(places, kind, CHANGE)
                self._move(places, rival, -CHANGE)
            earlier, before = before, guess if chance.random() < 0.8 else kind

    def _move(self, places: Sequence[int], kind: int, change: float) -> None:
        if kind:
            now, late, delayed = self.now[kind], self.late[kind], change * self.steps
            for place in places:
                now[place] += change
                late[place] += delayed

    def weights(self, kind: int) -> array[int]:
        """The averages as signed bytes."""
        averages = (weight - late / self.steps for weight, late in zip(self.now[kind], self.late[kind], strict=True))
        return array("b", [max(-127, min(127, round(average * STEP))) for average in averages])


Texts = Sequence[tuple[list[str], list[int]]]
Graded = list[tuple[float, bool]]  # a margin or score, and whether the word is a part of a person's name


def judged(weights: tagger.Weights, texts: Texts) -> Graded:
    """The margin of each word and whether it is a name."""
    return [
        (margin, kind == tagger.PERSON) for words, kinds in texts
        for margin, kind in zip(weights.compute_margins(words), kinds, strict=True)
    ]  # fmt: skip


def scored(weights: tagger.Weights, texts: Texts) -> Graded:
    """The score of each word and whether it is a name."""
    return [
        (score, kind == tagger.PERSON) for words, kinds in texts
        for score, kind in zip(weights.score(words), kinds, strict=True)
    ]  # fmt: skip


def calibration(norne: Path) -> tuple[Texts, Texts]:
    """With and without capitals: the development splits, and as many words of made-up talk as one of them."""
    sentences = split(norne, "nob", "dev") + split(norne, "nno", "dev")
    talk = held_out_talk(random.Random(7), "held out", 6000)
    cased, lower = (grouped(sentences, form, 1) + grouped(talk, form, 6) for form in ("cased", "lower"))
    return cased, lower


def calibrated(graded: Graded) -> tuple[float, float]:
    """Slope and shift of the logistic that fits margins best, by Newton's method."""
    slope, shift = 0.01, 0.0
    for _ in range(50):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for margin, name in graded:
            guess = 1 / (1 + math.exp(-max(-50.0, min(50.0, slope * margin + shift))))
            wrong, curve = guess - name, guess * (1 - guess)
            g0, g1 = g0 + wrong * margin, g1 + wrong
            h00, h01, h11 = h00 + curve * margin * margin, h01 + curve * margin, h11 + curve
        det = h00 * h11 - h01 * h01 + 1e-9
        slope, shift = slope - (h11 * g0 - h01 * g1) / det, shift - (h00 * g1 - h01 * g0) / det
    return slope, shift


def recall_at(graded: Graded, precision: float) -> float:
    """The best recall at this precision or a better one."""
    best, hits, total = 0.0, 0, sum(name for _, name in graded)
    for taken, (_, name) in enumerate(sorted(graded, reverse=True), 1):
        hits += name
        if hits >= precision * taken:
            best = hits / total
    return best


def figures(weights: tagger.Weights, texts: Texts) -> str:
    """Recall / precision of words of names at each threshold, and recall at two precisions."""
    graded = scored(weights, texts)
    cells = []
    for threshold in THRESHOLDS:
        taken = [name for score, name in graded if score >= threshold]
        cells.append(f"{threshold}: {sum(taken) / sum(name for _, name in graded):.3f} / {sum(taken) / len(taken):.3f}")
    cells += [f"at {precision}: {recall_at(graded, precision):.3f}" for precision in (0.91, 0.85)]
    return "   ".join(cells)


def grouped(sentences: Sequence[Sentence], form: str, size: int) -> list[tuple[list[str], list[int]]]:
    """Sentences as spoken, *size* at a time."""
    pieces = [as_spoken(sentences[at : at + size], form) for at in range(0, len(sentences), size)]
    return [piece for piece in pieces if piece[0]]


def held_out_talk(chance: random.Random, part: str, turns: int) -> list[Sentence]:
    """Turns of frames and with names that were never learnt from."""
    names, parts = Names(chance, held_out=True), frames()
    both = parts[part] + parts[part + " none"]
    return [fill(chance.choice(both), names) for _ in range(turns)]


def report(weights: tagger.Weights, norne: Path) -> None:
    """Print what the weights find: recall / precision of words at some thresholds."""
    print("threshold of the score: recall / precision of words of names; best recall at a precision")
    for language in ("nob", "nno"):
        for name in ("dev", "test"):
            for form in ("cased", "lower"):
                for size in (1, 20):
                    pieces = grouped(split(norne, language, name), form, size)
                    print(f"{language} {name:4} {form:5} {size:2} at once", figures(weights, pieces))
    for part in ("held out", "final"):
        talk = held_out_talk(random.Random(99), part, 3000)
        for form in ("cased", "lower"):
            print(f"talk, {part} {form:5}", figures(weights, grouped(talk, form, 6)))


def everyday(corpus: Sequence[Sentence], talk: dict[str, list[str]]) -> set[str]:
    """Words that the corpus writes small, and those of the frames."""
    small = Counter(
        word for sentence in corpus for word, kind in sentence if word.islower() and not kind.endswith("-PER")
    )
    framed = {word for part in LEARNT for frame in talk[part] for word in re.split(r"[ {}|_]", frame)}
    return {word for word, times in small.items() if times >= COMMON} | {word for word in framed if word.islower()}


def main() -> int:
    """Learn, write and measure."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("norne", type=Path)
    words.add_argument("--check", action="store_true")
    words.add_argument("--rounds", type=int, default=ROUNDS)
    given = words.parse_args()
    if given.check:
        report(tagger.load_weights(), given.norne)
        return 0
    chance, talk = random.Random(SEED), frames()
    corpus = training(given.norne, "nob") + training(given.norne, "nno")
    common = tagger.build_everyday_table(sorted(everyday(corpus, talk)))
    learner = Learner(common, chance)
    for round_ in range(given.rounds):
        began = time.monotonic()
        for piece in lessons(corpus, talk, chance):
            learner.learn(*piece)
        print("round", round_ + 1, f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    person, other = learner.weights(tagger.PERSON), learner.weights(tagger.OTHER)
    weights = tagger.Weights((UNKNOWN, UNKNOWN), common, person, other)
    logistic = [calibrated(judged(weights, texts)) for texts in calibration(given.norne)]
    weights = tagger.Weights((logistic[0], logistic[1]), common, person, other)
    tagger.FILE.write_bytes(weights.write())
    used = sum(1 for weight in (*person, *other) if weight)
    print(f"{tagger.FILE.stat().st_size} bytes, {used} weights, logistics {logistic}")
    report(tagger.read(tagger.FILE), given.norne)
    return 0


if __name__ == "__main__":
    sys.exit(main())
