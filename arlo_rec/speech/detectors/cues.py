"""Phrases that people say before a name, and words by which they ask for identifiers, in five languages; case-folded."""

from __future__ import annotations

from typing import Final

from arlo_rec.speech.detectors.lexicon import split_words


def parse_phrases(text: str) -> frozenset[tuple[str, ...]]:
    """Split a text into phrases at bars, and each phrase into a tuple of words."""
    return frozenset(tuple(phrase.split()) for phrase in text.split("|"))


# A name must follow
MUST: Final = parse_phrases(
    "my name is|my name's|name is|the name is|i am called|you are speaking with|you're speaking with|"
    "speaking with|speaking to|you are through to|you're through to|this is|ask for|asked for|spoke to|"
    "spoke with|talked to|jeg heter|eg heiter|jag heter|jeg hedder|heter|heiter|hedder|navnet er|navn er|"
    "navnet mitt er|namnet mitt er|namnet er|mitt navn er|mitt namn är|mit navn er|du snakker med|du snakkar med|"
    "du pratar med|du taler med|snakker med|snakka med|snakket med|snakkar med|pratat med|talade med|talte med|"
    "spør etter|spurte etter|fornavn er|etternavn er|etternavnet er|fornavnet er|surname is|first name is|"
    "last name is|etternamnet er|fornamnet er|kaller meg|kallar meg|kalles|kalt|called|named|by navn|med navn|"
    "hilsen|herr|fru|fröken|frøken|mr|mrs|miss|ms|dr"
)
# A name may follow
MAY: Final = parse_phrases(
    "thank you|thanks|hello|hi|hi there|hello there|hey there|for your help|for your time|for your patience|for holding|for waiting|"
    "through to|call me|hey|dear|goodbye|bye|good morning|good afternoon|good evening|thank you very much|"
    "okay|it is|it's|i am|i'm|that is|that's|here is|speak to|speak with|talk to|from|with|with you|"
    "help you with|takk|tusen takk|hei|hallo|god dag|god morgen|ha det|morn|heisann|det er|dette er|her er|eg er|"
    "jeg er|snakke med|fra|med|til|for|hos|tack|tack så mycket|hej|det är|det här är|jag är|tak|mange tak|"
    "min mann|mannen min|kona mi|kone|kona|kona min|sønnen min|datteren min|dattera mi|broren min|søsteren min|"
    "samboeren min|mannen|sønnen|datteren|broren|søsteren|naboen|naboen min|sjefen min|kollegaen min|kollega|"
    "samboer|min man|min fru|min son|min dotter|min granne|min mand|min kone|min søn|min datter|min nabo|husband|"
    "wife|son|daughter|brother|sister|neighbour|neighbor|friend|colleague|partner|mother|father|boss|and|og|och|"
    "sambo|sambuaren min|mora mi|faren min|moren min|far|mor|bestemor|bestefar|ja|yes|så|ok|javel|fint|flott|"
    "greit|great"
)
# Whoever is greeted or thanked is often named
GREETING: Final = parse_phrases(
    "thank you|thanks|thank you very much|thanks a lot|hello|hi|goodbye|bye|help you with|help you with today|"
    "takk|tusen takk|takk skal du ha|mange takk|hei|hallo|ha det|ha det bra|hjelpe deg med|hjelpe deg med da|"
    "hjelpe deg|tack|tack så mycket|hej|hej då|hjälpa dig med|tak|mange tak|farvel|hjælpe dig med|hjelpa deg med"
)
BEHIND: Final = split_words("speaking")  # who answers says it behind the own name
LONGEST: Final = max(len(phrase) for phrase in MUST | MAY | GREETING)  # words
# Parts of names that are written small
PARTICLES: Final = split_words("af al av bin de den el la mac mc o st ter van von")
# Capitalised words that name no person: places, firms, products, days
NOT_PEOPLE: Final = split_words(
    "alexa altibox android app apple april arlo august baby bankid basestation bergen black bluetooth christmas "
    "chrome danish danmark dansk december denmark easter engelsk england english essential europa europe "
    "facebook february fi friday go google gps hd home i i'd i'll i'm i've id internet ip ipad iphone january "
    "jul july june klarna københavn led london march mastercard may microsoft monday noreg norge norsk norway "
    "norwegian november nvr october ok okay oslo pin pinse play posten postnord pro puk påske qr safari samsung "
    "saturday sd secure security september siri smarthub sms stavanger stockholm store sunday svensk sverige "
    "sweden swedish telenor telia thursday trondheim tuesday tv ultra usb verisure vipps visa wednesday whatsapp "
    "wi wi-fi wifi windows"
)

# -- questions -----------------------------------------------------------------------------------------

ABOUT: Final = {
    "name": split_words(
        "name navn navnet namn namnet fornavn etternavn surname etternavnet fornavnet efternamn efternavn etternamn"
    ),
    "number": split_words(
        "phone telephone telefonnummer telefonnummeret telefonnr mobilnummer mobilnummeret telefonnumret mobilnumret "
        "nummeret number nummer numret personnummer personnummeret fødselsnummer fødselsnummeret kontonummer "
        "kontonummeret kortnummer kortnummeret personnumret kundenummer kundenummeret account card social identity "
        "organisasjonsnummer organisasjonsnummeret kid kid-nummer kid-nummeret cpr cpr-nummer iban telefon mobil "
        "cell mobile id-nummer numbers"
    ),
    "email": split_words(
        "e-mail email mail mailadresse mailadressen e-post epost e-postadresse epostadresse e-postadressen "
        "epostadressen epostadressa e-postadressa mejl mejladress mejladressen mailen e-posten e-postadress"
    ),
    "address": split_words(
        "address adresse adressen adressa adress gateadresse bostedsadresse postcode postnummer postnummeret "
        "postadresse"
    ),
    "birth": split_words(
        "birth born fødselsdato fødselsdatoen født fødd född födelsedatum fødselsdagen birthday födelsedata fødselsår"
    ),
    "code": split_words(
        "serial serienummer serienummeret serienumret serie-nummer code kode koden kod password passord kundeid"
    ),
    "spelled": split_words("spell spelled stave staver stavar stavas bokstavere staves stavet bokstavera spelt"),
}
# "who am I speaking with" asks for a name without the word
WHO: Final = parse_phrases(
    "hvem snakker|kven snakkar|vem talar|hvem taler|who am|whom am|hva heter|kva heiter|vad heter|hvad hedder|"
    "hvem er|who is|vem pratar|kven er|who's calling"
)
IS: Final = split_words("as er is it's var was är")
MINE: Final = split_words("din ditt her here mi min mine mitt")
