"""Write the list of names of `words/detectors`: `python tools/make_namelists.py NORNE`; needs Faker.

Names are those of Faker's locales (MIT) and the lists below, which hold what is common in Norway and Denmark and
missing there. A name that is also an everyday word is marked: words that NorNE's training texts write with a small
letter, Faker's English and Danish words, and the lists below. NORNE is a copy of the corpus; no text of it is
written, only which names it uses as words. The same Faker and the same corpus give the same file.
"""

from __future__ import annotations

import gzip
import importlib
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))

LOCALES = """
no_NO sv_SE da_DK fi_FI is_IS en en_US en_GB en_IE en_NZ en_KE en_NG en_PK en_IN pl_PL de_DE nl_NL et_EE lt_LT lv_LV
tr_TR hr_HR ro_RO es_ES it_IT fr_FR vi_VN sw pt_PT
"""
SHORT = 3  # letters
OFTEN = 2  # times that a name stands with a small letter before it counts as a word: once may be a slip

GIVEN = """
aksel alf alfhild amalie andrea anette ann anna anne annbjørg anniken are arild arne arnfinn arnhild arnt arve asbjørn
asgeir aslak asle aslaug astrid atle aud audun aurora axel bente bergljot berit birger birgit birgitte bjarne bjarte
bjørg bjørn bjørnar bo borghild brede brit brynhild brynjar bård børge camilla carina cathrine cecilie charlotte
christian christoffer dag dagfinn dagny daniel dordi dorthe edvard egil eilif eilin eina einar eirik eirin eivind
eldbjørg eldrid elin eline elisabeth ella ellen elling else emil emilie endre erik erlend erling ernst espen eva even
evelyn fillip finn fredrik freddy frida fride fritjof frode frøydis geir georg gerd gina gisle gjermund gjertrud grete
gro grunde gry gudbrand gudmund gudrun gunhild gunn gunnar gunvor guri gustav guttorm hallgeir halldis hallvard halvor
hanna hanne hans harald harry hedda hedvig hege heidi helene helga helge helle henning henriette henrik herborg herdis
herman hermod hilde hildegunn hjalmar hjørdis håkon håvard ida idar idun ina ine inga ingar ingebjørg ingebrigt inger
ingrid ingunn ingvar ingvild irene iren iselin ivar iver jan janne jannicke jarl jarle jeanette jens joar johan
johanne johannes john jon jonas jone jorid jorun jorunn jostein julie jørgen jørn jøran kai kari karianne karin karl
karoline karsten kate katrine kåre kim kine kirsten kirsti kjell kjellaug kjersti kjerstin kjetil klara klaus knut
kolbein kolbjørn konrad kristian kristin kristina kristine kristoffer kyrre lars laila lasse lea leif lena lene leon
lilian lillian lilly linda line linn linnea lisa lise liss liv livar lill lotte lucas lukas magne magnhild magni
magnus mai maja malene malin margit margrete margunn mari maria mariann marianne marie marit marita marius marte
martin marthe mathias mathilde mats may merete merethe mette michael mikael mikkel miriam mona monica monika morten
nanna nikolai nils nina njål noah nora norunn norvald odd oddbjørg oddbjørn oddgeir oddmund oddny oddrun oddvar odin
ola olaf olav olaug ole oline oliver ommund orm oscar oskar osvald otto ove pål paul peder per pernille petra petter
preben ragna ragne ragnar ragnhild randi rannveig rasmus rebekka reidar reidun rigmor rikke roald robert roger rolf
ronny rune runa runar rut ruth røskva sandra sara selma sebastian sigbjørn sigfrid sigmund signe signy sigrid sigrun
sigurd sigve silje silvia simen simon sindre siren siri sissel siv sivert snorre sofie solfrid solgunn solveig sondre
sonja stein steinar stian stig stina stine storm sturla sturle susanne svanhild svein sverre synne synnøve søren tage
tale tallak tarald tarjei tellef terje theodor thea thomas thor thorbjørn tiril tobias tom tommy tone tonje tor
torbjørn tord tore torfinn torgeir torger torgunn torhild toril torill torleif tormod torstein torunn torvald tove
trine trond truls trude trygve turi turid tuva tyra ulf ulla ulrik ulrikke unn unni vebjørn vegard vegar vemund vetle
vibeke victoria vidar vigdis vigleik viktor viljar vilde vilhelm vilja vivian wenche werner yngvar yngve yngvild
yvonne øistein ørjan øystein øyvind øyvor ådne ågot åge ånund åsa åse åshild åsmund åsne ahmed mohammed muhammad
mohamed ali hassan hussein omar yusuf abdi abdullahi abdirahman fatima aisha amina khadija halima hodan ayaan sahra
fadumo ibrahim ismail mustafa bilal usman imran nadia samira leyla yasmin zahra maryam noor hamza farah asad zainab
rashid tariq bushra shabana svetlana olga irina natalia piotr krzysztof agnieszka katarzyna tomasz pawel marcin
malgorzata arturas jurgita thi minh nguyen siva tharshan kumar niels søs troels bent birthe bodil dorte ebbe flemming
gitte inge jeppe jytte keld kirstine kjeld lis lisbeth lone mads mogens nikolaj palle pia poul steen tina torben vagn
viggo
"""
FAMILY = """
aamodt aas aase aasen abrahamsen ahmed alstad amundsen andersen andreassen andresen antonsen arnesen arntzen aune
austad bakk bakke bakken bakkerud berg berge bergersen berget bergheim bergseth birkeland bjerke bjørge bjørnstad
blindheim boge borge borgen brandt bratli breivik brekke brevik brenna bråten brynildsen bugge bye bø bøe børresen
carlsen christensen christiansen christoffersen clausen dahl dahle dahlen dalen danielsen dyrdal ege egeland eggen
eide eikeland eilertsen eliassen ellefsen ellingsen elvestad enger engebretsen engen enoksen eriksen espeland evensen
fagerli falk fiskum fjeld fjelde fjellheim fjeldstad flaten folkestad foss fosse fossum fredriksen frøyland fuglestad
furuseth gabrielsen gaustad gjerde gjertsen grande gravdal greve grimstad grønli grønning gulbrandsen gundersen
gustavsen haaland haga hagen hall halland halle hallvorsen halvorsen hammer hansen hanssen hansson haug hauge haugen
haugland haugstad hegge heggelund heggland heimdal helgesen hellesøy helland helle henriksen hermansen hestnes hjelle
hjelmeland hoel hoff hofstad hole holen holm holmen holt holte horn hovde hove hovland husby huse høiland høyland
håland håkonsen isaksen iversen jacobsen jakobsen jansen jensen jenssen jeppesen johannesen johannessen johansen
johnsen jonassen jørgensen karlsen khan kaspersen kjær kleppe kleven klevstad knudsen knutsen kolstad kolberg
korneliussen kristensen kristiansen kristoffersen krogh kvale kvam kvamme kvalheim kvist langeland langseth larsen
larssen lauritzen lervik lian lie lien lillebø lind lindberg lorentzen lund lunde lyngstad løken løvås madsen
magnussen malvik markussen martinsen martinussen mathiesen mathisen mehus meling melby mikalsen mikkelsen moe moen
molde monsen mortensen munthe myhre myhren myklebust mæland møller mørk nesse nes ness nguyen nicolaisen nielsen
nikolaisen nilsen nordby nordal nordli nordskog norheim nygaard nygård nyhus nyland næss odden olaussen olsen opheim
opsahl oppedal ottesen paulsen pedersen persen petersen pettersen rasmussen reitan reinertsen riise ringstad risnes
roald roland rosenberg rud ruud rustad rye rød rødland rønning rønningen røed sagen samuelsen sand sandberg sande
sandnes sandvik selvik simensen simonsen sivertsen skaar skaare skar skeie skjelbred skog skogen skoglund skogstad
skår sletten slettebø smestad solbakken solberg solheim sollie solli solstad sole sommer stangeland stav steen stene
stensrud stokke stokkan storli stokstad strand strøm strømme stenersen stordahl sunde svendsen sveen sveinsson
syversen søreide sørensen sørli sæther sætre tangen teigen thommesen thomassen thoresen thorsen thune tjelta tollefsen
torgersen torp torsvik torvik tveit tveiten tvedt tønnessen ueland ulriksen ulvestad urdal valen valle vang vangen
vedvik vestby vestli vik vika vikan vike viken vinje voll vold volden vågen wang wangen wiik wik wold ytterdal ytrehus
øien økland østby østlie østvold øverland øvrebø ådland ås ali ahmad hussain abdi mohamed warsame hersi farah yusuf
osman nur hassan singh kaur malik butt iqbal sheikh mahmood akhtar begum kowalski nowak wisniewski wojcik kaminski
lewandowski zielinski kazlauskas petrauskas tran pham huynh suppiah selvarajah bech bach bang beck bertelsen
bjerregaard bruun byskov dam dideriksen fischer friis frandsen gregersen hald hjort hougaard jepsen jespersen juhl
justesen kjeldsen kjærgaard koch kofoed kragh lassen lauridsen laursen ladefoged lauritsen lorenzen mogensen munk
mølgaard nissen nørgaard overgaard poulsen ravn schmidt schou skov skovgaard storm svane søgaard therkildsen thomsen
thygesen toft villadsen vestergaard winther østergaard
"""
WORDS = """
doc math phoenix fee block karma were dot grit lex meta stack per parts dev alpha beta theta zeta eta colon convey
junk hook reader sole edit worth haven branch hence emit fair male guard tilde dash sane handy bail della fancy peer
silk steward smart lie grab hole marshal tan hare hood roll cap blessing oak rust ties roo harm wit beer sha tea eco
blaze french opal golden suits barry shields orange octave diamond boss tex owe english caron browning paw ace ice icy
ah die fit cop dos fry lad loo ram rye sad sip toy uni con che cam bas ban bee bet das hay hey gee unique unknown
pages roots marks pi mac penn teal pink purple gordon lock locke battle bolt booth bowls brand britain camp canon
castle chapel chase coffee cotton couch cove crew crow dancer dell dial drummer early elder farmer fields flag flowers
flood frames free game garden gates glover gold grave graves greenwood guest hand hands hardy harvest hatch head heard
held herd hide hopper huff hurt keep kind kitchen knight ladd lake land landing lark leaf leather light lights link
loud lover lucky lyric maker mercy mist mount nation neat new nice noon old page pain paradise paris pass peel pepper
perks pick pitt plant player pleasant plum pool pond pound press proud pure quick quiet race raven rain ramp ready
remedy rider rings roads robins root round royal rule saddler sailor saint salt savage scales seal seed self shade
sheets shell shine ship shore silence singer single slaughter small smile snipes song sound spears speed spring steel
stern still strange stream sugar sun sunshine swan tall tear temple tiller toll town trout true tune vine viper voice
wade wait wake wander ware waters well wells wheat wheeler whisper wilder winner wish wonder words wren yard year yes
zero will mark grace hope rose faith joy june april may august summer autumn dawn eve christian guy bill frank rich
earnest miles grant art pat sue rob drew dean max ray skip dick jack nick mike melody harmony charity patience
prudence honor justice king prince duke earl baron bishop pope cook baker carpenter mason smith taylor turner walker
fisher hunter gardener potter miller butler porter carter cooper archer shepherd weaver brown black white green gray
grey silver young long short little strong sharp swift wise good best noble bright sweet moody wild stone wood woods
field hill hills rivers brook brooks banks bush rush reed moss heath marsh forest park parks street lane church house
hall chambers cross bell ball bow love law day week weeks winter frost snow storm sky star moon sunny bird fox wolf
lamb bull buck hawk crane finch peacock fish pike salmon ivy lily daisy violet iris heather ginger olive holly hazel
jasmine poppy cherry berry apple basil sage clay sandy rusty dusty rocky cliff rock pearl ruby amber crystal jewel
jade coral angel heaven destiny trinity chance price cash penny bond major sergeant marshall judge constable abbot
monk friend said says so do an in on he you man men son sons baby boy girl see saw ask asks read reads write call
called calls pay paid buy give given go going gone come came make made take kept let lay might must can could should
would shall way ways today late moore more most less low lowe high rise ross gene genes jean jeans robin jay kit kitty
piper harper fletcher trace tracy carol merry gay happy dear van von la le de da di del den der al el hero rocket case
cases card mobile phone line lines nova echo aria sonata alto dale glen vale ford bridge bridges mill mills gale wing
wings bass minor power powers west east north south rome london china india asia america georgia florida carolina
virginia dakota montana savannah madison lincoln jordan israel chad kenya austin houston dallas camera station base
battery order ticket chat mail thanks thank hello hi okay ok sure please sorry name will's that this there here what
when who how why yet bye fine great right left back front top bottom open close bo liv dag stein even odd mai kai vår
vaar sol siv svein rein bjørn ulv ørn unn gro pia pil roe kirke stig tore tor sten stål glad mild from snø is magna
gunn leif jo ja nei hei ha få nå så mor far bror søster venn tale lov åse mia alma ella lina nora eva tina my mina leo
disse ane are alv elg egil embla falk frøy glenn kim lin lind linn lo maj maja malm mats mons pål pelle run rune siri
snorre tom tove tora ty ulf vera viola vida vilde villa voll norge norsk svensk dansk finn finne finner bente ring
ringer hagen bakken dalen lien lia vik bø haug berg dal strand sand moen holm holt lund nes ness vang eng enger åsen
myhre by gran furu rud hus huset skog bekk elv li sund sletten tangen odden haugen våg vågen brekke bakke berget borg
borgen solberg hammer smed møller fisker konge bonde præst skov bang friis koch dan björn alf hans hon han sin min din
era ett två sju åtta nio tio gång rask frisk stark modig lång kall ung ek alm asp sjö ström fors gren kvist blom löv
ros lilja öberg svan örn sommar vinter juni augusti stina malin ebba saga eden signe tyra hugo ture sture elin nu tak
hej dig mig sig vi os dem det er en et at og om på til af for med som ikke eller hvis når her bent steen dam ravn kjær
krog bach vester øster bro lauge hal kaj juul jul søs ib lise lone mette niels ole ulla vita ditte ea iben erik jan
jens bøg gry lam lamm pris mer lysne søt søte møte møter saker sak neste kjør fra hel hell helle hele helt heller
hilse
"""
NOT_WORDS = """
erik lars anne per ole kari nils hans jan ola eva anna gunnar kjell knut arne geir tom kim nora ella tore lene lina
maja malin ebba stina elin signe tyra ulla niels jens ulf vera siri egil snorre pål mats mette lise
"""


def plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()


def _latin(word: str) -> bool:
    return len(word) > 1 and all(unicodedata.name(letter, "").startswith("LATIN") for letter in word)


def _parts(names: Iterable[str]) -> set[str]:
    """The words of names: "Ann-Kristin" is two, "d'Arc" is none."""
    return {part for name in names for part in plain(name).replace("-", " ").split() if _latin(part)}


def _faker(kind: str) -> set[str]:
    names: set[str] = set()
    for locale in LOCALES.split():
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute, value in vars(provider).items():
            if kind in attribute and isinstance(value, (tuple, list, dict)):
                names |= _parts(value)
    return names


def _faker_words() -> set[str]:
    lists = (
        importlib.import_module(f"faker.providers.lorem.{locale}").Provider.word_list for locale in ("en_US", "da_DK")
    )
    return {plain(word) for words in lists for word in words}


def _corpus_words(norne: Path) -> set[str]:
    """Words that the training texts write with a small letter, twice or more, outside names."""
    from train_tagger import training

    small = Counter(
        word for language in ("nob", "nno") for sentence in training(norne, language)
        for word, kind in sentence if word.islower() and kind == "O"
    )  # fmt: skip
    return {word for word, times in small.items() if times >= OFTEN}


def _short(names: Iterable[str]) -> set[str]:
    """Names so short that one of five languages will use them as a word, unless they are common with us."""
    return {name for name in names if len(name) <= SHORT} - set(GIVEN.split()) - set(FAMILY.split())


def main() -> int:
    """Write the file; the first argument is the folder of NorNE."""
    from faker import VERSION

    given, family = _faker("first_name") | _parts(GIVEN.split()), _faker("last_name") | _parts(FAMILY.split())
    words = (_corpus_words(Path(sys.argv[1])) | _faker_words() | set(WORDS.split())) - set(NOT_WORDS.split())
    both = given | family
    words |= _short(both)
    head = [
        "# Given and family names, case-folded, and which of them are everyday words too; tools/make_namelists.py.",
        f"# From Faker {VERSION} (locales {' '.join(LOCALES.split())}) and lists of our own.",
        "# Faker: Copyright (c) 2012-2026 Daniele Faraglia and contributors, MIT licence:",
        "# https://github.com/joke2k/faker/blob/master/LICENSE.txt",
    ]
    lines = [f"{kind}: {' '.join(sorted(names))}" for kind, names in
             (("given", given), ("family", family), ("ambiguous", both & words))]  # fmt: skip
    target = TOP / "arlo_rec" / "words" / "detectors" / "names.txt.gz"
    target.write_bytes(gzip.compress("\n".join([*head, *lines, ""]).encode(), 9, mtime=0))
    print(len(given), len(family), len(both & words), target.stat().st_size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
