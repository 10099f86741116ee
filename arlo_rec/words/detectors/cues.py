"""Word lists of cues for names, secrets and questions for identifiers, in five languages; case-folded.

Phrases before a name come first; then the words by which people ask for identifiers; then those by which they ask for a
secret and say it. A secret is what proves to an alarm company that a caller may speak for a customer, or what opens a
door or a network: code words, security questions and their answers, passwords, codes. Every word was chosen for its
meaning in a call.
"""

from __future__ import annotations

from typing import Final

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors.lexicon import split_words


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
# People who are greeted or thanked are often named
GREETING: Final = parse_phrases(
    "thank you|thanks|thank you very much|thanks a lot|hello|hi|goodbye|bye|help you with|help you with today|"
    "takk|tusen takk|takk skal du ha|mange takk|hei|hallo|ha det|ha det bra|hjelpe deg med|hjelpe deg med da|"
    "hjelpe deg|tack|tack så mycket|hej|hej då|hjälpa dig med|tak|mange tak|farvel|hjælpe dig med|hjelpa deg med"
)
BEHIND: Final = split_words("speaking")  # said behind the own name when answering a call
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
    Kind.NAME: split_words(
        "name navn navnet namn namnet fornavn etternavn surname etternavnet fornavnet efternamn efternavn etternamn"
    ),
    Kind.NUMBER: split_words(
        "phone telephone telefonnummer telefonnummeret telefonnr mobilnummer mobilnummeret telefonnumret mobilnumret "
        "nummeret number nummer numret personnummer personnummeret fødselsnummer fødselsnummeret kontonummer "
        "kontonummeret kortnummer kortnummeret personnumret kundenummer kundenummeret account card social identity "
        "organisasjonsnummer organisasjonsnummeret kid kid-nummer kid-nummeret cpr cpr-nummer iban telefon mobil "
        "cell mobile id-nummer numbers"
    ),
    Kind.EMAIL: split_words(
        "e-mail email mail mailadresse mailadressen e-post epost e-postadresse epostadresse e-postadressen "
        "epostadressen epostadressa e-postadressa mejl mejladress mejladressen mailen e-posten e-postadress"
    ),
    Kind.ADDRESS: split_words(
        "address adresse adressen adressa adress gateadresse bostedsadresse postcode postnummer postnummeret "
        "postadresse"
    ),
    Kind.BIRTH: split_words(
        "birth born fødselsdato fødselsdatoen født fødd född födelsedatum fødselsdagen birthday födelsedata fødselsår"
    ),
    Kind.CODE: split_words(
        "serial serienummer serienummeret serienumret serie-nummer code kode koden kod password passord kundeid"
    ),
    Kind.SPELLED: split_words("spell spelled stave staver stavar stavas bokstavere staves stavet bokstavera spelt"),
}
# "who am I speaking with" asks for a name without the word
WHO: Final = parse_phrases(
    "hvem snakker|kven snakkar|vem talar|hvem taler|who am|whom am|hva heter|kva heiter|vad heter|hvad hedder|"
    "hvem er|who is|vem pratar|kven er|who's calling"
)
IS_OF_QUESTION: Final = split_words("as er is it's var was är")
MINE: Final = split_words("din ditt her here mi min mine mitt")


