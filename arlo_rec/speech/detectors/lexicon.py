"""Word lists for numbers, codes, addresses and dates in five languages.

Norwegian (bokmål and nynorsk), Swedish, Danish and English, case-folded. Every entry is chosen for its meaning in a
telephone call; none comes from a list of people. Sources: the languages' own grammars of numerals;
ICAO's spelling alphabet and the national ones (Norsk bokstaveringsalfabet, Svenska bokstaveringsalfabetet).
"""

from __future__ import annotations

from typing import Final


def split_words(text: str) -> frozenset[str]:
    """Split a text into a set of words."""
    return frozenset(text.split())


def _parse_values(text: str) -> dict[str, int]:
    """Parse `word=value` pairs."""
    return {word: int(value) for word, value in (pair.split("=") for pair in text.split())}


# -- numbers ------------------------------------------------------------------------------------------

UNITS: Final = _parse_values(
    "zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 oh=0 nought=0 nil=0 "
    "null=0 en=1 én=1 ein=1 éin=1 ei=1 ett=1 et=1 to=2 tre=3 fire=4 fem=5 seks=6 sju=7 syv=7 åtte=8 ni=9 "
    "noll=0 två=2 fyra=4 sex=6 åtta=8 nio=9 otte=8 nul=0 åtti=80"
)
TEENS: Final = _parse_values(
    "ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19 "
    "ti=10 elleve=11 tolv=12 tretten=13 fjorten=14 femten=15 seksten=16 sytten=17 atten=18 nitten=19 "
    "tio=10 elva=11 tretton=13 fjorton=14 femton=15 sexton=16 sjutton=17 arton=18 nitton=19 sejsten=16 nittan=19"
)
TENS: Final = _parse_values(
    "twenty=20 thirty=30 forty=40 fourty=40 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90 "
    "tjue=20 tyve=20 tretti=30 tredve=30 førti=40 førr=40 femti=50 seksti=60 sytti=70 søtti=70 åtti=80 nitti=90 "
    "tjugo=20 tjugi=20 fyrti=40 sexti=60 sjutti=70 trettio=30 fyrtio=40 femtio=50 sextio=60 sjuttio=70 åttio=80 nittio=90 "
    "tredive=30 fyrre=40 halvtreds=50 tres=60 halvfjerds=70 firs=80 halvfems=90"
)
HUNDREDS: Final = split_words("hundre hundra hundrede hundred hundreds")
THOUSANDS: Final = split_words("tusen tusind thousand")
ALSO: Final = split_words("og å och and")  # joins the parts of one numeral
TIMES: Final = {**dict.fromkeys(split_words("double dobbel dobbelt dubbel dubbelt"), 2),
                **dict.fromkeys(split_words("triple treble trippel tripel"), 3)}  # fmt: skip
# Number words that are ordinary words in one of the languages: they count within a run, but never begin or form one
WEAK: Final = split_words("en én ein éin ei ett et to fire oh null sex tres firs ti one nul førr ni nil å i tio")
ARTICLES: Final = split_words("en én ein éin ei ett et a i one")
# Misrecognitions of English digits; they count within a run only
SOUNDS_LIKE: Final = {"for": "4", "too": "2", "won": "1", "ate": "8", "tree": "3", "fore": "4", "sicks": "6",
                      "niner": "9", "fife": "5"}  # fmt: skip
FILLERS: Final = split_words(
    "eh øh øhm ehm uh um hm hmm mm mhm ja jo yes yeah ok okay right riktig rett correct stemmer sant precis præcis "
    "så then and og och dash hyphen strek bindestrek minus streck mellomrom mellanrum mellemrum space kolon colon "
    "punktum punkt dot slash skråstrek pluss plus nei nej no vent wait sorry unnskyld beklager komma comma plussen "
    "stor store stort liten lille lite små capital small upper lower case uppercase lowercase versal gemen utropstegn "
    "udråbstegn utropstecken exclamation mark hashtag hash emneknagg stjerne stjärna firkant fyrkant dollartegn "
    "också også etterfulgt followed by av av_ igjen again nå now is er är it det"
)

