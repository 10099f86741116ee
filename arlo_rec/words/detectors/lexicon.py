"""Word lists for numbers, codes, addresses, dates and circumstances, in five languages.

Norwegian (bokmål and nynorsk), Swedish, Danish and English, case-folded. Every entry is chosen for its meaning in a
telephone call; none comes from a list of people. Sources: the languages' own grammars of numerals;
ICAO's spelling alphabet and the national ones (Norsk bokstaveringsalfabet, Svenska bokstaveringsalfabetet).

Of circumstances, health is apart, since data protection law demands more of it (GDPR 9). Their entries are whole words,
and beginnings of words, to which inflections and compounds add; everyday words of an alarm company's calls (burglary,
fire alarm, police) are left out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
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
POINTS: Final = split_words("komma comma point")  # of decimal numbers
WHEN: Final = split_words(  # right before a year
    "i in siden since sedan fra from från år året åre year rundt around omkring cirka circa til till until before før "
    "etter after efter innan im model modell årsmodell"
)

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


_AROUND: Final = " \t\n.,;:?!…\"'“”„«»()[]{}<>*_¿¡-–—"
SHORT: Final = 4  # letters: a word so short is meant whole, else "elev" would be in "eleven"


@dataclass(frozen=True, slots=True)
class Words:
    """Words that are meant whole, and beginnings of words."""

    whole: frozenset[str]
    beginnings: tuple[str, ...]

    def __contains__(self, word: str) -> bool:
        return word in self.whole or word.startswith(self.beginnings)


def _beginnings(text: str) -> Words:
    words = split_words(text)
    short = frozenset(word for word in words if len(word) <= SHORT)
    return Words(short, tuple(sorted(words - short)))


# People of whom something is said
PEOPLE: Final = split_words(
    "jeg eg jag vi we han ho hun hon she he they dei de min mitt mi mine vår vårt våre my our his her their hennes "
    "hans henne ham meg mig me oss us din ditt du you mannen mann man kona kone fru frua husband wife samboer "
    "samboeren sambo partner kjæresten sønn sønnen søn sonen son guten gutten datter datteren dattera dottera "
    "dotter daughter barn barna barnet kids children child mor mora moren mamma mum mom mother far faren pappa dad "
    "father bror broren brother søster søsteren søstera sister bestemor bestefar bestemora besteforeldrene farmor "
    "farfar mormor morfar grandmother grandfather gran grandma grandpa tante tanta onkel onkelen aunt uncle "
    "svigermor svigerfar svigerdatter svigersønn nevø niese nephew niece foreldre foreldrene parents naboen nabo "
    "neighbour neighbor grannen granne leieboeren tenant sjefen boss kollegaen colleague venn vennen friend"
)

# "I" is a word of Norwegian, Swedish and Danish, too, where nothing is capitalised
I_BEFORE: Final = split_words(
    "am was have had work worked live lived run teach got used go went study studied retired own did just"
)
SHORTENED: Final = split_words("i'm i've i'd she's he's we're we've they're they've who's")

# -- health -------------------------------------------------------------------------------------------

ILL: Final = split_words(
    "kols kol copd adhd add hiv ptsd blind blinde døv døve døvblind deaf demens stroke ill sick syk syke sjuk sjuke "
    "sjukt syg lam lammet gravid gravida pregnant autist parkinson parkinsons rus rusa overdose uføre ufør astma "
    "asthma abort miscarriage anoreksi bulimi migrene migraine dement dementia slaganfall døende dying palliativ "
    "hospice"
)
ILL_BEGINNINGS: Final = _beginnings(
    "respirator ventilator panikanf panikkanf panikångest arthrit bondelung tungpust astmatik catarac demensen "
    "skjelving tinnitus leddgikt gikt revmat artros intensivavd nyfødtintensiv intensiven leukem leukaem macular "
    "degenerat makula apnea apnoea prisme glaukom katarakt grønn-stær poliklin fysioterap hjerneslag multippel "
    "skleros sclerosis pacemak hjerte hjarte hjarta hjartet hjärta hjärtat hofte hofta hoften høften höften "
    "blodtrykk blodtryk blodförtunn blodfortynn blodfortynnen tablett marevan waran eliquis oksygen syrgas gåstol "
    "rullator høreapparat høyreapparat hörapparat hearing-aid lungene lungorna nyrene infeksjon betennelse feber "
    "feberen utmattet trombos hjernen migren allergi stomi kateter protese protes sondemat svekket svimmel yr "
    "hallusin forvirret förvirrad dizzy kreft cancer brystkreft demens dementi depresj depress deprim angst anxiet "
    "ångest diabet sukkersyk epilep hjerteinfarkt hjerteoper hjertefeil hjertesvikt hjerteprobl infarkt "
    "hjernerystelse hjernesvulst stroke operer operasj surgery sykehus sjukehus sjukhus sygehus hospital innlagt "
    "innlagd inlagd indlagt sykemeld sykmeld sjukmeld sjukemeld sygemeld sjukskriv uføretryg førtidspens rullestol "
    "rollator wheelchair kronisk chronic parkinson alzheimer psyk terap therap rehab selvmord självmord suicid "
    "cellegift chemo kjemoter strålebehand dialys insulin hjemmesykepl heimesjukepl hemtjänst hjemmehjælp pleiehjem "
    "sykehjem sjukeheim plejehjem hørselsh hørselssk nedsatt svaksynt synshem handicap handikap funksjonshem "
    "funksjonsned disab amputer brukket brekt bruten brækket diagnos autis alkoholik alcoholic rusmis rusavh "
    "narkoman addict behandling sykdom sjukdom sygdom illness disease allergic medisin medicin medicat antidepress "
    "smertestill painkill gravidit svangerskap pregnan abort legevakt legekontor lægevagt akuttmott ambulans "
    "nervesammenbr utbrent utbränd burnout lungebetenn lungesykd nyresvikt leversykd blodpropp hofteop kneop ryggop "
    "prolaps skjoldbrusk svulst tumor tumour seizure"
)
FALLS: Final = split_words(
    "ramlet ramla ramlade falt faldt datt snublet fell falle fallit slipped tripped"
)  # a person, not a thing
ILL_PAIRS: Final = frozenset(
    {
        ("type", "one"), ("type", "two"), ("type", "1"), ("glemme", "ting"), ("gløyme", "ting"), ("fram", "ordene"),
        ("toler", "ikkje"), ("tåler", "ikke"), ("my", "head"), ("your", "head"), ("her", "head"),
        ("his", "head"), ("heart", "thing"), ("a", "heart"), ("my", "heart"), ("gone", "over"),
        ("blood", "thinners"), ("fekk", "slag"), ("fikk", "slag"), ("fått", "slag"), ("fått", "ny"), ("et", "slag"),
        ("meg", "ikke"), ("ser", "dobbelt"), ("så", "dåligt"), ("gula", "fläcken"), ("på", "badet"),
        ("can't", "feel"), ("cannot", "feel"), ("seg", "bort"), ("sig", "bort"), ("glemme", "hvem"),
        ("gløyme", "kven"), ("sover", "aldri"), ("sover", "aldrig"), ("på", "händerna"), ("på", "hendene"),
        ("i", "hendene"), ("i", "beina"), ("på", "gulvet"), ("på", "golvet"), ("hard", "of"), ("short", "of"),
        ("dårlig", "hørsel"), ("dårlig", "syn"), ("går", "dårlig"), ("på", "øret"), ("høyre", "øre"),
        ("venstre", "øre"), ("høyre", "arm"), ("venstre", "arm"), ("litt", "ør"), ("i", "graviditet"),
    }
)  # fmt: skip
ILL_OF_PEOPLE: Final = split_words(
    "sugars breakdown sonde lunga anfall nervene nerver nerverna ledd hovner hovnar hevelse kramper seizures heart "
    "knä kne knæ njure nyre kidney kidneys øynene ögat ögonen øjnene eyes eye nedfor nedstemt trøtt utsliten "
    "stråler strålar fingre fingrane hals leg legs knees chest lungs lunger lungerne breathe breathing breath "
    "bleeding bleed thinners beinet beina benet bein foten foden hodet huvudet hovedet brystet bröstet pusten pust "
    "vejret knærne knäna knæet knäet armen blør blöder bløder lungene faint fainted stiv skjelver darrar ms als "
    "legen lege läkare läkaren læge lægen doctor gp vondt ont smerter pain hurt skadet skadd injured dårlig dårleg "
    "bevisstløs unconscious svimmel dizzy nurse sykepleier sjukepleiar hofta hoften hip ryggen hjertet hjerte knee "
    "kneet medication pills tabletter piller"
)

# -- circumstances ------------------------------------------------------------------------------------

WORKS: Final = split_words(
    "jobber jobbar jobba jobbet jobbade arbeider arbeidar arbeidde arbeidet arbetar arbetade arbejder arbejdede "
    "works worked working work ansatt tilsett anställd ansat employed selvstendig pensjonert pensjonist pensionär "
    "pensionist retired arbeidsledig unemployed oppsagt permittert leder leiar manages underviser teaches"
)
WORKS_AT: Final = split_words("som i på hos for ved at as in with til inom innen during")
PROFESSIONS: Final = _beginnings(
    "advokat arkitekt biskop bonde bussjåfør dirigent dommer dommar domare drosjesjåfør fastlege fengselsbetj "
    "fisker flyger flygeled forfatter forfattar forsker forskar forskare fotballtrener fotograf frisør gartner "
    "gullsmed hovmester imam ingeniør jordmor journalist kaptein kirurg kokk komiker konsul kunstner kunstnar "
    "kunsthand kurator lektor lærar lærer lärare lærarinne lensmann maskinist musiker musikar offiser ordfør "
    "ordfører organist overlege pilot politibetj politiker politikar politimann prest präst præst professor "
    "programleder psykolog rektor revisor rørlegger rådmann sanger sangar skipper skuespiller skodespelar "
    "skådespelare skuespillar sjømann sorenskriv sykepleier sjukepleiar sjuksköter sygeplejer tannlege tandläk "
    "tandlæge tillitsvalgt trener tollbetj vaktmester vaktmeister veterinær vikarprest vokter barnevakt brannmann "
    "brannkonst brandman politimester lagmann landslag fotballspiller borgmester borgmästare kommundirektør "
    "kommunalråd fylkesmann statsforvalt statsråd minister daglig-leder styreleder styreleiar klokker kantor "
    "accountant actor actress architect barrister bishop butcher carpenter chef councillor councilor dentist farmer "
    "firefighter fireman headmaster headteacher hairdresser janitor judge lawyer lecturer librarian mayor midwife "
    "musician nurse optician paramedic pharmacist policeman policewoman politician priest principal psychologist "
    "rabbi senator solicitor soldier surgeon surveyor teacher vicar"
)
SCHOOL: Final = _beginnings(
    "barneskol ungdomsskol vidaregåand videregående skolen skole skula skulen skule skola skolan grundskol gymnas "
    "folkehøgsk elev student universitet univers högskol høgskol høyskol barnehag förskol børnehav vuggestue dagis "
    "fritids sfo russ russe russen school college nursery kindergarten pupil classroom playgroup preschool "
    "sixth-form"
)
OFFICE: Final = _beginnings(
    "partiet partileder partileiar ordfør kommunestyr formannskap fylkesting storting riksdag folketing parliament "
    "council borettslag sameiet bostadsrätt menighet församling menighed congregation kirken kirka kyrkja kyrkan "
    "kirke church moské moske moskeen mosque synagog tempel temple fagforening fackför fagforen union loge losje "
    "frimurer rotary lions velforening idrettslag fotballag koret korps korpset landslag jehovas pinsemenighet"
)
NEWS: Final = split_words(
    "avisa avisen aviser tidningen tidning avis nyhetene nyheitene nyheterna nyhederne lokalavisa lokalavisen "
    "radioen newspaper headlines headline forsiden framsida intervju intervjuet intervjua intervjuad interviewed "
    "omtalt famous kjendis kändis kendis dokumentar documentary reportasje reportage podcast"
)
NEWS_PAIRS: Final = frozenset(
    {
        ("på", "tv"), ("on", "tv"), ("on", "telly"), ("the", "news"), ("the", "paper"), ("i", "tv"),
    }
)  # fmt: skip
EVENTS: Final = _beginnings(
    "ulykk ulykken trafikkulyk olycka ulykke bilulyk ranet rånet robbed robbery mugged overfall överfall overfald "
    "assault drap murder voldtekt våldtäkt voldtægt raped skutt skjøt skyting shooting knivstukk knivstik stabbed "
    "kidnapp leirskred skredet skredul jordskred flommen flaum oversvøm brannen eldsvåda branden eksplosjon "
    "explosion helikopterul druknet drukna drowned"
)
LAW: Final = _beginnings(
    "fengsel fängelse fængsel prison jail dømt domt dömd convict sentenced siktet sikta tiltalt tiltalte åtal "
    "sigtet rettssak rettsak rättegång retssag besøksforbud kontaktforbud besöksförb tilhold restraining voldsalarm "
    "overfallsalarm stalk barnevern socialtjänst barneverns custody foreldrerett vårdnad forældremyn "
    "asyl asylum flyktning flykting refugee oppholdstill uppehållstill deport gjeldsord inkasso konkurs bankrupt "
    "bankruptcy utkast evict"
)
FAMILY: Final = _beginnings(
    "skilt skild skildes skilsmis skilsmäs skilsmiss separert separera divorc separated enke enka enkje änka "
    "enkemann widow adopt fosterbarn fosterfor plejebarn døde død døydde death bortgang gravferd begravel "
    "begravning begravelse bisett funeral tvilling trilling twins triplets samlivsbrudd ekskona eksmannen "
    "eks-kona eks-mannen exmann exfru exman ex-wife ex-husband arv arven arvet inherit"
)
OWNS: Final = split_words("driver driv run runs")  # "I run a shop"
HOMES: Final = split_words(
    "bor bur bodde budde live lives lived living huset hus hytta hytte leiligheten leilegheita house flat cottage home"
)
PLACE: Final = frozenset(  # of a person's home
    {
        ("ved", "siden"), ("like", "ved"), ("rett", "ved"), ("vegg", "i"), ("rett", "over"), ("tvers", "over"), ("tvert", "over"),
        ("next", "door"), ("next", "to"), ("opposite", "the"), ("behind", "the"), ("bredvid", "kyrkan"), ("eneste", "huset"),
        ("einaste", "huset"), ("siste", "huset"), ("sista", "huset"), ("sidste", "hus"), ("only", "house"), ("last", "house"),
        ("over", "gata"), ("over", "gaten"), ("across", "the"), ("mitt", "imot"), ("mittemot", "kyrkan"), ("overfor", "kirken"),
        ("bak", "kirka"), ("bak", "kirken"), ("nærmeste", "nabo"), ("næraste", "nabo"), ("närmaste", "granne"), ("i", "bygda"),
    }
)  # fmt: skip
NEIGHBOURS: Final = _beginnings(
    "nabo granne neighbo leieboer leigebuar hyresgäst lejer tenant landlord utleier utleigar hyresvärd udlejer"
)

_WHOLE: Final = ILL | ILL_OF_PEOPLE | NEWS
_EVERY: Final = (ILL_BEGINNINGS, PROFESSIONS, SCHOOL, OFFICE, EVENTS, LAW, FAMILY, NEIGHBOURS)


def tells(word: str) -> bool:
    """Whether a word, as a transcript writes it, may tell a circumstance."""
    folded = unicodedata.normalize("NFC", word).strip(_AROUND).casefold()
    return folded in _WHOLE or any(folded in words for words in _EVERY)
