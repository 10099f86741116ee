# ruff: noqa: E501 - a wording stands in one line, to be found whole
"""What is said in the made calls: the wordings in five languages, the names, streets and towns. No code is in here.

A wording is a line; `{slots}` are filled by make_calls.py. A turn that begins with `A:` or `C:` says who speaks
(agent, caller), and ` | ` ends a turn. {agent} {agentfull} {caller} {callergiven} {callerfamily} {other} {otherfull} are
names; {id} is the identifier that was asked for, {head} and {tail} its first and last part, {PHONE} and its like one
that nobody asked for; {amount} {clock} {minutes} {model} {day} {month} {town} are no identifiers and must not be taken
for one.

Every name is put together from parts and belongs to nobody we know of. LISTED names are found in the lists of the
Faker package (MIT), UNLISTED ones in none of its lists for any country: `make_calls.py names` checks both.
"""

NB = """
# greet
Velkommen til kundeservice i Arlo, du snakker med {agent}.
God morgen, dette er {agent} hos Arlo support, hva kan jeg hjelpe med?
Arlo kundesenter, {agent} her. Hva gjelder det?
Hei og takk for at du ventet, mitt navn er {agentfull}.
Takk for at du ringer Arlo. Du har kommet til {agent}, samtalen tas opp.
Arlo, det er {agent}, hei.
God dag, her er {agentfull} på teknisk støtte, hvordan kan jeg være til hjelp i dag?
Hei, nå prater du med {agent}, hva kan jeg gjøre for deg?
Ja hallo, {agent} fra Arlo her, beklager ventetiden.
# reason
C: Hei {agent}, jeg heter {caller} og kameraet mitt har sluttet å ta opp.
C: Ja hei, det er {caller} som ringer. Dørklokka finner ikke nettet.
C: Hallo, {caller} her. Jeg får ikke logget inn i appen.
C: God dag. Jeg har et kamera som bare blinker oransje, og jeg har prøvd alt.
C: Hei hei. Det gjelder et abonnement som jeg har blitt trukket to ganger for.
C: Hei, navnet er {caller}, jeg bestilte en basestasjon for tre uker siden.
C: Du snakker med {callergiven}, jeg har en lyskaster som ikke lyser.
C: Ja, {callerfamily} her, jeg ringte dere i går også.
C: Heisann, du, {callergiven} {callerfamily} er navnet. Batteriet varer jo bare en uke.
C: Hei, jeg ringer for mor, {otherfull}, som ikke får kameraet til å virke.
C: Hallo hallo, er det {agent}? Fint. Jeg står her med en skjerm som er helt svart.
C: Hei, det er {caller}, {ADDRESS}, dere har sendt meg feil kamera.
C: Jeg heter {caller} og er født {BIRTH}, jeg vil si opp abonnementet.
C: Hei, jeg ringte tidligere fra {PHONE}, men så brøt det.
# ask.NAME
Kan jeg få fullt navn?
Hvem er det jeg snakker med?
Hva var navnet, sa du?
Hvem står abonnementet på?
Og hvilket navn er kontoen registrert på?
# say.NAME
Det er {caller}.
Ja, {caller}.
Jeg heter {caller}.
{callergiven}. {callergiven} {callerfamily}.
Den står på {otherfull}, det er kona mi.
Eh, {callerfamily}, {callergiven} {callerfamily}.
Kontoen står på samboeren min, {otherfull}.
Navnet mitt er {caller}, men alle sier {callergiven}.
# back.NAME
Takk, {callergiven}.
Fint, {callergiven}, da skal jeg se.
Tusen takk skal du ha, {callergiven}.
Den er god, {caller}, da har jeg deg her.
Ok, {callergiven}, et øyeblikk.
Javel, og da er det {callergiven} jeg noterer.
Supert.
# ask.PHONE
Hvilket nummer kan vi nå deg på?
Og mobilnummeret?
Kan du gi meg telefonnummeret ditt i tilfelle vi blir brutt?
Hvilket telefonnummer er registrert?
Har du et nummer jeg kan ringe tilbake på?
# say.PHONE
Du når meg på {id}.
Mobilen er {id}.
Jeg ringer fra {id} nå.
Pluss førtisju {id}.
Nummeret mitt, det er, skal vi se, {id}.
Ta {id}, den har jeg alltid på meg.
# ask.NATIONAL_ID
Jeg trenger fødselsnummeret ditt, alle elleve sifrene.
Kan du oppgi personnummeret?
Hva er fødsels- og personnummeret ditt?
For å finne deg må jeg ha fødselsnummer eller D-nummer.
# say.NATIONAL_ID
Fødselsnummeret er {id}.
Jeg har et D-nummer, {id}.
Elleve sifre, ja, {id}.
# ask.ACCOUNT
Hvilket kontonummer skal vi betale tilbake til?
Da trenger jeg kontonummeret ditt.
Hvor vil du ha pengene, hvilken konto?
Kan du lese opp IBAN eller kontonummer?
# say.ACCOUNT
Kontoen er {id}.
Sett det inn på {id}.
Lønnskontoen min, eh, {id}.
# ask.ORG
Er det et firma? Hva er organisasjonsnummeret?
Jeg må ha orgnummeret til bedriften.
Hvilket organisasjonsnummer skal fakturaen gå til?
# say.ORG
Organisasjonsnummeret vårt er {id}.
Orgnummer {id}, MVA.
Firmaet har {id}.
# ask.KID
Står det et KID-nummer på fakturaen?
Hva er KID-en på den betalingen?
Kan du lese meg KID-nummeret?
# say.KID
KID er {id}.
Det står KID {id}.
# ask.CARD
Hvilket kort skal vi trekke?
Da tar jeg imot kortnummeret, seksten sifre.
Kan du lese tallene foran på kortet?
# say.CARD
Visakortet, {id}, og det går ut til neste år.
Det står {id} på det.
Kortnummer {id}.
# ask.EMAIL
Hvilken e-postadresse logger du inn med?
Og e-posten din?
Hvor kan jeg sende bekreftelsen?
Hva er brukernavnet, altså mailadressen?
# say.EMAIL
Mailen min er {id}.
Send det til {id}.
Jeg bruker {id}, med små bokstaver.
E-posten er {id}, tror jeg.
# ask.ADDRESS
Hvor skal det nye kameraet sendes?
Hva er adressen din?
Kan du bekrefte hvor du bor?
Hvilken adresse har du nå?
# say.ADDRESS
Jeg bor i {id}.
Adressen er {id}.
Send det hit, {id}.
Vi har flyttet, nå er det {id}.
Leveres til {id}, hvis det går.
# ask.BIRTH
Hva er fødselsdatoen din?
Når er du født?
For sikkerhets skyld, kan du si fødselsdato?
Kan du bekrefte når du er født?
# say.BIRTH
Jeg er født {id}.
Den er {id}.
Bursdagen min er {id}.
{id} er jeg født.
# ask.SERIAL
Kan du lese serienummeret bak på kameraet?
Hva står det på klistrelappen?
Da må jeg ha serienummeret, det har tretten tegn.
Ser du en strekkode med en rekke bokstaver og tall under?
# say.SERIAL
Det står {id}.
Serienummeret er {id}.
Hm, det er så smått skrevet, men {id}.
# ask.SPELLED
Hvordan staves det?
Kan du stave etternavnet for meg?
Kan du bokstavere det?
Hvordan skriver du det?
# say.SPELLED
Det blir {id}.
Ja, {id}.
Det staves {id}.
Jeg bokstaverer: {id}.
Det skrives sånn, {id}.
# say
Det er {id}.
Ja, det er {id}.
{id}.
Vent litt, eh, {id}.
Jo, {id}, det skal stemme.
Skal vi se, {id}.
Øh, den er {id}.
{head}, nei vent, unnskyld, {id}.
Et øyeblikk, jeg må finne fram brillene. {id}.
Så klart, {id}.
# back
Takk.
{id}, er det riktig?
Da har jeg {id}.
Jeg gjentar, {id}.
Så det var {id}?
Flott, takk skal du ha.
Mhm.
Den er notert.
# split
C: Det er {head}. | A: {head}, ja? | C: {tail}.
C: {head}. | A: Mhm. | C: {tail}.
C: Vent, {head}. | A: Ja, {head}. | C: Og så {tail}. | A: {tail}, takk.
C: Først {head}, fikk du med deg det? | A: Ja da. | C: Resten er {tail}.
# chat
A: Er det et {model} du har? | C: Ja, det står {model} på esken.
A: Du kan prøve å trykke 1 på basestasjonen og holde inne i ti sekunder. | C: Ok, nå blinker det blått.
C: Jeg satt i kø i {minutes} minutter, det er ganske lenge. | A: Det beklager jeg, det er mye å gjøre på {day}er.
C: Det kostet {amount} kroner, og så ble det trukket {amount} kroner til i {month}. | A: Det ser ikke riktig ut.
A: Teknikeren kan komme på {day} mellom klokka {clock} og {clock}. | C: {day} passer fint for meg.
C: Hadde jeg ikke Verisure før, så hadde jeg aldri begynt med dette. | A: Nei, det skjønner jeg godt.
A: Trinn en, ta ut batteriet. Trinn to, vent tretti sekunder. Trinn tre, sett det inn igjen. | C: En, to, tre, nå sitter det.
C: Hytta ligger et stykke utenfor {town}, så dekningen er dårlig. | A: Er det fire streker eller to?
A: Appen skal være versjon 5.12 eller nyere. | C: Min er visst 4.9.
C: Det var en bjørn på opptaket, midt på natta. | A: Oi, det hører vi ikke hver dag. Fikk du den med på film?
C: Det ligger en stein foran sensoren, men det kan da ikke ha noe å si. | A: Jo, flytt den, er du snill.
A: Ruteren må stå på 2,4 gigahertz, ikke 5. | C: Det aner jeg ikke, det er sønnen min som kan sånt.
A: Abonnementet koster {amount} kroner i måneden for inntil fem kameraer. | C: Ja, det er greit.
C: Hvor lang tid tar det? | A: Tre til fem virkedager, så senest {day} i uke 37.
A: Da setter jeg deg på vent i et par minutter. | C: Det er i orden.
C: Jeg kjøpte det i {month} i fjor, på tilbud til {amount} kroner. | A: Da er det fortsatt garanti, den varer i fem år.
A: Du får en kode på SMS som varer i ti minutter, ikke si den til meg. | C: Nei, det skal jeg ikke.
C: Sola skinner rett i linsa fra klokka {clock}. | A: Kan du dreie det tretti grader mot nord?
C: Posten i {town} fant aldri pakken. | A: Nei vel, da sender vi en ny på {day}.
# third
C: Mannen min, {other}, satte det opp, og han er ikke hjemme.
C: Det er {otherfull} som eier huset, jeg bare leier.
C: Kan du ikke spørre {other}, jeg snakket med {other} hos dere sist?
C: Naboen, {other}, har samme problem. | A: Da kan {other} også ringe oss.
C: Datteren vår {other} er den eneste som skjønner appen.
C: Sist fikk jeg hjelp av en som het {other}. | A: Ja, {other} jobber ikke i dag.
C: Vi er to på kontoen, jeg og {otherfull}. | A: Skal jeg legge til {other} som bruker?
C: Det er {other}s kamera, egentlig.
A: Jeg setter deg over til min kollega {other}. | C: Greit, takk.
A: Kollegaen min {otherfull} ringer deg, {callergiven}, på {day}.
A: Da skal vi se, {callergiven}, om det hjelper. | C: Ja, {agent}, nå lyser det grønt.
C: Dere sendte den til {ADDRESS}, men der bodde vi i fjor.
C: Du kan like gjerne ringe kona, {other}, på {PHONE}.
C: Hils {other} og si at det virket. | A: Det skal jeg, {callergiven}.
# close
A: Var det noe annet, {callergiven}? | C: Nei, det var alt. Takk for hjelpen, {agent}. | A: Bare hyggelig, ha en fin dag.
A: Da håper jeg det virker nå, {callergiven}. | C: Tusen takk, {agent}, ha det. | A: Ha det bra.
A: Er det mer jeg kan hjelpe med? | C: Nei takk. | A: Da ønsker jeg deg en god kveld, {caller}.
C: Supert, {agent}, du har vært til stor hjelp. | A: Så bra. Hilsen {agent}, ha det godt.
C: Da sier vi det sånn, hei hei. | A: Ha det, {callergiven}.
A: Takk for at du ringte. | C: Takk i like måte.
C: Du, hva var det du het igjen? | A: {agent}. {agentfull}. | C: Flott, da skal jeg gi deg fem stjerner.
A: Da sender jeg bekreftelsen til {EMAIL}, {callergiven}. | C: Fint, takk.
A: Vi ringer deg på {PHONE} hvis det er noe. | C: Gjør det, {agent}. Ha det.
"""