# Names of secrets: as one word ...
NOUNS: Final = split_words(
    "keypad tastatur tastaturet knappsats knappsatsen kodelås kodelåsen kodlås kodlåset nødord nødordet tvangsord "
    "trusselord hotord duress larmord larmordet alarmord alarmordet vaktord vaktordet feltord nøgleord nøgleordet "
    "nyckelord hint hints hintet ordet frasen setningen setninga meningen kodeord kodeordet kodeorda kodeordene "
    "kodord kodordet passord passordet passorda passordene sikkerhetsord sikkerhetsordet sikkerhetskode "
    "sikkerhetskoden tryggleiksord tryggleiksordet tryggingsord tryggingsordet løsenord løsenordet lösenord "
    "lösenordet säkerhetsord säkerhetsordet säkerhetskod säkerhetskoden sikkerhedsord sikkerhedsordet "
    "sikkerhedskode sikkerhedskoden hemmeligord kontrollord kontrollordet kontrolord kontrolordet stikkord "
    "stikkordet stikord password passwords passphrase passphrases passcode passcodes codeword codewords watchword "
    "adgangskode adgangskoden tilgangskode tilgangskoden adgangskodeordet pin pinkode pinkoden pinkod pin-kode "
    "pin-koden pin-kod pinnen pinen alarmkode alarmkoden alarmkoda larmkod larmkoden dørkode dørkoden dørkoda "
    "dörrkod dörrkoden portkode portkoden portkod låskode låskoden låsekode låsekoden nøkkelkode nøkkelkoden "
    "nøkkelboks-koden nøkkelbokskode nøkkelbokskoden engangskode engangskoden eingongskode eingongskoden engångskod "
    "engångskoden engangspassord engangspassordet sms-kode sms-koden smskode smskoden bekreftelseskode "
    "bekreftelseskoden stadfestingskode stadfestingskoden verifiseringskode verifiseringskoden verifieringskod "
    "verifieringskoden bekræftelseskode bekræftelseskoden brukerkode brukerkoden hovedkode hovedkoden huvudkod "
    "huvudkoden mesterkode mesterkoden masterkode masterkoden trusselkode trusselkoden tvangskode tvangskoden "
    "hotkod hotkoden gjestekode gjestekoden gästkod gästkoden gæstekode gæstekoden aktiveringskode aktiveringskoden "
    "aktiveringskod wifi-passord wifi-passordet wi-fi-passord wi-fi-passordet wifipassord wifipassordet "
    "wifi-lösenord wifi-lösenordet wifi-kode wifi-koden nettverkspassord nettverkspassordet nettpassord "
    "nettpassordet nettverksnøkkel nettverksnøkkelen nätverkslösenord nätverksnyckel nätverksnyckeln kode koden "
    "koda kodar kodene koder kod code codes"
)
# A speaker who forgot it, or wants another, says none
FORGOTTEN: Final = split_words(
    "glemt gløymt glömt forgot forgotten forget glemmer glemme endre change reset tilbakestille nullstille"
)
# ... or as two; the second one stands for both
PAIRS: Final = frozenset(
    {
        *((first, "word") for first in ("code", "security", "secret", "safe", "memorable", "pass", "control")),
                                *((first, "words") for first in ("code", "security", "secret", "safe")),
                                *((first, "phrase") for first in ("pass", "secret", "security")),
                                *((first, "number") for first in ("pin", "secret")),
                                *((first, "key") for first in ("network", "wifi", "wi-fi", "wireless")),
                                *((first, "ord") for first in ("hemmelig", "hemmelege", "hemmelige", "hemligt", "hemmeligt", "hemmeleg")),
                                *((first, "ordet") for first in ("hemmelige", "hemmelege", "hemliga")),
        ("hemmelig", "kode"), ("memorable", "information"), ("security", "answer"), ("secret", "answer"),
        ("et", "ord"), ("eit", "ord"), ("ett", "ord"), ("a", "word"), ("hvilket", "ord"), ("vilket", "ord"),
        ("kva", "ord"), ("which", "word"), ("what", "word"), ("nytt", "ord"), ("new", "word"), ("your", "word"),
        ("our", "word"), ("my", "word"), ("her", "word"), ("his", "word"), ("alarm", "word"), ("safe", "phrase"),
        ("your", "phrase"), ("the", "phrase"), ("a", "phrase"), ("the", "word"), ("eige", "ord"), ("eget", "ord"),
        ("own", "word"), ("är", "wifit"), ("er", "wifiet"), ("hemmelig", "svar"), ("pin", "kode"), ("pin", "koden"),
        ("pin", "kod"), ("pin", "koda"),
    }
)  # fmt: skip
# Codes that are no secret
NO_SECRET: Final = split_words(
    "error fault zip post postal area country bar qr colour color source discount promo promotion voucher campaign "
    "product item feil lands produkt vare rabatt kampanje fel dress building zip-code"
)
NO_SECRET_BEGINNINGS: Final = tuple(
    [
        "feil",
        "fel",
        "fejl",
        "post",
        "lands",
        "strek",
        "streck",
        "stregk",
        "qr",
        "rabatt",
        "rabat",
        "kampanj",
        "produkt",
        "vare",
        "farge",
    ]
)
# A question of this kind and what follows it is a secret, whatever is asked
CONTROL: Final = split_words(
    "kontrollspørsmål kontrollspørsmålet kontrollspørsmåla kontrollspørsmålene sikkerhetsspørsmål "
    "sikkerhetsspørsmålet tryggleiksspørsmål tryggleiksspørsmålet kontrollfråga kontrollfrågan kontrollfrågor "
    "säkerhetsfråga säkerhetsfrågan kontrolspørgsmål kontrolspørgsmålet sikkerhedsspørgsmål sikkerhedsspørgsmålet"
)
CONTROL_PAIRS: Final = frozenset(
    (first, second)
    for first in ("security", "control", "secret", "challenge", "verification")
    for second in ("question", "questions")
)
# Objects of such questions
ASKED_BY_CONTROL: Final = split_words(
    "pikenavn pikenavnet pikenamn pikenamnet ungpikenavn jentenavn jentenamn flicknamn flicknamnet pigenavn "
    "pigenavnet maiden kjæledyr kjæledyret kjæledyrets husdjur husdjuret kæledyr kæledyret yndlingsdyr barneskolen "
    "barneskole favorittfarge favorittfargen favorittbok favorittfilm favorittlag favorittmat favorittlærer "
    "yndlingsfarge yndlingsfarve favoritfärg favoritfilm barndomsvenn barndomsvän barndomsven barndomshjem"
)
ASKED_BY_CONTROL_PAIRS: Final = frozenset(
    {
        ("first", "pet"), ("first", "school"), ("first", "car"), ("first", "teacher"), ("favourite", "colour"),
        ("favorite", "color"), ("favourite", "film"), ("favourite", "teacher"), ("favourite", "book"),
        ("favourite", "team"), ("childhood", "friend"), ("første", "hund"), ("første", "katt"), ("første", "bil"),
        ("første", "skole"), ("første", "hunden"), ("første", "katten"), ("første", "bilen"), ("første", "lærer"),
        ("første", "lærar"), ("første", "skolen"), ("fyrste", "hund"), ("fyrste", "bil"), ("fyrste", "hunden"),
        ("fyrste", "bilen"), ("första", "hund"), ("första", "bil"), ("första", "katt"), ("första", "skola"),
        ("første", "kat"), ("første", "kæledyr"), ("første", "kjæledyr"), ("första", "husdjur"),
    }
)  # fmt: skip

