"""Words of what tells who somebody is without a name, in five languages (nb, nn, sv, da, en); case-folded.

Health is apart, since data protection law demands more of it (GDPR 9). Whole words, and beginnings of words, to which
inflections and compounds add; what callers of an alarm company say all day (burglary, fire alarm, police) is left out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from arlo_rec.speech.detectors.lexicon import split_words

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


# Of whom something is said
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
)  # somebody, not something
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
PLACE: Final = frozenset(  # of somebody's home
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
    """Whether a word, as a transcript writes it, is one by which somebody may be told."""
    folded = unicodedata.normalize("NFC", word).strip(_AROUND).casefold()
    return folded in _WHOLE or any(folded in words for words in _EVERY)