MEASURES: Final = split_words(
    "kroner kr krone kronor øre euro dollar dollars pounds pund pence cents percent prosent procent % "
    "minutter minutt minutes minute minuter sekunder sekund seconds second sekunda timer time timar hours hour timmar "
    "dager dag dagar dage days day uker uke veker veke veckor weeks week uger måneder måned månader months month år years "
    "year meter metres meters km kilometer mil grader degrees ganger gonger gange gånger times stykker stk kameraer kamera "
    "cameras volt watt ampere prosenten megabit mbit gb mb"
)

UNTIL: Final = split_words("til till eller or until -")  # between two times of day, or two years
BETWEEN: Final = split_words("mellom mellem mellan between")
BESIDE: Final = split_words("og och and")  # "between ten and twelve"

# -- letters ------------------------------------------------------------------------------------------

ICAO: Final = split_words(
    "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey whisky xray x-ray yankee zulu"
)
SPELLING: Final = ICAO | split_words(  # with the Norwegian, the Swedish and the Danish one
    "anna bernhard caesar cæsar david edith fredrik gustav harald ivar johan karin ludvig martin nils olivia petter "
    "quintus rikard sigrid teodor ulrik enkelt-v dobbelt-v xerxes yngling zakarias ærlig østen åse "
    "adam bertil cesar erik filip gustaf helge kalle niklas olof qvintus rudolf tore urban wilhelm zäta ärlig östen åke "
    "bodil christian dora emil frederik georg hans ida jørgen karla ludvig marie niels otto peter rasmus søren theodor "
    "viggo wilhelm ægir øresund åse"
)
LETTER_AS: Final = split_words("as som for in i like")  # "D as in David", "K som i Kari"
LETTER_NAMES: Final = {
    "bee": "b", "be": "b", "cee": "c", "see": "c", "dee": "d", "eff": "f", "gee": "g", "aitch": "h", "jay": "j",
    "kay": "k", "ell": "l", "el": "l", "em": "m", "pee": "p", "cue": "q", "queue": "q", "are": "r", "ar": "r", "ess": "s",
    "tee": "t", "tea": "t", "you": "u", "vee": "v", "ex": "x", "why": "y", "zed": "z", "zee": "z", "double-u": "w",
    "bé": "b", "sé": "c", "dé": "d", "æff": "f", "gé": "g", "hå": "h", "jodd": "j", "jåd": "j", "kå": "k", "æll": "l",
    "æmm": "m", "ænn": "n", "enn": "n", "emm": "m", "pé": "p", "ku": "q", "ærr": "r", "ess.": "s", "té": "t", "vé": "v",
    "eks": "x", "ækks": "x", "sett": "z", "dobbeltve": "w",
}  # fmt: skip
# Letters that are words too: alone they do not begin a spelled word
WORDS_OF_ONE_LETTER: Final = split_words("a i å o e u ø y")
SPELLED_CUES: Final = split_words(
    "spelled spelt spell staves stave stavet staver stavas stavar bokstaveres bokstaverer bokstavert"
)

# -- e-mail -------------------------------------------------------------------------------------------

AT: Final = split_words(
    "@ krøllalfa krøll-alfa krøllalpha alfakrøll krølla krøll-a snabela snabel-a snabbela snabel kanelbulle kanelbolle "
    "apestrek grisehale at-sign atsign at-tegn"
)
AT_PAIRS: Final = frozenset({("krøll", "alfa"), ("krøll", "alpha"), ("krøll", "a"), ("alfa", "krøll"), ("snabel", "a"),
                             ("at", "sign"), ("at", "tegn")})  # fmt: skip
DOT: Final = split_words("dot prik punktum punkt prikk point .")
JOINED: Final = split_words(
    "underscore understrek understreck understreg bindestrek dash hyphen strek minus streck bindestreg"
)
DOMAINS: Final = split_words(
    "no com se dk net org eu fi nu co uk info io me gmail hotmail outlook yahoo icloud live online online.no msn telia "
    "telenor broadpark getmail lyse altibox tele2 bredband comhem mail proton protonmail epost e-post post example jubii"
)
MAIL_WORDS: Final = split_words(
    "email e-mail mail mailen e-post epost e-posten eposten e-postadresse mailadresse mejl mejlen mailadressen "
    "e-postadressen epostadresse epostadressen mejladress e-mailadresse e-mailen"
)