NN = """
# greet
Velkomen til Arlo, du snakkar med {agent}.
Arlo kundeservice, {agent} her, kva kan eg hjelpe deg med?
Hei, eg heiter {agentfull}, og samtalen blir teken opp.
God dag, dette er {agent} i Arlo.
Ja, hallo, det er {agent} på teknisk hjelp.
# reason
C: Hei {agent}, eg heiter {caller}, og kameraet mitt tek ikkje opp lenger.
C: God dag, det er {caller} som ringjer. Dørklokka får ikkje kontakt med nettet.
C: Hallo, {callergiven} her. Batteriet er tomt etter to dagar.
C: Eg har fått ei rekning som eg ikkje skjønar noko av.
C: Ja, namnet er {caller}. Eg har kjøpt ein basestasjon som ikkje vil starte.
C: Hei, eg ringjer på vegner av bror min, {otherfull}.
C: Hei, det er {caller}, {ADDRESS}, de har sendt meg feil kamera.
C: Eg ringde tidlegare frå {PHONE}, men så braut det.
# ask.NAME
Kva er det fulle namnet ditt?
Kven snakkar eg med?
Kva namn står kontoen på?
# say.NAME
Eg heiter {caller}.
Det er {caller}.
{callerfamily}, {callergiven} {callerfamily}.
Han står på kona mi, {otherfull}.
# back.NAME
Takk, {callergiven}.
Fint, {caller}, då finn eg deg.
Greitt, {callergiven}, vent litt.
# ask.PHONE
Kva nummer kan vi ringje deg på?
Og telefonnummeret ditt?
Kva mobilnummer har du?
# say.PHONE
Du når meg på {id}.
Mobilen er {id}.
Eg ringjer frå {id}.
# ask.NATIONAL_ID
Kan eg få fødselsnummeret ditt, elleve siffer?
Kva er personnummeret?
# say.NATIONAL_ID
Fødselsnummeret mitt er {id}.
# ask.ACCOUNT
Kva kontonummer skal pengane inn på?
Kan du lese opp kontonummeret?
# say.ACCOUNT
Set det inn på {id}.
Kontoen er {id}.
# ask.ORG
Kva er organisasjonsnummeret til firmaet?
# say.ORG
Organisasjonsnummeret er {id}.
# ask.KID
Kva KID står på rekninga?
# say.KID
Det står KID {id}.
# ask.CARD
Kan du lese kortnummeret?
# say.CARD
Kortet har {id}.
# ask.EMAIL
Kva e-postadresse brukar du?
Kvar skal eg sende stadfestinga?
# say.EMAIL
E-posten min er {id}.
Send det til {id}.
# ask.ADDRESS
Kvar bur du?
Kva adresse skal det sendast til?
# say.ADDRESS
Eg bur i {id}.
Adressa er {id}.
Vi har flytta til {id}.
# ask.BIRTH
Når er du fødd?
Kva er fødselsdatoen din?
# say.BIRTH
Eg er fødd {id}.
Fødselsdatoen er {id}.
# ask.SERIAL
Kva er serienummeret på kameraet?
Kan du lese det som står på baksida?
# say.SERIAL
Serienummeret er {id}.
Det står {id} på lappen.
# ask.SPELLED
Korleis stavar du det?
Kan du bokstavere etternamnet?
# say.SPELLED
Det blir {id}.
Det stavar eg {id}.
# say
Det er {id}.
{id}.
Ja, {id}.
Vent litt, eh, {id}.
Skal vi sjå, {id}.
{head}, nei, orsak, {id}.
Jau, {id}, det skal stemme.
# back
Takk.
{id}, stemmer det?
Då har eg {id}.
Eg tek det att, {id}.
Mhm.
Det er notert.
# split
C: Det er {head}. | A: {head}, ja. | C: {tail}.
C: {head}. | A: Mhm. | C: Og så {tail}.
# chat
A: Er det eit {model}? | C: Ja, {model} står det på øskja.
C: Eg sat i kø i {minutes} minutt. | A: Det var leitt, det er travelt på {day}ar.
C: Dei har trekt {amount} kroner to gonger i {month}. | A: Det skal vi ordne.
A: Montøren kan kome {day} mellom klokka {clock} og {clock}. | C: Det passar bra.
A: Trykk 1 og hald inne knappen i ti sekund. | C: No blinkar han blått.
C: Hytta ligg i nærleiken av {town}, og dekninga er dårleg. | A: Kor mange strekar har du?
C: Det gjekk ein bjørn framfor kameraet. | A: Oi, fekk du han på film?
A: Rutaren må stå på 2,4 gigahertz. | C: Det veit eg ikkje noko om.
A: Steg ein, ta ut batteriet. Steg to, vent i tretti sekund. | C: No er det gjort.
C: Vi hadde Verisure før, og der var det billegare. | A: Ja, det skjønar eg.
# third
C: Mannen min, {other}, sette det opp.
C: Eg snakka med {other} hos dykk sist. | A: Ja, {other} er ikkje her i dag.
C: Grannen, {otherfull}, har det same problemet.
C: Det er {other} som eig kameraet, dotter mi.
A: Eg set deg over til {other}. | C: Det er greitt.
A: Då skal vi sjå, {callergiven}, om det hjelper. | C: Ja, {agent}, no lyser det grønt.
C: De sende han til {ADDRESS}, men der budde vi i fjor.
# close
A: Var det noko meir, {callergiven}? | C: Nei, takk for hjelpa, {agent}. | A: Ha ein fin dag.
A: Då vonar eg det verkar. | C: Tusen takk, {agent}, ha det.
C: Då seier vi det slik. | A: Ha det godt, {caller}.
A: Takk for praten. | C: Takk sjølv.
A: Då sender eg stadfestinga til {EMAIL}, {callergiven}. | C: Fint, takk.
"""