WHICH: Final = split_words("hva hvilket hvilken kva kva'n vad vilket vilken hvad what what's which")
# Words of a question for it, rather than a mention
ASKS: Final = split_words(
    "be bed ber ask asking asks spørre spør spurte fråga frågar spørge spørger må måste have hva hvilket hvilken "
    "hvilke kva kva'n vad vilket vilken hvad what what's which whats oppgi oppgje oppgir uppge uppger opgive opgiv "
    "opgir si sei seie säga säg sige sig gi gje gir få får kan kunne could can tell give trenger treng behøver "
    "behöver need bekreft bekrefte stadfest stadfeste bekräfta bekræfte bekræft confirm verify verifisere fortell "
    "fortelle fortel fortælle berätta husker hugsar minns remember har ha vil vill will would may staver stave stav "
    "spell fått mottatt received fick fik lese lesa läsa læse read les läs læs velge vel välja vælge choose ønsker "
    "ynskjer önskar like trykke taste tastet"
)
# After these its name is followed by itself
IS: Final = split_words(
    "that's dette er är is was var blir blei ble bliver blev være vere vara lyder lydde heter heiter hedder it's "
    "reads lød : ="
)
SAYS: Final = split_words("says said sier säger siger seier sa sade reads står stod sto")
TAKES: Final = split_words(
    "put puts write use skriver skriv bruker brukar bruge bruger tek tager sier säger siger seier says say tar ta "
    "take takes setter set sett sätter sätt vælger velger velg vel väljer prøv prøver prova prøva try tast trykk"
)
CHANGED_TO: Final = split_words("til till to som as på")
AS: Final = split_words("som as til till")