# Words before an e-mail address that are no part of it
BEFORE_MAIL: Final = split_words(
    "er is are it my min mi mitt our så so yes ja its it's was på to til den det that and og then adressen adressa address "
    "mailen mail e-mail email eposten epost e-post e-posten sure com under ok okay jo hei hello the a eh øh uh klart vent litt "
    "bekreftelsen confirmation"
)

# -- addresses ----------------------------------------------------------------------------------------

STREETS: Final = (
    "veien", "vegen", "gata", "gaten", "gate", "vei", "veg", "allé", "alléen", "alleen", "plass", "plassen", "bakken",
    "bakke", "svingen", "lia", "haugen", "tunet", "stien", "kroken", "brygge", "brygga", "torg", "torget", "kleiva",
    "faret", "løkka", "åsen", "ringen", "jordet", "vägen", "väg", "gatan", "gränd", "gränden", "stigen", "backen",
    "vej", "vejen", "gade", "gaden", "stræde", "parken", "allen", "vænget", "vænge", "haven", "marken", "lunden", "engen", "liden", "planen", "tomta", "hagen", "vika", "viken", "neset",
    "åsvegen", "berget", "jordet", "enga", "leitet", "toppen", "høgda", "høyden", "marka", "moen",
)  # fmt: skip
NO_STREET: Final = split_words(  # words with the ending of a street's name
    "underveis plassen ferdigheten motorveien hovedveien innkjørselen arbeidsplassen parkeringsplassen arbeidsplass "
    "parkeringsplass lekeplass lekeplassen kontorplass gårdsplass gårdsplassen bakgården programmet familia australia "
    "italia inngangen bilvei bilveien omveien gangvei gangveien sykkelveien navigate investigate delegate aggregate mitigate"
)
STREETS_ALONE: Final = split_words(
    "wynd mews row walk road street avenue lane drive close court way crescent terrace place boulevard square gardens grove rd st ave "
    "vei veg gate gata gaten allé plass torg brygge vej gade allé stræde väg gata gränd torv plads plan terrasse"
)
LIVE: Final = frozenset({("bor", "i"), ("bor", "på"), ("bur", "i"), ("bur", "på"), ("live", "at"), ("live", "in"),
                         ("living", "at"), ("bor", "ved"), ("still", "at"), ("kvar", "på"), ("fortsatt", "i"), ("framleis", "i"), ("address", "is"), ("adressen", "er"), ("adressa", "er"),
                         ("adresse", "er"), ("adressen", "är"), ("adress", "är"), ("live", "on")})  # fmt: skip
POSTCODE: Final = split_words("postnummer postnummeret postkode postcode postnumret zip postnr")

# -- dates --------------------------------------------------------------------------------------------

MONTHS: Final = split_words(
    "january february march april may june july august september october november december "
    "januar februar mars april mai juni juli august september oktober november desember "
    "januari februari maj augusti marts december"
)
ORDINALS: Final = split_words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth thirtieth "
    "første fyrste andre annen tredje fjerde femte sjette sjuende syvende sjuande åttende åttande niende niande tiende "
    "andra första förste tiande ellevte tolvte trettende trettande fjortende fjortande femtende femtande sekstende sekstande syttende "
    "syttande attende attande nittende nittande tjuende tjuande tyvende trettiende trettiande tredevte "
    "første anden fjärde sjätte sjunde åttonde nionde tionde elfte tolfte trettonde fjortonde femtonde sextonde "
    "sjuttonde artonde nittonde tjugonde trettionde tolvte syvende ottende enogtyvende"
)
BORN: Final = split_words(
    "født fødd født. born födelsedatum fødselsdato fødselsdatoen fødselsdag fødselsdagen birth birthday född fødselsår "
    "fødselsdata fødsel födelsedag födelsedagen dob"
)