SV = """
# greet
Välkommen till Arlo kundtjänst, du talar med {agent}.
Arlo support, {agent} heter jag, vad kan jag hjälpa till med?
Hej, det här är {agentfull} på Arlo, samtalet spelas in.
God morgon, {agent} på teknisk support.
Tack för att du väntade, mitt namn är {agent}.
# reason
C: Hej {agent}, jag heter {caller} och min kamera har slutat spela in.
C: Ja hej, {caller} här. Dörrklockan hittar inte nätet.
C: Hej, det är {callergiven} som ringer, jag kommer inte in i appen.
C: Goddag. Jag har fått en faktura som jag inte förstår.
C: Hallå, mitt namn är {caller}, det gäller en basstation.
C: Hej, jag ringer för min mamma, {otherfull}.
C: Hej, det är {caller}, {ADDRESS}, ni har skickat fel kamera.
C: Jag ringde tidigare från {PHONE}, men så bröts det.
# ask.NAME
Kan jag få ditt fullständiga namn?
Vem talar jag med?
Vilket namn står kontot på?
# say.NAME
Jag heter {caller}.
Det är {caller}.
{callerfamily}, {callergiven} {callerfamily}.
Det står på min sambo, {otherfull}.
# back.NAME
Tack, {callergiven}.
Bra, {caller}, då hittar jag dig.
Okej {callergiven}, ett ögonblick.
# ask.PHONE
Vilket nummer når vi dig på?
Och ditt mobilnummer?
Kan jag få ett telefonnummer om vi bryts?
# say.PHONE
Du når mig på {id}.
Mobilen är {id}.
Jag ringer från {id}.
# ask.NATIONAL_ID
Då behöver jag ditt personnummer.
Kan du säga ditt personnummer med fyra sista?
# say.NATIONAL_ID
Personnumret är {id}.
Mitt personnummer, {id}.
# ask.ACCOUNT
Vilket konto ska pengarna till?
Kan du läsa upp kontonumret?
# say.ACCOUNT
Kontot är {id}.
Sätt in det på {id}.
# ask.ORG
Vad är företagets organisationsnummer?
# say.ORG
Organisationsnumret är {id}.
# ask.KID
Vilket OCR-nummer står på fakturan?
# say.KID
OCR är {id}.
# ask.CARD
Kan du läsa upp kortnumret?
# say.CARD
Kortet är {id}.
# ask.EMAIL
Vilken mejladress loggar du in med?
Vart ska jag skicka bekräftelsen?
# say.EMAIL
Mejlen är {id}.
Skicka den till {id}.
# ask.ADDRESS
Vart ska vi skicka kameran?
Vad har du för adress?
# say.ADDRESS
Jag bor på {id}.
Adressen är {id}.
Vi har flyttat till {id}.
# ask.BIRTH
När är du född?
Vad är ditt födelsedatum?
# say.BIRTH
Jag är född {id}.
Det är {id}.
# ask.SERIAL
Kan du läsa serienumret på baksidan?
Vad står det på etiketten?
# say.SERIAL
Serienumret är {id}.
Det står {id}.
# ask.SPELLED
Hur stavas det?
Kan du bokstavera efternamnet?
# say.SPELLED
Det blir {id}.
Det stavas {id}.
# say
Det är {id}.
{id}.
Ja, {id}.
Vänta lite, öh, {id}.
Ska vi se, {id}.
{head}, nej förlåt, {id}.
Jo, {id}, det ska stämma.
# back
Tack.
{id}, stämmer det?
Då har jag {id}.
Jag upprepar, {id}.
Mm.
Det är noterat.
# split
C: Det är {head}. | A: {head}, ja. | C: {tail}.
C: {head}. | A: Mm. | C: Och sen {tail}.
# chat
A: Är det en {model}? | C: Ja, det står {model} på kartongen.
C: Jag satt i kö i {minutes} minuter. | A: Det beklagar jag, det är mycket på {day}ar.
C: Ni har dragit {amount} kronor två gånger i {month}. | A: Det ordnar vi.
A: Teknikern kan komma på {day} mellan klockan {clock} och {clock}. | C: Det går bra.
A: Tryck 1 och håll in knappen i tio sekunder. | C: Nu blinkar den blått.
C: Stugan ligger utanför {town}, täckningen är dålig. | A: Hur många streck har du?
C: Det kom en björn förbi kameran. | A: Oj, fick du den på film?
A: Routern måste stå på 2,4 gigahertz. | C: Det har jag ingen aning om.
A: Steg ett, ta ur batteriet. Steg två, vänta trettio sekunder. | C: Klart.
C: Vi hade Verisure tidigare och det var billigare. | A: Ja, jag förstår.
# third
C: Min man, {other}, satte upp den.
C: Jag pratade med {other} hos er sist. | A: Ja, {other} är inte här i dag.
C: Grannen, {otherfull}, har samma problem.
C: Det är {other}s kamera, min dotter.
A: Jag kopplar dig till {other}. | C: Det blir bra.
A: Då ska vi se, {callergiven}, om det hjälper. | C: Ja, {agent}, nu lyser den grönt.
C: Ni skickade den till {ADDRESS}, men där bodde vi i fjol.
# close
A: Var det något mer, {callergiven}? | C: Nej, tack för hjälpen, {agent}. | A: Ha en bra dag.
A: Då hoppas jag att det fungerar. | C: Tack så mycket, {agent}, hej då.
C: Då säger vi så. | A: Hej då, {caller}.
A: Tack för att du ringde. | C: Tack själv.
A: Då skickar jag bekräftelsen till {EMAIL}, {callergiven}. | C: Fint, tack.
"""