CHANGES: Final = split_words(
    "endre endra endrer endret bytte bytta byttet bytter skifte skifta skiftet sette sett setter satt legge lagt "
    "velge valgt change changed changing set setting switch ändra ändrat byta bytt sätta ändre ændre ændret skifter "
    "ændrer vil want like bli blir"
)
THE: Final = split_words("the vårt our dette this that nytt new nye")
# Behind "the code is", but not it
NOT_SAID: Final = split_words(
    "satt set sett angitt registrert registered registrerat oppgitt slettet deleted raderad feil wrong fel forkert "
    "endret endra changed ändrat ändrad ændret glemt gløymt glömt forgotten borte vekk gone utløpt expired gammel "
    "gammelt old ny nytt new nye lik likt same samme riktig correct rett ugyldig invalid ogiltig lagret saved sendt "
    "sent skickad skickat sperret locked blocked spärrad viktig important viktigt hemmelig secret hemlig hemmeligt"
)

# The asker has heard it
HEARD: Final = split_words(
    "takk tack tak thanks thank stemmer stemte stämmer riktig rett rätt korrekt correct perfect perfekt flott "
    "supert fint greit great lovely super bra kjempebra strålende brilliant godkjent verified verifisert bekreftet "
    "mottatt excellent toppen dejligt fantastisk tusen cheers wonderful"
)
QUESTION: Final = split_words(
    "hva hvordan hvor hvem hvilken hvilket når hvorfor kva korleis kvar kven kvifor vad hur var vem vilken när "
    "varför hvad hvornår what how where who which when why can could do does er har kan skal is are"
)
# A clause begins, which is no part of it any longer
CLAUSE: Final = split_words(
    "men fordi siden hvis dersom når som så slik for at but because if when so since unless eftersom om när därför "
    "hvornår og och and"
)
NEW_CLAUSE: Final = split_words("så then jeg eg jag i vi we du you kan can det it da då now nå no sen sedan")

# The asker has heard the old one, and asks for another
ANOTHER: Final = split_words(
    "instead stedet stället isteden nye nya nytt ny new another anna annan annen anden neste next nästa næste"
)
# Descriptions of a secret: "a flower and a number"
AND: Final = split_words("og och and samt pluss plus")

# Words around a secret that are none by themselves
AROUND: Final = split_words(
    "got know dear love god jesus heavens goodness typical lovely brilliant great cheers ta right tusen gjerne "
    "klart forstår skjønner hørte hører høyrer hör hørt heard hear sorry understand sure course naturligvis "
    "selvfølgelig självklart fint flott bra supert greit good fine perfect perfekt super riktig stemmer stämmer "
    "correct ja jo nei nja mm mhm hm hmm eh øh ehm uh um ah å åh okay ok yes yeah yep no nope nej jau joda jada "
    "jamen well oh det den de dei han ho hun jeg eg jag du deg dig dere dykk ni er är var vi oss meg mig min mitt "
    "mi mine din ditt di dine vår vårt våre our my your the a an en et ei ett it its it's is was are i i'm i've we "
    "you he she they that's that this these og och and eller or men but så then altså nemlig bare berre bara kun "
    "just only vel da då nå nu now her here der there tror trur think mener meiner menar believe guess sikkert "
    "kanskje maybe perhaps probably vent vente litt lite lidt øyeblikk augeblikk ögonblick øjeblik sekund moment "
    "minute second wait hold hang on let me lets let's skal ska shall må måste must will vil vill se sjå see look "
    "sjekke sjekka kolla tjekke check finne hitta finde find husker hugsar minns remember glemt gløymt glömt "
    "forgotten ikke ikkje inte not don't do did does have has had har hadde ha igjen again om igen til to till for "
    "på at med with av of fra som as in ved by sånn slik like kan can could hva kva vad hvad what hvilken which "
    "hvordan korleis how når hvem hvor unnskyld orsäkta undskyld please takk thanks kode koden kodeord kodeordet "
    "passord passordet ordet ord password code word pin pinkoden security lösenord lösenordet kod sikkerhetsord "
    "sikkerhetsordet kodord kodordet adgangskode adgangskoden spørsmål spørsmålet question svar svaret answer heter "
    "heiter hedder called be been blir bliver lyder sier seier säger siger say says said sa stavet staves hei hallo "
    "hello hi"
)
