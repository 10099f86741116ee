"""Every sentence of the answer to an access request and of the page that holds it, Norwegian and English. Data only.

Plain language (GDPR 12(1)), facts and no advice. What changes from answer to answer stands in braces, by the
same names in both languages. Words for codes stand under `action.`, `role.`, `purpose.`, `withheld.` and the code.
`KEYS` says what each key of `data.json` means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("nb", "en")  # in the order of every pair below
CONTROLLER: Final = "Verisure Arlo Europe DAC"

MONTHS: Final = (
    ("januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"),
    ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
)  # fmt: skip
DECIMAL: Final = (",", ".")

PAGE: Final[Mapping[str, tuple[str, str]]] = {
    "page.title": ("Svar på krav om innsyn", "Answer to a request for access"),
    "page.from": (
        "Denne filen er fra Verisure Arlo Europe DAC. Den er kryptert og inneholder et brev til deg, og opptakene som hører til.",
        "This file is from Verisure Arlo Europe DAC. It is encrypted and holds a letter to you, with the recordings that belong to it.",
    ),
    "page.how": (
        "Skriv passordet som du har fått fra oss på en annen måte enn denne filen. Alt skjer på din egen enhet: Ingenting sendes eller hentes over nettet.",
        "Type the passphrase that we gave you in another way than this file. Everything happens on your own device: nothing is sent or fetched over the internet.",
    ),
    "page.label": ("Passord", "Passphrase"),
    "page.show": ("Vis det jeg skriver", "Show what I type"),
    "page.open": ("Åpne brevet", "Open the letter"),
    "page.busy": ("Åpner brevet …", "Opening the letter …"),
    "page.wrong": (
        "Passordet stemmer ikke. Se etter skrivefeil og prøv igjen. Går det fortsatt ikke, kan filen være skadet: Be kundeservice om en ny.",
        "The passphrase is not right. Look for a slip and try again. If it still does not open, the file may be damaged: ask customer service for a new one.",
    ),
    "page.unsupported": (
        "Denne nettleseren kan ikke åpne filen. Prøv en oppdatert Firefox, Edge, Chrome eller Safari.",
        "This browser cannot open the file. Try an up-to-date Firefox, Edge, Chrome or Safari.",
    ),
    "page.noscript": (
        "Et lite program i filen låser opp brevet. Slå på JavaScript i nettleseren for å lese det.",
        "A small program inside this file unlocks the letter. Turn on JavaScript in your browser to read it.",
    ),
}

LETTER: Final[Mapping[str, tuple[str, str]]] = {
    # How times and lengths are written
    "date": ("{day}. {month} {year}", "{day} {month} {year}"),
    "instant": ("{date} kl. {hour}.{minute}.{second} (UTC+{offset})", "{date} at {hour}:{minute}:{second} (UTC+{offset})"),
    "times": (
        "Alle klokkeslett er norsk tid. UTC+2 er sommertid, UTC+1 er normaltid.",
        "All times are Norwegian time. UTC+2 is summer time, UTC+1 is standard time.",
    ),
    "duration.minutes": ("{minutes} min {seconds} s", "{minutes} min {seconds} s"),
    "duration.seconds": ("{seconds} s", "{seconds} s"),
    # The beginning
    "letter.title": ("Svar på kravet ditt om innsyn", "Answer to your request for access"),
    "letter.intro": (
        "Du har bedt om innsyn i lydopptak av samtaler mellom deg og kundeservice. Her er svaret fra Verisure Arlo Europe DAC, etter personvernforordningen (GDPR) artikkel 15.",
        "You asked for access to recordings of calls between you and customer service. This is the answer of Verisure Arlo Europe DAC under Article 15 of the General Data Protection Regulation (GDPR).",
    ),
    "letter.contents": ("Innhold", "Contents"),
    "summary.heading": ("Kort fortalt", "In short"),
    "summary.count": ("Antall opptak vi har av samtaler med deg: {count}.", "Number of recordings that we hold of calls with you: {count}."),
    "summary.none": ("Vi fant ingen opptak av samtaler med deg.", "We found no recordings of calls with you."),
    "summary.own": (
        "I lydfilene hører du deg selv. Den ansattes tale er gjort stille.",
        "In the sound files you hear yourself. The employee's speech is silenced.",
    ),
    "summary.whole": ("Lydfilene inneholder hele samtalen.", "The sound files hold the whole call."),
    "summary.withheld": (
        "Antall opptak som ikke er lagt ved som lyd: {count}. Grunnen står ved hvert av dem.",
        "Number of recordings that are not enclosed as sound: {count}. The reason stands with each of them.",
    ),
    "summary.next": ("Det første av opptakene slettes {when}.", "The first of the recordings will be deleted on {when}."),
    "summary.withdraw": (
        "Du kan når som helst trekke samtykket ved å kontakte kundeservice. Da sletter vi opptakene med en gang.",
        "You can withdraw your consent at any time by contacting customer service. We then delete the recordings at once.",
    ),
    # A. The case
    "section.a": ("Saken", "The case"),
    "case.id": ("Saksnummer", "Case number"),
    "case.received_at": ("Kravet ble mottatt", "Request received"),
    "case.answered_at": ("Svaret ble laget", "Answer made"),
    "case.due_on": ("Frist for å svare", "To be answered by"),
    "case.identifiers": ("Det vi søkte etter", "What we searched for"),
    "case.identity": ("Slik kontrollerte vi hvem du er", "How we checked who you are"),
    "case.scope": ("Hva svaret omfatter", "What the answer covers"),
    "case.scope.said": (
        "Lydopptak av samtaler med kundeservice og det som er registrert om dem. Vi har ikke søkt i andre systemer hos selskapet.",
        "Recordings of calls to customer service, and what is registered about them. Other systems of the company were not searched.",
    ),
    "case.fee": ("Pris", "Fee"),
    "case.fee.none": ("Ingen. Svaret er gratis.", "None. The answer is free of charge."),
    # B. Confirmation
    "section.b": ("Bekreftelse", "Confirmation"),
    "held.said": (
        "Ja, vi behandler personopplysninger om deg: Vi har opptak av samtaler med deg. Antall opptak: {count}.",
        "Yes, we process personal data about you: we hold recordings of calls with you. Number of recordings: {count}.",
    ),
    "held.searched": (
        "Opptakene ble funnet i katalogen over opptak, ved hjelp av dette:",
        "The recordings were found in the recording store's catalogue by means of:",
    ),
    "none.said": (
        "Vi fant ingen opptak av samtaler med deg.",
        "We found no recordings of calls with you.",
    ),
    "none.searched": (
        "Vi søkte i katalogen over opptak, etter dette:",
        "We searched the recording store's catalogue for:",
    ),
    "none.why": (
        "Samtaler blir tatt opp bare når den som ringer, trykker 1 for å samtykke. Opptak slettes 90 dager etter samtalen, og med en gang hvis samtykket trekkes.",
        "Calls are recorded only when the caller presses 1 to consent. Recordings are deleted 90 days after the call, and at once if the consent is withdrawn.",
    ),
    "none.case": (
        "Selve kravet ditt er registrert: saksnummer, datoer, en kode laget av telefonnummeret, og hvordan vi kontrollerte hvem du er.",
        "Your request itself is registered: case number, dates, a code made from the telephone number, and how we checked who you are.",
    ),
    "search.withheld_number": (
        "Opptak av samtaler fra skjult nummer kan ikke finnes med telefonnummer. De kan bare finnes med samtalens referanse eller tidspunkt. Har du ringt med skjult nummer, kan du oppgi det til kundeservice.",
        "Recordings of calls from a withheld number cannot be found by telephone number. They can be found only by the call's reference or time. If you have called with a withheld number, you can give these to customer service.",
    ),
    # C. Information
    "section.c": ("Informasjon om behandlingen", "Information about the processing"),
    "controller.heading": ("Hvem som er ansvarlig", "Who is responsible"),
    "controller.said": (
        "Behandlingsansvarlig er Verisure Arlo Europe DAC. Du når oss gjennom kundeservice. I personvernerklæringen på nettsidene våre står det hvordan du ellers kan kontakte oss om personvern.",
        "The controller is Verisure Arlo Europe DAC. You reach us through customer service. The privacy notice on our website says how else to contact us about data protection.",
    ),
    "purposes.heading": ("Formål og rettslig grunnlag", "Purposes and legal basis"),
    "purposes.said": (
        "Opptakene brukes bare til formålene som ble nevnt i teksten du hørte før du trykket 1. Formålene står også ved hvert opptak.",
        "The recordings are used only for the purposes named in the text that you heard before you pressed 1. They also stand with each recording.",
    ),
    "basis": ("samtykket ditt, GDPR artikkel 6 nr. 1 bokstav a", "your consent, GDPR Article 6(1)(a)"),
    "categories.heading": ("Hva vi har om deg", "What we hold about you"),
    "category.voice": ("stemmen din og det du sier i samtalen", "your voice and what you say in the call"),
    "category.number": (
        "telefonnummeret du ringte fra, og en kode laget av det, som opptaket kan finnes med",
        "the telephone number that you called from, and a code made from it by which the recording can be found",
    ),
    "category.call": (
        "opplysninger om samtalen: tidspunkt, varighet, team, hvem som svarte, samtalens referanse i telefonsystemet og tekniske opplysninger om lyden",
        "details of the call: time, length, team, who answered, the call's reference in the telephone system and technical details of the sound",
    ),
    "category.known": (
        "kjennetegn som ble levert sammen med opptaket, for eksempel navn",
        "identifiers that were delivered with the recording, for example a name",
    ),
    "category.consent": ("samtykket ditt: når du trykket 1, og hvilken tekst du hørte", "your consent: when you pressed 1, and which text you heard"),
    "category.access": ("en logg over hvem som har sett eller åpnet opptaket, når og til hvilket formål", "a log of who saw or opened the recording, when and for which purpose"),
    "category.case": ("denne saken: saksnummer, datoer og hvordan vi kontrollerte hvem du er", "this case: number, dates and how we checked who you are"),
    "category.not_held": (
        "Opptakssystemet har ingen avskrift og ingen pseudonymisert kopi av opptakene.",
        "The recording system holds no transcript and no pseudonymised copy of the recordings.",
    ),
    "recipients.heading": ("Hvem som har fått opptakene", "Who has received the recordings"),
    "recipients.said": (
        "Ingen utenfor selskapet. Opptakssystemet gir opptak bare til ansatte som har fått tilgang, og til deg. Hvert oppslag står ved opptaket det gjelder.",
        "Nobody outside the company. The recording system gives recordings only to staff who were granted access, and to you. Every access stands with the recording concerned.",
    ),
    "retention.heading": ("Når opptakene slettes", "When the recordings are deleted"),
    "retention.said": (
        "Hvert opptak slettes automatisk 90 dager etter at det begynte. Det gjelder også mens denne saken er åpen.",
        "Each recording is deleted automatically 90 days after it began. That also holds while this case is open.",
    ),
    "rights.heading": ("Rettighetene dine", "Your rights"),
    "right.rectification": ("Retting: Du kan be oss rette opplysninger som er feil eller mangelfulle (artikkel 16).", "Rectification: you can ask us to correct data that are wrong or incomplete (Article 16)."),
    "right.erasure": ("Sletting: Du kan be oss slette opplysninger om deg (artikkel 17).", "Erasure: you can ask us to erase data about you (Article 17)."),
    "right.restriction": ("Begrensning: Du kan be oss begrense hva vi gjør med opplysningene (artikkel 18).", "Restriction: you can ask us to restrict what we do with the data (Article 18)."),
    "right.objection": ("Protest: Du kan protestere mot behandling som ikke bygger på samtykke, men på en interesseavveining (artikkel 21).", "Objection: you can object to processing that rests not on consent but on a balance of interests (Article 21)."),
    "right.withdraw": (
        "Trekke samtykket: Kontakt kundeservice når som helst. Da sletter vi opptakene med en gang. At du trekker samtykket, endrer ikke det som lovlig ble gjort før (artikkel 7).",
        "Withdrawing consent: contact customer service at any time. We then erase the recordings at once. Withdrawing does not change what was lawfully done before (Article 7).",
    ),
    "complaint.heading": ("Klage", "Complaint"),
    "complaint.said": (
        "Mener du at vi behandler opplysningene i strid med regelverket, kan du klage til Datatilsynet (datatilsynet.no).",
        "If you think that we process the data against the rules, you can complain to the Norwegian Data Protection Authority, Datatilsynet (datatilsynet.no).",
    ),
    "source.heading": ("Hvor opplysningene kommer fra", "Where the data come from"),
    "source.said": (
        "Opptaket, nummeret og tidspunktene kommer fra din egen telefonsamtale, gjennom telefonsystemet til selskapet. Kjennetegn, for eksempel navn, er det selskapet hadde fra før og leverte sammen med opptaket.",
        "The recording, the number and the times come from your own telephone call, through the company's telephone system. Identifiers, for example a name, are what the company had before and delivered with the recording.",
    ),
    "automated.heading": ("Automatiske avgjørelser", "Automated decisions"),
    "automated.said": (
        "Ingen. Opptakssystemet tar ingen avgjørelser om deg og bruker ikke talegjenkjenning på opptakene. Opptak blir funnet med telefonnummer. At opptak slettes etter 90 dager, skjer automatisk og likt for alle.",
        "None. The recording system makes no decisions about you and uses no speech recognition on the recordings. Recordings are found by telephone number. Deletion after 90 days is automatic and the same for everybody.",
    ),
    "transfers.heading": ("Overføring til land utenfor EØS", "Transfers outside the EEA"),
    "transfers.said": (
        "Opptakssystemet sender ikke opptak noe sted. De oppbevares der selskapet driver systemet.",
        "The recording system sends recordings nowhere. They are kept where the company runs it.",
    ),
    "withheld.heading": ("Det vi ikke har tatt med, og hvorfor", "What we left out, and why"),
    "withheld.agent": (
        "Den ansattes tale er gjort helt stille i lydfilene; lengden er uendret. Grunnen er hensynet til den ansattes rettigheter (artikkel 15 nr. 4).",
        "The employee's speech is made completely silent in the sound files; their length is unchanged. The reason is the employee's own rights (Article 15(4)).",
    ),
    "withheld.whole": (
        "Hele samtalen er tatt med, også den ansattes tale. Begrunnelsen for det: {reason}",
        "The whole call is enclosed, the employee's speech too. The reason for that: {reason}",
    ),
    "withheld.names": (
        "Navn på ansatte er ikke tatt med, av hensyn til deres rettigheter (artikkel 15 nr. 4). Vi oppgir rollen.",
        "Names of employees are left out because of their own rights (Article 15(4)). We give the role.",
    ),
    "withheld.some": (
        "Lyden mangler ved opptak som ikke kan deles slik at bare din tale er med. Det står ved hvert av dem.",
        "Sound is missing where a recording cannot be separated so that only your speech is in it. It says so with each of them.",
    ),
    "withheld.mono": (
        "Lyden er ikke lagt ved. Opptaket har bare ett lydspor, så din tale kan ikke skilles fra den ansattes. Du kan be oss ta stilling til om du skal få hele samtalen.",
        "The sound is not enclosed. The recording has only one track, so your speech cannot be separated from the employee's. You can ask us to decide whether you are given the whole call.",
    ),
    "withheld.roles_unknown": (
        "Lyden er ikke lagt ved. Opptaket har to lydspor, men det er ikke registrert hvilket av dem som er ditt, så din tale kan ikke skilles fra den ansattes. Du kan be oss ta stilling til om du skal få hele samtalen.",
        "The sound is not enclosed. The recording has two tracks, but it is not registered which of them is yours, so your speech cannot be separated from the employee's. You can ask us to decide whether you are given the whole call.",
    ),
    # D. The recordings
    "section.d": ("Opptakene", "The recordings"),
    "recording.heading": ("Opptak {number}: {when}", "Recording {number}: {when}"),
    "recording.own": ("Bare din tale er med; den ansattes er gjort stille.", "Only your speech is in it; the employee's is silenced."),
    "recording.whole": ("Hele samtalen er med.", "The whole call is in it."),
    "recording.listen": ("Lyden av opptak {number}", "The sound of recording {number}"),
    "file.save": ("Lagre {name} ({size}\u00a0kB)", "Save {name} ({size}\u00a0kB)"),
    "field.started_at": ("Begynte", "Began"),
    "field.ended_at": ("Sluttet", "Ended"),
    "field.duration_s": ("Varighet", "Length"),
    "field.direction": ("Retning", "Direction"),
    "direction.inbound": ("Du ringte til kundeservice", "You called customer service"),
    "field.team": ("Team", "Team"),
    "field.agent": ("Den du snakket med", "Who you spoke with"),
    "agent": ("En ansatt i kundeservice", "An employee of customer service"),
    "field.number": ("Nummeret du ringte fra", "The number you called from"),
    "number.withheld": ("Skjult nummer", "Withheld number"),
    "field.reference": ("Samtalens referanse i telefonsystemet", "The call's reference in the telephone system"),
    "field.identifiers": ("Kjennetegn som fulgte med opptaket", "Identifiers that came with the recording"),
    "identifiers.none": ("Ingen", "None"),
    "field.purposes": ("Formål og rettslig grunnlag", "Purposes and legal basis"),
    "purpose.with_basis": ("{purpose} ({basis})", "{purpose} ({basis})"),
    "field.erased_on": ("Slettes", "Will be deleted"),
    "field.derived": ("Kopier laget av opptaket", "Copies made from the recording"),
    "derived.none": (
        "Opptakssystemet har ingen. Lydfiler som ansatte har lagret, står i listen over oppslag.",
        "The recording system holds none. Sound files that staff saved stand in the list of accesses.",
    ),
    "copy.needs_review": (
        "En pseudonymisert kopi til opplæring, laget {when}. Ingen har hørt den til opplæring.",
        "A pseudonymised copy for training, made {when}. Nobody has heard it for training.",
    ),
    "copy.ready": (
        "En pseudonymisert kopi til opplæring, laget {when} og sett gjennom. Ingen har hørt den til opplæring.",
        "A pseudonymised copy for training, made {when} and looked through. Nobody has heard it for training.",
    ),
    "copy.released": (
        "En pseudonymisert kopi, gitt til opplæring {when}. Den slettes sammen med opptaket.",
        "A pseudonymised copy, given to training {when}. It is deleted together with the recording.",
    ),
    "field.id": ("Opptakets kode", "The recording's code"),
    "consent.heading": ("Samtykket ditt", "Your consent"),
    "consent.key": ("Du trykket", "You pressed"),
    "consent.key.said": ("Tasten 1, {when}", "Key 1, {when}"),
    "consent.version": ("Utgave av teksten", "Version of the text"),
    "consent.sha256": ("Tekstens kontrollsum (SHA-256)", "The text's checksum (SHA-256)"),
    "consent.text": ("Teksten du hørte til slutten:", "The text that you heard to its end:"),
    "accesses.heading": ("Hvem som har sett eller åpnet opptaket", "Who saw or opened the recording"),
    "accesses.none": ("Loggen har ingen oppslag.", "The log has no accesses."),
    "grants.heading": ("Hvem som kunne lytte", "Who could listen"),
    "grants.none": ("Ingen fikk tilgang til å lytte.", "Nobody was given access to listen."),
    "column.recording": ("Opptak", "Recording"),
    "column.at": ("Tidspunkt", "Time"),
    "column.action": ("Hva", "What"),
    "column.purpose": ("Formål", "Purpose"),
    "column.role": ("Rolle", "Role"),
    "column.starts_at": ("Fra", "From"),
    "column.until": ("Til", "Until"),
    "column.file": ("Fil", "File"),
    "column.sha256": ("Kontrollsum (SHA-256)", "Checksum (SHA-256)"),
    # E and F. The files and how to check them
    "section.e": ("Filene", "The files"),
    "files.said": (
        "Filene ligger inne i denne siden. Lagre dem hvis du vil ha dem for seg selv. Lydfilene er i formatet WAV; data.json er opplysningene i brevet i maskinlesbar form.",
        "The files are inside this page. Save them if you want them on their own. The sound files are in WAV format; data.json is what this letter says in machine-readable form.",
    ),
    "files.data_only": (
        "Filen ligger inne i denne siden: data.json er opplysningene i brevet i maskinlesbar form.",
        "The file is inside this page: data.json is what this letter says in machine-readable form.",
    ),
    "files.keep": (
        "Filer som du lagrer, er ikke lenger beskyttet av passordet. De er dine, og vi kan ikke slette dem.",
        "Files that you save are no longer protected by the passphrase. They are yours, and we cannot delete them.",
    ),
    "section.f": ("Slik kontrollerer du filene", "How to check the files"),
    "check.said": (
        "En kontrollsum viser om en fil er uendret: Regn den ut for filen du har lagret, og se om den er lik den som står over.",
        "A checksum shows whether a file is unchanged: compute it for the file that you saved, and see whether it equals the one above.",
    ),
    "check.windows": ("Windows (PowerShell): {command}", "Windows (PowerShell): {command}"),
    "check.mac": ("Mac (Terminal): {command}", "Mac (Terminal): {command}"),
    "check.linux": ("Linux: {command}", "Linux: {command}"),
    "check.page": (
        "Brevet og filene er kryptert sammen (AES-256-GCM). Er noe i dem endret, lar de seg ikke åpne med passordet.",
        "The letter and the files are encrypted together (AES-256-GCM). If anything in them was changed, they do not open with the passphrase.",
    ),
    "check.log": (
        "Oppslagene er hentet fra en signert logg der endringer blir oppdaget. Den som kontrollerer loggen, bruker denne nøkkelen:",
        "The accesses come from a signed log in which changes are noticed. Whoever checks the log uses this key:",
    ),
    "check.policy": ("Svaret følger utgave {version} av retningslinjene våre for opptak.", "The answer follows version {version} of our guidelines for recordings."),
    # Words for codes
    "purpose.training": ("opplæring av ansatte i kundeservice", "training of customer-service staff"),
    "purpose.quality": ("kvalitetssikring av kundeservice", "quality assurance of customer service"),
    "purpose.access": ("innsyn for den det gjelder (GDPR artikkel 15)", "access by the person concerned (GDPR Article 15)"),
    "role.officer": ("sikkerhetsansvarlig", "security officer"),
    "role.manager": ("leder med ansvar for opplæring eller kvalitet", "manager responsible for training or quality"),
    "role.support": ("ansatt i kundeservice", "customer-service employee"),
    "role.ingest": ("tjenesten som tar imot opptak", "the service that takes in recordings"),
    "role.retention": ("tjenesten som sletter opptak", "the service that deletes recordings"),
    "role.auditor": ("IT-kontrollør", "IT auditor"),
    "action.people": ("endret hvem som bruker systemet", "changed who uses the system"),
    "action.grant": ("ga eller trakk tilgang", "gave or took back access"),
    "action.see_grants": ("så hvem som har tilgang", "saw who has access"),
    "action.ingest": ("tok imot opptaket", "took in the recording"),
    "action.find": ("fikk opptaket opp i et søk, uten lyd", "was shown the recording in a search, without sound"),
    "action.backup": ("tok en sikkerhetskopi", "made a backup"),
    "action.restore": ("gjenopprettet systemet", "restored the system"),
    "action.see_recipients": ("så hvem som har fått en kopi", "saw who was given a copy"),
    "action.confirm_deleted": ("bekreftet at en kopi er slettet", "confirmed that a copy was deleted"),
    "action.pseudonymise": ("laget en kopi til opplæring", "made a copy for training"),
    "action.review": ("så gjennom en kopi til opplæring", "looked through a copy for training"),
    "action.release": ("ga en kopi til opplæring", "gave a copy to training"),
    "action.reject": ("slettet en kopi som ikke var god nok", "erased a copy that was not good enough"),
    "action.export": ("åpnet opptaket og lagret det som lydfil", "opened the recording and saved it as a sound file"),
    "action.withdraw": ("slettet fordi samtykket ble trukket", "erased because consent was withdrawn"),
    "purpose.withdrawal": ("trekke et samtykke", "withdrawal of a consent"),
    "action.withdraw_shown": (
        "fikk vist tidspunktet for samtalen, uten lyd",
        "was shown the time of the call, without sound",
    ),
    "action.purge": ("slettet etter 90 dager", "erased after 90 days"),
    "action.dsar": ("åpnet opptaket for å svare på et krav om innsyn", "opened the recording to answer a request for access"),
    "action.audit_show": ("leste loggen", "read the log"),
    "action.look_after": ("kontrollerte systemet", "looked after the system"),
}  # fmt: skip

KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "format": ("hva slags dokument dette er", "what kind of document this is"),
    "version": ("utgave av formatet", "version of the format"),
    "controller": ("behandlingsansvarlig", "the controller"),
    "legal_basis": ("rettslig grunnlag for opptakene", "the legal basis of the recordings"),
    "answered_at": ("når svaret ble laget", "when the answer was made"),
    "case": ("saken", "the case"),
    "id": ("saksnummer, eller opptakets kode", "the case's number, or the recording's code"),
    "state": (
        "tilstanden da svaret ble laget; for en kopi: needs_review, ready (sett gjennom) eller released (gitt til opplæring)",
        "the state when the answer was made; of a copy: needs_review, ready (looked through) or released (given to training)",
    ),
    "received_at": ("når kravet ble mottatt", "when the request was received"),
    "due_on": ("siste dag for å svare", "last day for the answer"),
    "identity": ("hvordan vi kontrollerte hvem du er", "how we checked who you are"),
    "identifiers": (
        "øverst: det vi søkte etter; i et opptak: kjennetegn som fulgte med det",
        "at the top: what we searched for; in a recording: identifiers that came with it",
    ),
    "recordings": ("opptakene", "the recordings"),
    "started_at": ("når opptaket begynte", "when the recording began"),
    "ended_at": ("når opptaket sluttet", "when the recording ended"),
    "duration_s": ("varighet i sekunder", "length in seconds"),
    "team": ("teamet som svarte", "the team that answered"),
    "purposes": ("formålene som du samtykket til", "the purposes that you consented to"),
    "consent_at": ("når du trykket 1", "when you pressed 1"),
    "prompt_version": ("utgave av teksten du hørte", "version of the text that you heard"),
    "prompt_text": ("teksten du hørte", "the text that you heard"),
    "prompt_sha256": ("kontrollsum av teksten, i UTF-8", "checksum of the text, in UTF-8"),
    "number": ("nummeret du ringte fra; null: skjult", "the number that you called from; null: withheld"),
    "reference": ("samtalens referanse i telefonsystemet", "the call's reference in the telephone system"),
    "erased_on": ("når opptaket slettes", "when the recording will be deleted"),
    "sound": ("navnet på lydfilen; null: ikke lagt ved", "the sound file's name; null: not enclosed"),
    "own_speech": ("sant: bare din tale er med", "true: only your speech is in it"),
    "withheld": (
        "hvorfor lyden mangler: mono (ett lydspor), roles_unknown (ikke registrert hvilket lydspor som er ditt)",
        "why sound is missing: mono (one track), roles_unknown (not registered which track is yours)",
    ),
    "accesses": ("hvem som har sett eller åpnet opptaket", "who saw or opened the recording"),
    "at": ("når", "when"),
    "copies": ("kopier laget av opptaket", "copies made from the recording"),
    "made_at": ("når kopien ble laget", "when the copy was made"),
    "action": ("find: vist i et søk; export: lagret som lydfil; dsar: innsyn", "find: shown in a search; export: saved as a sound file; dsar: access request"),
    "purpose": ("formål; null: innsyn", "purpose; null: access request"),
    "role": ("rolle", "role"),
    "grants": ("hvem som kunne lytte", "who could listen"),
    "starts_at": ("fra", "from"),
    "until": ("til", "until"),
    "whole_call_reason": ("hvorfor hele samtalen er med; null: den er ikke det", "why the whole call is enclosed; null: it is not"),
    "policy_version": ("utgave av retningslinjene", "version of the guidelines"),
    "log_vkey": ("nøkkel til kontroll av loggen", "key for checking the log"),
    "files": ("lydfilene", "the sound files"),
    "name": ("filnavn", "file name"),
    "mediatype": ("filtype", "media type"),
    "bytes": ("størrelse", "size"),
    "sha256": ("kontrollsum av filen", "checksum of the file"),
}  # fmt: skip