DA = """
# greet
Velkommen til Arlo kundeservice, du taler med {agent}.
Arlo support, mit navn er {agent}, hvad kan jeg hjælpe med?
Hej, det er {agentfull} hos Arlo, samtalen bliver optaget.
Godmorgen, {agent} i teknisk support.
Tak fordi du ventede, du snakker med {agent}.
# reason
C: Hej {agent}, jeg hedder {caller}, og mit kamera er holdt op med at optage.
C: Ja hej, det er {caller}. Dørklokken kan ikke finde nettet.
C: Hej, det er {callergiven}, jeg kan ikke komme ind i appen.
C: Goddag. Jeg har fået en regning, som jeg ikke forstår.
C: Hallo, mit navn er {caller}, det drejer sig om en basestation.
C: Hej, jeg ringer for min far, {otherfull}.
C: Hej, det er {caller}, {ADDRESS}, I har sendt mig et forkert kamera.
C: Jeg ringede tidligere fra {PHONE}, men så røg forbindelsen.
# ask.NAME
Må jeg få dit fulde navn?
Hvem taler jeg med?
Hvilket navn står kontoen i?
# say.NAME
Jeg hedder {caller}.
Det er {caller}.
{callerfamily}, {callergiven} {callerfamily}.
Den står i min kones navn, {otherfull}.
# back.NAME
Tak, {callergiven}.
Fint, {caller}, så finder jeg dig.
Okay {callergiven}, et øjeblik.
# ask.PHONE
Hvilket nummer kan vi ringe på?
Og dit mobilnummer?
Må jeg få et telefonnummer, hvis vi bliver afbrudt?
# say.PHONE
Du kan fange mig på {id}.
Mobilen er {id}.
Jeg ringer fra {id}.
# ask.NATIONAL_ID
Så skal jeg bruge dit CPR-nummer.
Kan du sige dit personnummer?
# say.NATIONAL_ID
CPR er {id}.
Mit cpr-nummer, {id}.
# ask.ACCOUNT
Hvilken konto skal pengene ind på?
Kan du læse kontonummeret op?
# say.ACCOUNT
Kontoen er {id}.
Sæt dem ind på {id}.
# ask.ORG
Hvad er firmaets CVR-nummer?
# say.ORG
CVR er {id}.
# ask.KID
Hvilket betalings-id står der på girokortet?
# say.KID
Der står {id}.
# ask.CARD
Kan du læse kortnummeret op?
# say.CARD
Kortet er {id}.
# ask.EMAIL
Hvilken mailadresse logger du ind med?
Hvor skal jeg sende bekræftelsen hen?
# say.EMAIL
Mailen er {id}.
Send den til {id}.
# ask.ADDRESS
Hvor skal vi sende kameraet hen?
Hvad er din adresse?
# say.ADDRESS
Jeg bor på {id}.
Adressen er {id}.
Vi er flyttet til {id}.
# ask.BIRTH
Hvornår er du født?
Hvad er din fødselsdato?
# say.BIRTH
Jeg er født {id}.
Det er {id}.
# ask.SERIAL
Kan du læse serienummeret på bagsiden?
Hvad står der på mærkatet?
# say.SERIAL
Serienummeret er {id}.
Der står {id}.
# ask.SPELLED
Hvordan staves det?
Kan du stave efternavnet?
# say.SPELLED
Det bliver {id}.
Det staves {id}.
# say
Det er {id}.
{id}.
Ja, {id}.
Vent lidt, øh, {id}.
Lad os se, {id}.
{head}, nej undskyld, {id}.
Jo, {id}, det passer.
# back
Tak.
{id}, er det rigtigt?
Så har jeg {id}.
Jeg gentager, {id}.
Mm.
Det er noteret.
# split
C: Det er {head}. | A: {head}, ja. | C: {tail}.
C: {head}. | A: Mm. | C: Og så {tail}.
# chat
A: Er det et {model}? | C: Ja, der står {model} på æsken.
C: Jeg sad i kø i {minutes} minutter. | A: Det beklager jeg, der er travlt om {day}en.
C: I har trukket {amount} kroner to gange i {month}. | A: Det ordner vi.
A: Teknikeren kan komme på {day} mellem klokken {clock} og {clock}. | C: Det er fint.
A: Tryk 1 og hold knappen inde i ti sekunder. | C: Nu blinker den blåt.
C: Sommerhuset ligger uden for {town}, dækningen er dårlig. | A: Hvor mange streger har du?
C: Der kom en bjørn forbi kameraet, altså en oppustelig en. | A: Det var da noget.
A: Routeren skal stå på 2,4 gigahertz. | C: Det aner jeg ikke.
A: Trin et, tag batteriet ud. Trin to, vent tredive sekunder. | C: Sådan.
C: Vi havde Verisure før, og det var billigere. | A: Ja, det forstår jeg.
# third
C: Min mand, {other}, satte det op.
C: Jeg talte med {other} hos jer sidst. | A: Ja, {other} er her ikke i dag.
C: Naboen, {otherfull}, har samme problem.
C: Det er {other}s kamera, min datter.
A: Jeg stiller dig om til {other}. | C: Det er fint.
A: Så skal vi se, {callergiven}, om det hjælper. | C: Ja, {agent}, nu lyser den grønt.
C: I sendte den til {ADDRESS}, men der boede vi sidste år.
# close
A: Var der andet, {callergiven}? | C: Nej, tak for hjælpen, {agent}. | A: Hav en god dag.
A: Så håber jeg, det virker. | C: Mange tak, {agent}, hej hej.
C: Så siger vi det. | A: Hej hej, {caller}.
A: Tak fordi du ringede. | C: Selv tak.
A: Så sender jeg bekræftelsen til {EMAIL}, {callergiven}. | C: Fint, tak.
"""

EN = """
# greet
Arlo support, you're through to {agent}.
Good afternoon, {agent} speaking, what can I do for you?
Hello and welcome to Arlo, my name's {agentfull} and this call is recorded.
Thanks for holding, it's {agent} here on the technical desk.
Hi there, {agent} with Arlo customer care.
# reason
C: Hi {agent}, it's {caller}. My camera stopped recording on {day}.
C: Hello, this is {caller} calling. The doorbell has gone offline.
C: Morning, {callergiven} here, I can't get into the app.
C: Hi, I've been charged twice and I'd like that sorted out, please.
C: Yes, the name is {caller}, I rang about a base station last week.
C: Hi, I'm calling on behalf of my mother, {otherfull}.
C: Hi, this is {caller}, {ADDRESS}, you sent me the wrong camera.
C: I rang earlier from {PHONE} and we got cut off.
# ask.NAME
Who am I speaking with?
What name is the account under?
May I take your full name?
# say.NAME
I'm {caller}.
It's {caller}.
{callerfamily}, {callergiven} {callerfamily}.
It's under my partner's name, {otherfull}.
# back.NAME
Thanks, {callergiven}.
Lovely, {caller}, I've got you here.
Okay {callergiven}, bear with me.
# ask.PHONE
What number can we reach you on?
And your mobile number?
Could I have a callback number in case we get cut off?
# say.PHONE
You can get me on {id}.
My cell is {id}.
I'm calling from {id}.
# ask.NATIONAL_ID
Could you give me your identity number?
I need your national insurance or social security number.
# say.NATIONAL_ID
My number is {id}.
That would be {id}.
# ask.ACCOUNT
Which account should the refund go to?
Can you read me the account number?
# say.ACCOUNT
The account is {id}.
Pay it into {id}.
# ask.ORG
What's the company registration number?
# say.ORG
The company number is {id}.
# ask.KID
What is the payment reference on the bill?
# say.KID
The reference is {id}.
# ask.CARD
Can you read out the long number on the card?
# say.CARD
The card is {id}, and it runs out next year.
# ask.EMAIL
Which email do you log in with?
Where should I send the confirmation?
# say.EMAIL
My email is {id}.
Send it to {id}.
# ask.ADDRESS
Where should we ship the replacement?
What's your address?
# say.ADDRESS
I live at {id}.
The address is {id}.
We've moved to {id}.
# ask.BIRTH
When were you born?
Can you confirm your date of birth?
# say.BIRTH
I was born on {id}.
My birthday is {id}.
# ask.SERIAL
Could you read the serial number on the back?
What does the sticker say?
# say.SERIAL
The serial is {id}.
It says {id}.
# ask.SPELLED
How do you spell that?
Could you spell your last name?
# say.SPELLED
That's {id}.
It's spelled {id}.
# say
It's {id}.
{id}.
Sure, {id}.
Hang on, uh, {id}.
Let me see, {id}.
{head}, no, sorry, {id}.
Yeah, {id}, that should be right.
# back
Thank you.
{id}, is that right?
So I have {id}.
Let me repeat that, {id}.
Mhm.
Got it.
# split
C: It's {head}. | A: {head}, yes. | C: {tail}.
C: {head}. | A: Mhm. | C: And then {tail}.
# chat
A: Is that the {model}? | C: Yes, {model} is what it says on the box.
C: I was on hold for {minutes} minutes. | A: Sorry about that, it's always busy on a {day}.
C: You took {amount} dollars twice in {month}. | A: I will refund that.
A: The technician can come on {day} between {clock} and {clock}. | C: That works for me.
A: Press 1 and hold the button for ten seconds. | C: It's flashing blue now.
C: The cabin is outside {town}, so the signal is poor. | A: How many bars do you see?
C: I may want to cancel, to be frank. | A: There is a grace period of 14 days, so that will be fine.
A: The router has to be on 2.4 gigahertz. | C: I have no idea, honestly.
A: Step one, take the battery out. Step two, wait thirty seconds. | C: Done.
C: We had Verisure before and it was cheaper. | A: I understand.
C: There's a robin nesting on top of the camera. | A: Then leave it until {month}.
# third
C: My husband, {other}, put it up.
C: I spoke to {other} last time. | A: Yes, {other} is off today.
C: Our neighbour, {otherfull}, has the same trouble.
C: It's {other}'s camera really, my daughter.
A: I'll put you through to {other}. | C: That's fine.
A: Let's see, {callergiven}, if that helps. | C: Yes, {agent}, it's green now.
C: You shipped it to {ADDRESS}, but we left there last year.
# close
A: Anything else, {callergiven}? | C: No, thanks for your help, {agent}. | A: Have a good one.
A: I hope that does it. | C: Thanks a million, {agent}, bye.
C: That's everything then. | A: Goodbye, {caller}.
A: Thank you for calling. | C: Thank you.
A: I'll send the confirmation to {EMAIL}, {callergiven}. | C: Great, thanks.
# keys
A: Please key in the number on the letter, then press hash. | C: {KEYS} | A: Thank you, that came through.
A: Could you type the code from the sticker on your keypad? | C: {KEYS} | A: Perfect, I can see it.
"""

SCRIPTS = {"nb": NB, "nn": NN, "sv": SV, "da": DA, "en": EN}

# Names. The first half of each row is for `dev`, the second for `test`: within a language no name is in both.
LISTED_GIVEN = {
    "nb": "Kari Morten Silje Geir Hege Terje Anita Lars Marit Knut Ingrid Odd Bente Trond Hilde Jon Liv Rune Tone Øyvind",
    "nn": "Kari Morten Silje Geir Hege Terje Anita Lars Marit Knut Ingrid Odd Bente Trond Hilde Jon Liv Rune Tone Øyvind",
    "sv": "Birgitta Anders Margareta Lars Elisabeth Mikael Kerstin Johan Ingrid Per Christina Peter Maria Karin Erik",
    "da": "Kirsten Jens Hanne Peter Mette Lars Susanne Michael Lene Henrik Anne Thomas Inge Søren Charlotte Jan Bente",
    "en": "Deborah Kevin Joanne Stuart Melissa Craig Tracy Gary Hannah Leon Julie Martin Kelly Dennis Rachel Trevor",
}
LISTED_FAMILY = {
    "nb": "Hansen Moen Solberg Bakken Haugen Lie Dahl Strand Berge Myhre Lund Eide Aas Nygård Holm Sæther Tangen",
    "nn": "Hansen Moen Solberg Bakken Haugen Lie Dahl Strand Berge Myhre Lund Eide Aas Nygård Holm Sæther Tangen",
    "sv": "Lindberg Nilsson Sandberg Holmgren Lundqvist Bergman Forsberg Sjöberg Wallin Engström Danielsson Lundin",
    "da": "Kristensen Mortensen Lund Holm Schmidt Knudsen Poulsen Johansen Madsen Thomsen Olsen Rasmussen Andersen",
    "en": "Bradley Hughes Lawson Patel Morgan Foster Ward Barker Palmer Chapman Griffiths Simpson Webb Collins",
}
UNLISTED_GIVEN = {
    "nb": "Torgunn Eldbjørg Ragnfrid Gudveig Hallfrid Oddbjørg Ingebrikt Torleiv Øylaug Arnkjell Sigmundine Borgny Åsbjørg "
    "Tjøstolv Aslaugh Bergljot Halldis Jorodd Eivindine Nenne Tarald Gunnvald Steinvor Ådne Magnfrid Solbjør Torvald Øyfrid "
    "Brynfrid Tidemann Jardar Signhild Roaldine Gaute Alfhilda Vigleik",
    "nn": "Oddbjørga Gunnvor Ljotulv Ragndid Arngerd Steinfrid Torbera Ansgard Ingfrid Åsfrid Leidulv Sjurdina Olavine Vigdisa "
    "Herborga Tormund Kjellaug Norvald Åmunda Gjertina",
    "sv": "Ragnvi Torgisla Ingeborga Sigbritt Holmfrid Arvidina Gunnfrida Hjördisa Valfridina Ansgerd Ödvar Tyrgils "
    "Svenborg Göthild Ottiliana Ragnvarda",
    "da": "Thyrvi Gudmunda Asgerda Ingefred Hjalmarine Sigfreda Thorbera Regnerine Aslaugine Oluffa Bothilde Frodine "
    "Ebbeline Gunverd Holgerine Sørena",
    "en": "Wrenley Thessaly Orlindo Bramwell Corisande Tavish Evadne Merrick Halcyon Jessamy Lorcanna Peregrine Sunnifa "
    "Tamsin Zenobie Oswyn Ysolde Ambrosine",
}
FOREIGN_GIVEN = (
    "Ngozika Thảolinh Oyelaran Bhavneet Tsegaye Ruqayat Yohannis Thuwaraka Zbyszka Mihret Abshiro Nimco Lwazi"
)
FOREIGN_FAMILY = (
    "Abdirashiid Wolderufael Thanabalan Oyekunbi Gebremichel Nguyenthi Siyambala Warsamaan Przybylok Tesfazgi"
)
UNLISTED_FAMILY_PARTS = {  # a farm's name is made of two parts; the parts are common, the names made of them are ours
    "nb": (
        "Kvitle Bratte Rugg Tveite Skjerve Ulve Hovde Mjø Grånos Fure Kleppe Vinter Lauv Skrede Gauk",
        "støyl bekk stølen hammar åsbø rusten kleiva moberg hjell vadet flåten lykkja",
    ),
    "nn": (
        "Kvitle Bratte Rugg Tveite Skjerve Ulve Hovde Mjø Grånos Fure Kleppe Vinter Lauv Skrede Gauk",
        "støyl bekk stølen hammar åsbø rusten kleiva moberg hjell vadet flåten lykkja",
    ),
    "sv": (
        "Rönn Tall Kvarn Hjort Myr Vind Sten Korp Grön Silver",
        "hedström fallsjö kullbo ryding ängström myrkvist bäckman lidvall skogsjö",
    ),
    "da": (
        "Enghave Rugbjerg Lyng Svale Kilde Tranbæk Birke Horse Ravn Møl",
        "tofte vangsen gårde skovby høj lundsby sigdal bæklund",
    ),
    "en": (
        "Thornle Marsh Wexcom Aldra Brindle Holloc Quarre Fenni Stave Larks",
        "worthing combeley tharp hurstwell denby shottle wickham mereby",
    ),
}

TOWNS = {
    "nb": "Drammen Hamar Molde Narvik Lillehammer Kongsvinger Harstad Larvik Namsos Gjøvik Elverum Mosjøen Horten",
    "nn": "Førde Voss Sogndal Volda Stord Florø Odda Ulsteinvik Bø Rauland",
    "sv": "Växjö Falun Kalmar Östersund Skövde Borås Luleå Karlstad Gävle Ystad",
    "da": "Vejle Horsens Viborg Nykøbing Svendborg Holstebro Silkeborg Ringsted Thisted Køge",
    "en": "Bedford Kendal Hereford Durham Taunton Boise Albany Reading Bath Lincoln",
}
STREETS = {  # fronts, and what a street is called behind
    "nb": (
        "Kvernhus Rishaug Tjernli Bjørnebær Skogstjerne Myrull Prestegårds Lerke Granbakk Vestremyr Solbær Fjellrype",
        "veien gata bakken stien lia svingen tunet kroken alleen vegen faret",
    ),
    "nn": (
        "Kvernhus Rishaug Tjørnli Bjørnebær Myrull Prestegards Lerke Støls Solbær Fjøre Naust",
        "vegen gata bakken stigen lia svingen tunet åsen",
    ),
    "sv": (
        "Björkhags Kvarnhus Lingon Tallbacks Sjöbo Rönnbärs Hyvlar Lärk Prästgårds",
        "vägen gatan stigen gränd backen",
    ),
    "da": (
        "Kirsebær Mosebakke Lærke Skovbryns Hyldeblomst Teglgårds Rugmarks Fiskerhus",
        "vej gade stien allé vænget parken bakken",
    ),
    "en": (
        "Larkspur Wexcombe Thornfield Mallard Quarry Juniper Oldmill Foxglove Heron",
        "Street Road Lane Avenue Drive Close Rise Mews Crescent Way",
    ),
}
MODELS = (
    "Arlo Pro 4|Arlo Ultra 2|Arlo Essential XL|Arlo Go 2|VMB4540|Arlo Pro 5S|Essential Indoor|Arlo Video Doorbell|"
    "VMC4050P|Arlo Floodlight|SmartHub"
)
DAYS = {
    "nb": "mandag tirsdag onsdag torsdag fredag lørdag",
    "nn": "måndag tysdag onsdag torsdag fredag laurdag",
    "sv": "måndag tisdag onsdag torsdag fredag lördag",
    "da": "mandag tirsdag onsdag torsdag fredag lørdag",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday",
}
MONTHS = {
    "nb": "januar februar mars april mai juni juli august september oktober november desember",
    "nn": "januar februar mars april mai juni juli august september oktober november desember",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "en": "January February March April May June July August September October November December",
}

# Speech of numbers: 0-19, tens, ordinals 1-31.
ONES = {
    "nb": "null en to tre fire fem seks sju åtte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten",
    "nn": "null ein to tre fire fem seks sju åtte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten",
    "sv": "noll ett två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton nitton",
    "da": "nul en to tre fire fem seks syv otte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten",
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
}
TENS = {
    "nb": "tjue tretti førti femti seksti sytti åtti nitti",
    "nn": "tjue tretti førti femti seksti sytti åtti nitti",
    "sv": "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
    "da": "tyve tredive fyrre halvtreds tres halvfjerds firs halvfems",
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
}
OLD_TENS = "tyve tredve førti femti seksti sytti åtti nitti"  # nb: "enogtyve", "niogtredve"
ORDINALS = {
    "nb": "første andre tredje fjerde femte sjette sjuende åttende niende tiende ellevte tolvte trettende fjortende femtende "
    "sekstende syttende attende nittende tjuende tjueførste tjueandre tjuetredje tjuefjerde tjuefemte tjuesjette tjuesjuende "
    "tjueåttende tjueniende trettiende trettiførste",
    "nn": "fyrste andre tredje fjerde femte sjette sjuande åttande niande tiande ellevte tolvte trettande fjortande femtande "
    "sekstande syttande attande nittande tjuande tjuefyrste tjueandre tjuetredje tjuefjerde tjuefemte tjuesjette tjuesjuande "
    "tjueåttande tjueniande trettiande trettifyrste",
    "sv": "första andra tredje fjärde femte sjätte sjunde åttonde nionde tionde elfte tolfte trettonde fjortonde femtonde "
    "sextonde sjuttonde artonde nittonde tjugonde tjugoförsta tjugoandra tjugotredje tjugofjärde tjugofemte tjugosjätte "
    "tjugosjunde tjugoåttonde tjugonionde trettionde trettioförsta",
    "da": "første anden tredje fjerde femte sjette syvende ottende niende tiende ellevte tolvte trettende fjortende femtende "
    "sekstende syttende attende nittende tyvende enogtyvende toogtyvende treogtyvende fireogtyvende femogtyvende "
    "seksogtyvende syvogtyvende otteogtyvende niogtyvende tredivte enogtredivte",
    "en": "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth "
    "twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first",
}
HUNDRED = {
    "nb": ("hundre", "og"),
    "nn": ("hundre", "og"),
    "sv": ("hundra", ""),
    "da": ("hundrede", "og"),
    "en": ("hundred", "and"),
}
DOUBLE = {"nb": "dobbel", "nn": "dobbel", "sv": "dubbel", "da": "dobbelt", "en": "double"}
HESITATIONS = {"nb": "eh øh hm", "nn": "eh hm", "sv": "öh eh", "da": "øh hm", "en": "uh um"}
AT = {
    "nb": "krøllalfa|alfakrøll|at|krøllalfa|snabel-a|krøll alfa",
    "nn": "krøllalfa|alfakrøll|at",
    "sv": "snabel-a|snabela|at|snabel a",
    "da": "snabel-a|snabela|at|snabel a",
    "en": "at|at|at sign",
}
DOT = {"nb": "punktum prikk dot", "nn": "punktum prikk", "sv": "punkt punkt", "da": "punktum prik dot", "en": "dot dot"}
DASH = {"nb": "bindestrek", "nn": "bindestrek", "sv": "bindestreck", "da": "bindestreg", "en": "hyphen"}
UNDERSCORE = {"nb": "understrek", "nn": "understrek", "sv": "understreck", "da": "understreg", "en": "underscore"}
DOMAINS = "example.com example.org example.net heimepost.example kontoret.example"  # RFC 2606: nobody's
TLD = {"nb": "no", "nn": "no", "sv": "se", "da": "dk", "en": "com"}
COUNTRY_CODE = {"nb": "+47", "nn": "+47", "sv": "+46", "da": "+45", "en": "+1"}
AS_IN = {"nb": "for|som i", "nn": "for|som i", "sv": "som i|som", "da": "som i|for", "en": "as in|for"}
ALPHABET = {  # the old spelling alphabets by name; English: what people say
    "nb": "Anna Bernhard Cæsar David Edith Fredrik Gustav Harald Ivar Johan Karin Ludvig Martin Nils Olivia Petter Quintus "
    "Rikard Sigrid Teodor Ulrik Viktor Willy Xerxes Yngling Zakarias Ærlig Østen Åse",
    "nn": "Anna Bernhard Cæsar David Edith Fredrik Gustav Harald Ivar Johan Karin Ludvig Martin Nils Olivia Petter Quintus "
    "Rikard Sigrid Teodor Ulrik Viktor Willy Xerxes Yngling Zakarias Ærlig Østen Åse",
    "sv": "Adam Bertil Caesar David Erik Filip Gustav Helge Ivar Johan Kalle Ludvig Martin Niklas Olof Petter Qvintus Rudolf "
    "Sigurd Tore Urban Viktor Wilhelm Xerxes Yngve Zäta Ärlig Östen Åke",
    "da": "Anna Bernhard Cecilie David Erik Frederik Georg Hans Ida Johan Karen Ludvig Mikkel Nikolaj Odin Peter Quintus "
    "Rasmus Søren Theodor Ulla Viggo William Xerxes Yrsa Zackarias Ægir Øresund Åse",
    "en": "apple boy Charlie dog Edward Freddie George Harry India Jack king lemon mother Nancy orange Peter queen Robert "
    "sugar Tommy uncle Victor Walter x-ray yellow zebra",
}
NATO = (
    "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra "
    "tango uniform victor whiskey x-ray yankee zulu"
)
