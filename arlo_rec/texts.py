"""Every sentence that people read, by code, in Norwegian (bokmål) and English; and the one sanitiser.

Errors and refusals carry codes; here the codes get their words. A test holds both languages complete and
their placeholders equal, and finds a sentence for every code that the program can raise.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_VISIBLE = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    """Text from outside, made harmless for a terminal, a page, a cell or a log: controls become visible.

    Escape sequences, C1 controls, bidi marks, line separators, lone surrogates and unassigned or private
    characters come out as `\\x1b` or `\\u202e`; everything else stays as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _is_harmless(one) else _escaped(one) for one in text)


def say_or(code: str, lang: str, otherwise: str) -> str:
    """The sentence of *code*, or *otherwise* where it has none."""
    return say(code, lang) if code in TEXTS else otherwise


def say(code: str, lang: str, **values: object) -> str:
    """The sentence of *code* in *lang*, its values made harmless; raises KeyError for an unknown code."""
    nb, en = TEXTS[code]
    harmless = {key: clean(str(value)) for key, value in values.items()}
    return (nb if lang == "nb" else en).format(**harmless)


def _is_harmless(one: str) -> bool:
    return unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # bidi marks are Cf


def _escaped(one: str) -> str:
    if one in _VISIBLE:
        return _VISIBLE[one]
    point = ord(one)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"


_ERRORS: Final[dict[str, tuple[str, str]]] = {
    "usage": ("det ble ikke forstått ({message}); se --help", "that was not understood ({message}); see --help"),
    "no_command": ("hvilken kommando? arlo-rec --help viser alle", "which command? arlo-rec --help lists them all"),
    "no_such_command": (
        "det finnes ingen kommando {name}; arlo-rec --help viser alle",
        "there is no command {name}; arlo-rec --help lists them all",
    ),
    "no_such_option": ("det finnes ingen {name} her; se --help", "there is no {name} here; see --help"),
    "option_too_early": (
        "{name} skal stå etter kommandoens navn, slik: arlo-rec find {name} ...",
        "{name} comes after the command's name, as in: arlo-rec find {name} ...",
    ),
    "word_missing": ("{name} mangler; se --help", "{name} is missing; see --help"),
    "value_missing": (
        "hva skal {name} være? skriv verdien etter den",
        "what is {name} to be? write its value behind it",
    ),
    "bad_value": ("verdien til {name} passer ikke; se --help", "the value of {name} does not fit; see --help"),
    "words_too_many": (
        "dette er for mye: {words}; sett en verdi på flere ord i anførselstegn, se --help",
        "this is too much: {words}; put a value of several words in quotes, see --help",
    ),
    "already_exists": (
        "{path} finnes allerede og er ikke tom; velg et annet sted",
        "{path} exists already and is not empty; choose another place",
    ),
    "root_inside_store": (
        "rotmappen {path} må ligge ved siden av lageret, ikke i det; velg et annet sted med --root",
        "the root folder {path} must lie beside the store, not inside it; choose another place with --root",
    ),
    "no_such_group": (
        "det finnes ingen gruppe {name} på denne maskinen; lag den først",
        "there is no group {name} on this machine; make it first",
    ),
    "passphrase_not_utf8": (
        "passordet er ikke UTF-8-tekst; lagre filen som UTF-8",
        "the passphrase is not UTF-8 text; save the file as UTF-8",
    ),
    "passphrase_too_short": (
        "passordet må ha minst {least} tegn; skriv et lengre",
        "the passphrase must have at least {least} characters; type a longer one",
    ),
    "passphrases_differ": (
        "de to passordene er ikke like; prøv igjen",
        "the two passphrases differ; try again",
    ),
    "secret_file_open": (
        "{path} kan leses av andre; gjør chmod 600 på filen og prøv igjen",
        "{path} can be read by others; do chmod 600 on the file and try again",
    ),
    "secret_file_missing": (
        "kan ikke lese {path}; se etter at filen finnes og er din",
        "cannot read {path}; see that the file exists and is yours",
    ),
    "not_a_service_key": (
        "{path} er ingen nøkkelfil for en tjeneste; bruk filen som person add --service skrev",
        "{path} is no key file of a service; use the file that person add --service wrote",
    ),
    "key_of_another_store": (
        "nøkkelen hører til et annet lager; velg riktig lager med --store",
        "the key belongs to another store; choose the right store with --store",
    ),
    "wrong_passphrase": (
        "feil passord, eller ingen slik person her; prøv igjen, og se etter --as. Forsøket er notert",
        "wrong passphrase, or no such person here; try again, and check --as. The attempt was noted",
    ),
    "no_passphrase": (
        "ingen terminal å spørre om passord på; oppgi --passphrase-file eller --key-file",
        "no terminal to ask for a passphrase on; give --passphrase-file or --key-file",
    ),
    "one_time_passphrase": (
        "dette passordet gjelder bare én gang; sett ditt eget med arlo-rec person passphrase",
        "this passphrase works only once; set your own with arlo-rec person passphrase",
    ),
    "no_longer_here": (
        "du har ikke tilgang til dette lageret lenger; snakk med sikkerhetsansvarlig",
        "you no longer have access to this store; talk to the security officer",
    ),
    "secret_not_given": (
        "rollen din har ikke nøkkelen som trengs til dette; snakk med sikkerhetsansvarlig",
        "your role does not hold the key that this needs; talk to the security officer",
    ),
    "as_differs": (
        "nøkkelfilen tilhører {name}; fjern --as eller bruk en annen nøkkelfil",
        "the key file belongs to {name}; drop --as or use another key file",
    ),
    "wrong_catalogue_key": (
        "katalogen lar seg ikke åpne med nøkkelen din; snakk med sikkerhetsansvarlig",
        "the catalogue does not open with your key; talk to the security officer",
    ),
    "no_store": (
        "det er ikke noe lager i {path}; se etter --store, eller lag et med arlo-rec init",
        "there is no store at {path}; check --store, or make one with arlo-rec init",
    ),
    "store_not_named": (
        "hvilket lager? oppgi --store eller sett ARLO_REC_STORE",
        "which store? give --store or set ARLO_REC_STORE",
    ),
    "store_scheme": (
        "lagre av typen {value} støttes ikke; oppgi en mappe",
        "stores of the kind {value} are not supported; give a folder",
    ),
    "store_too_new": (
        "lageret {path} er laget av en nyere versjon; oppgrader arlo-rec",
        "the store {path} was made by a newer version; upgrade arlo-rec",
    ),
    "store_file_damaged": (
        "{path} er skadet; hent filen fra sikkerhetskopien",
        "{path} is damaged; take the file from the backup",
    ),
    "in_use": (
        "lageret er i bruk av en annen kjøring; prøv igjen om litt",
        "the store is in use by another run; try again shortly",
    ),
    "bad_name": (
        "et navn er 1 til 100 synlige tegn uten mellomrom ytterst",
        "a name is 1 to 100 visible characters with no blanks at its ends",
    ),
    "name_taken": (
        "navnet {name} er i bruk eller har vært det; velg et annet",
        "the name {name} is or was in use; choose another",
    ),
    "role_unknown": ("rollen må være en av {roles}", "the role must be one of {roles}"),
    "role_is_no_service": (
        "rollen {role} er for mennesker; en tjeneste kan være support, ingest, retention eller auditor",
        "the role {role} is for people; a service can be support, ingest, retention or auditor",
    ),
    "service_needs_key_out": (
        "--service og --key-out hører sammen; oppgi begge eller ingen",
        "--service and --key-out belong together; give both or neither",
    ),
    "service_has_no_passphrase": (
        "en tjeneste har nøkkelfil og intet passord; lag en ny tjeneste for å bytte nøkkel",
        "a service has a key file and no passphrase; add a new service to change the key",
    ),
    "no_such_person": (
        "det er ingen {name} her; arlo-rec person list viser hvem som er her",
        "there is no {name} here; arlo-rec person list shows who is",
    ),
    "not_oneself": (
        "dette må en annen sikkerhetsansvarlig gjøre for deg",
        "another officer must do this for you",
    ),
    "recovery_needed": (
        "gjenopprettingsnøkkelen kan bare tas ut når det er to sikkerhetsansvarlige; legg til en til først",
        "the recovery key can only be removed where there are two officers; add another one first",
    ),
    "last_officer": (
        "dette er den siste sikkerhetsansvarlige; legg til en ny først",
        "this is the last officer; add another one first",
    ),
    "no_live_grant": (
        "{name} har ingen gyldig tilgang å ta tilbake; arlo-rec grants viser hva som finnes",
        "{name} has no live grant to take back; arlo-rec grants shows what there is",
    ),
    "no_such_grant": (
        "{name} har ingen gyldig tilgang med den id-en; arlo-rec grants viser hva som finnes",
        "{name} has no live grant of that id; arlo-rec grants shows what there is",
    ),
    "not_a_manager": (
        "bare ledere og sikkerhetsansvarlige kan få tilgang til opptak; arlo-rec person list viser rollene",
        "only managers and officers can be given access to recordings; arlo-rec person list shows the roles",
    ),
    "grant_length": (
        "en tilgang varer fra nå og i høyst 90 dager; velg --days 1 til 90 eller en tidligere --until",
        "a grant lasts from now for at most 90 days; choose --days 1 to 90 or an earlier --until",
    ),
    "until_or_days": ("oppgi --until eller --days, ikke begge", "give --until or --days, not both"),
    "bad_team": (
        "et teamnavn er 1 til 200 synlige tegn",
        "a team's name is 1 to 200 visible characters",
    ),
    "not_your_role": (
        "rollen din gjør ikke dette; snakk med sikkerhetsansvarlig om du trenger det. Forsøket er loggført",
        "your role does not do this; talk to the security officer if you need it. The attempt is in the log",
    ),
    "no_grant": (
        "du har ikke tilgang til dette; be sikkerhetsansvarlig om tilgang. Forsøket er loggført",
        "you have no grant for this; ask the security officer for one. The attempt is in the log",
    ),
    "purpose_missing": (
        "hva skal opptaket brukes til? oppgi --purpose training eller --purpose quality",
        "what is the recording for? give --purpose training or --purpose quality",
    ),
    "purpose_unknown": (
        "det finnes bare to formål: velg --purpose training eller --purpose quality",
        "there are only two purposes: choose --purpose training or --purpose quality",
    ),
    "reason_missing": (
        "hvorfor? oppgi grunnen med --reason; den loggføres",
        "why? give the reason with --reason; it is logged",
    ),
    "reason_too_short": (
        "grunnen må si noe; skriv minst 10 tegn",
        "the reason must say something; write at least 10 characters",
    ),
    "reason_too_long": (
        "grunnen er lengre enn 500 tegn; kort den ned",
        "the reason is over 500 characters; shorten it",
    ),
    "reason_hidden_characters": (
        "grunnen har usynlige tegn; skriv den på nytt",
        "the reason holds hidden characters; type it again",
    ),
    "reason_holds_identifier": (
        "grunnen har et nummer eller en e-postadresse; vis til saken uten å nevne hvem",
        "the reason holds a number or an e-mail address; refer to the matter without saying who",
    ),
    "past_its_day": (
        "opptaket har nådd sin siste dag og kan ikke åpnes; velg et nyere med arlo-rec find",
        "the recording has reached its last day and cannot be opened; choose a newer one with arlo-rec find",
    ),
    "not_consented": (
        "den som ringte samtykket ikke til dette formålet; velg et annet opptak med arlo-rec find",
        "the caller did not consent to this purpose; choose another recording with arlo-rec find",
    ),
    "no_released_copy": (
        "til opplæring trengs en frigitt, pseudonymisert kopi, og den finnes ikke av dette; arlo-rec find viser dem som finnes",
        "training needs a released, pseudonymised copy, and there is none of this one; arlo-rec find shows those there are",
    ),
    "gone_meanwhile": (
        "opptaket er ikke lenger tilgjengelig; ingenting ble skrevet. Kjør kommandoen på nytt for det som er igjen",
        "the recording is no longer available; nothing was written. Run the command again for what is left",
    ),
    "no_such_folder": (
        "det er ingen mappe {path}; lag den først, eller velg et annet sted",
        "there is no folder {path}; make it first, or choose another place",
    ),
    "path_does_not_go": (
        "{path} kan ikke brukes her ({reason}); velg et annet navn eller sted",
        "{path} cannot be used here ({reason}); choose another name or place",
    ),
    "search_hidden_characters": (
        "navnet eller teamet har usynlige tegn; skriv det på nytt",
        "the agent or the team holds hidden characters; type it again",
    ),
    "out_is_no_file": (
        "svaret er én fil som overleveres; oppgi et filnavn i stedet for -",
        "the answer is one file to hand over; give a file name instead of -",
    ),
    "out_exists": (
        "{path} finnes allerede; velg et annet navn",
        "{path} exists already; choose another name",
    ),
    "json_and_stdout": (
        "--json og --out - vil begge skrive på samme sted; velg én",
        "--json and --out - both want the same output; choose one",
    ),
    "stdin_twice": (
        "bare én ting kan leses fra stdin; bruk en fil for den andre",
        "only one thing can be read from stdin; use a file for the other",
    ),
    "bad_limit": ("--limit må være minst 1", "--limit must be at least 1"),
    "bad_time": (
        "{value} er ingen tid; skriv 2026-10-01 eller 2026-10-01T08:15:00Z",
        "{value} is no time; write 2026-10-01 or 2026-10-01T08:15:00Z",
    ),
    "not_a_number": (
        "det er ikke noe telefonnummer; skriv sifrene, med landkode om det ikke er norsk. Samtaler med skjult nummer trekkes med withdraw --call",
        "that is no telephone number; type the digits, with the country code unless Norwegian. Calls with a withheld number are withdrawn with withdraw --call",
    ),
    "caller_or_call": (
        "oppgi nummeret eller --call, én av dem",
        "give the number or --call, one of the two",
    ),
    "no_such_call": (
        "ingen slik samtale er tatt opp her; se etter at referansen er riktig",
        "no such call is held here; check the reference",
    ),
    "needs_yes": (
        "ingen terminal å spørre på, så ingenting er gjort; er du sikker, kjør med --yes",
        "no terminal to ask on, so nothing was done; if you are sure, run it with --yes",
    ),
    "not_confirmed": (
        "ikke bekreftet, så ingenting er gjort; kjør på nytt og skriv det som det spørres om",
        "not confirmed, so nothing was done; run it again and type what is asked for",
    ),
    "retention.guard": (
        "slettingen stoppet, for {why} (forfalt: {due}); se etter klokken, og kjør med --allow-large om det stemmer",
        "the purge stopped, because {why} (due: {due}); check the clock, and run with --allow-large if it is right",
    ),
    "identity_missing": (
        "hvordan ble identiteten kontrollert? oppgi --identity med minst 10 tegn",
        "how was the person's identity checked? give --identity with at least 10 characters",
    ),
    "whole_call_without_reason": (
        "hele samtalen utleveres bare med en begrunnelse; oppgi --reason",
        "the whole call leaves only with a reason; give --reason",
    ),
    "answer_too_large": (
        "svaret ble på {megabytes} MB, mer enn en nettleser åpner; del det opp eller utlever enkelte opptak for seg",
        "the answer came to {megabytes} MB, more than a browser opens; hand single recordings over one by one",
    ),
    "own_or_whole": (
        "oppgi --own-speech eller --whole-call, ikke begge",
        "give --own-speech or --whole-call, not both",
    ),
    "received_in_future": (
        "kravet kan ikke være mottatt i fremtiden; se etter --received",
        "the request cannot have come in the future; check --received",
    ),
    "refusal_unknown": (
        "det finnes ingen nektelse som heter {value}; kodene er {known}",
        "no refusal is called {value}; the codes are {known}",
    ),
    "keep_and_remove": (
        "velg én: --keep-source lar alt ligge, --remove-refused fjerner",
        "choose one: --keep-source leaves everything, --remove-refused removes",
    ),
    "format_unknown": ("formatet må være auto eller manifest", "the format must be auto or manifest"),
    "bad_lang": (
        "{value} støttes ikke; språket må være nb eller en",
        "{value} is not supported; the language must be nb or en",
    ),
    "config_unreadable": (
        "kan ikke lese innstillingene i {path}; se etter at filen finnes og er UTF-8",
        "cannot read the settings in {path}; check that the file exists and is UTF-8",
    ),
    "config_not_toml": ("{path} er ikke gyldig TOML; rett filen", "{path} is not valid TOML; correct the file"),
    "config_unknown_key": (
        "ukjent innstilling {key} i {path}; docs/operating.md har alle",
        "unknown setting {key} in {path}; docs/operating.md has them all",
    ),
    "config_bad_value": (
        "innstillingen {key} i {path} har feil verdi; docs/operating.md sier hva den kan være",
        "the setting {key} in {path} has a wrong value; docs/operating.md says what it can be",
    ),
    "file_unreadable": (
        "kan ikke lese {path}; se etter navnet og tilgangen din",
        "cannot read {path}; check the name and your permissions",
    ),
    "bad_vkey": (
        "det er ingen verifikasjonsnøkkel; bruk vkey slik init viste den",
        "that is no verifier key; use the vkey as init showed it",
    ),
    "bad_audio": (
        "lyden kan ikke tas inn ({reason}); se etter hva telefonsystemet skrev",
        "the sound cannot be taken in ({reason}); look at what the telephone system wrote",
    ),
    "no_space": (
        "disken er full; ingenting ble gjort ferdig. Gjør plass og kjør på nytt",
        "the disk is full; nothing was finished. Make room and run again",
    ),
    "read_only_disk": (
        "disken er skrivebeskyttet; gjør den skrivbar og kjør på nytt",
        "the disk is read-only; make it writable and run again",
    ),
    "no_permission": (
        "mangler tilgang til {path}; se etter eier og gruppe",
        "no permission for {path}; check owner and group",
    ),
    "disk_failed": (
        "disken svarer ikke som den skal ved {path} ({reason}); se etter at alt er montert, og kjør på nytt",
        "the disk does not do as it should at {path} ({reason}); check that everything is mounted, and run again",
    ),
    "catalogue_unwritable": (
        "katalogen kan ikke åpnes for skriving ({reason}); se etter eier, gruppe og disk, og kjør på nytt",
        "the catalogue cannot be opened for writing ({reason}); check owner, group and disk, and run again",
    ),
    "catalogue_failed": (
        "katalogen svarer ikke som den skal ({reason}); se etter disken, og kjør på nytt",
        "the catalogue does not do as it should ({reason}); check the disk, and run again",
    ),
    "stdout_failed": (
        "svaret kunne ikke skrives ut ({reason}); det som ble gjort, står i loggen",
        "the answer could not be written out ({reason}); what was done stands in the log",
    ),
    "catalogue_missing": (
        "katalogen mangler; stans, rør ingenting og meld fra til IT og sikkerhetsansvarlig",
        "the catalogue is missing; stop, touch nothing, and tell IT and the security officer",
    ),
    "catalogue_damaged": (
        "katalogen er skadet eller byttet; stans, ta vare på filene og meld fra til IT",
        "the catalogue is damaged or was exchanged; stop, keep the files and tell IT",
    ),
    "catalogue_older_than_root": (
        "katalogen er eldre enn rothemmeligheten: noen har lagt tilbake en gammel kopi. Stans og meld fra",
        "the catalogue is older than the root secret: somebody put back an old copy. Stop and report it",
    ),
    "root_older_than_catalogue": (
        "rothemmeligheten er eldre enn katalogen: noen har lagt tilbake en gammel kopi. Stans og meld fra",
        "the root secret is older than the catalogue: somebody put back an old copy. Stop and report it",
    ),
    "root_missing": (
        "rotmappen {path} mangler; monter eller flytt den på plass",
        "the root folder {path} is missing; mount it or move it into place",
    ),
    "root_unreadable": (
        "begge kopiene av rothemmeligheten er skadet; stans, ta vare på filene og meld fra til IT",
        "both copies of the root secret are damaged; stop, keep the files and tell IT",
    ),
    "root_does_not_open": (
        "rothemmeligheten er byttet; stans og meld fra",
        "the root secret was exchanged; stop and report it",
    ),
    "seen_unreadable": (
        "{path}/seen er skadet eller fjernet; stans og finn ut hvem som var der",
        "{path}/seen is damaged or was removed; stop and find out who was there",
    ),
    "roster_missing": (
        "personlisten mangler i katalogen; stans og meld fra",
        "the roster is missing from the catalogue; stop and report it",
    ),
    "policy_missing": (
        "retningslinjene mangler i katalogen; stans og meld fra",
        "the policy is missing from the catalogue; stop and report it",
    ),
    "roster_forged": (
        "personlisten er ikke signert av en sikkerhetsansvarlig her; stans og meld fra",
        "the roster is not signed by an officer of this store; stop and report it",
    ),
    "policy_forged": (
        "retningslinjene er ikke signert av en sikkerhetsansvarlig her; stans og meld fra",
        "the policy is not signed by an officer of this store; stop and report it",
    ),
    "roster_rolled_back": (
        "personlisten er eldre enn den du har sett: en tilbaketrekking kan være fjernet. Stans og meld fra",
        "the roster is older than the one you saw: a revocation may have been removed. Stop and report it",
    ),
    "log_rolled_back": (
        "loggen er kortere eller en annen enn den du har sett; stans og meld fra",
        "the log is shorter than, or other than, the one you saw; stop and report it",
    ),
    "rows_rolled_back": (
        "radene i katalogen er ikke de som sist ble skrevet: noen har lagt tilbake en gammel kopi av noe. Stans, ta vare på filene og kjør arlo-rec verify",
        "the rows of the catalogue are not those that were written last: somebody put back an old copy of something. Stop, keep the files and run arlo-rec verify",
    ),
    "log_damaged": ("loggen er skadet; stans og meld fra", "the log is damaged; stop and report it"),
    "seal_forged": (
        "en forseglet nøkkel er byttet; stans og meld fra",
        "a sealed key was exchanged; stop and report it",
    ),
    "seal_damaged": (
        "{path} er skadet; hent filen fra sikkerhetskopien",
        "{path} is damaged; take the file from the backup",
    ),
    "key_file_damaged": (
        "{path} er skadet; hent filen fra sikkerhetskopien",
        "{path} is damaged; take the file from the backup",
    ),
    "listening_key_forged": (
        "en lyttenøkkel er byttet; stans og meld fra",
        "a listening key was exchanged; stop and report it",
    ),
    "key_tree_does_not_open": (
        "slettenøklene henger ikke sammen ({level}); stans og meld fra",
        "the erasure keys do not hang together ({level}); stop and report it",
    ),
    "metadata_damaged": (
        "opplysningene om et opptak er skadet; kjør arlo-rec verify",
        "what is known about a recording is damaged; run arlo-rec verify",
    ),
    "object_damaged": (
        "opptaket er endret eller avkortet; ingenting ble skrevet. Kjør arlo-rec verify --read-data",
        "the recording was changed or cut off; nothing was written. Run arlo-rec verify --read-data",
    ),
    "object_missing": (
        "filen med opptaket mangler; kjør arlo-rec verify",
        "the recording's file is missing; run arlo-rec verify",
    ),
    "problems_found": (
        "avvik funnet: {count}; stans, ta vare på filene og meld fra",
        "problems found: {count}; stop, keep the files and report it",
    ),
    "certificate_invalid": (
        "kvitteringen er ikke ekte, eller den er endret; be den du fikk den av om den opprinnelige filen",
        "the certificate is not genuine, or was changed; ask whoever gave it for the original file",
    ),
    "certificate_of_another_log": (
        "kvitteringen er fra et annet lager enn nøkkelen; se etter nøkkelen som init viste",
        "the certificate is from another store than the key; check the key that init showed",
    ),
    "demo_failed": (
        "demonstrasjonen gikk ikke som den skulle; linjene sier hvor",
        "the demonstration did not go as it should; its lines say where",
    ),
    "interrupted": (
        "avbrutt; er det spurt om noe, er ingenting gjort, og det som alt var i gang, fullføres av neste kjøring",
        "interrupted; at a question nothing was done, and what had already begun is finished by the next run",
    ),
    "bug": (
        "uventet feil ({kind}); det er en feil i programmet, meld den. Detaljer: {path}",
        "unexpected error ({kind}); this is a bug in the program, report it. Details: {path}",
    ),
    "backup_place": (
        "{path} ligger i lageret, i rotmappen eller i den andre mappen; velg to andre steder",
        "{path} lies in the store, in its root folder or in the other folder; choose two other places",
    ),
    "backup_of_another": (
        "{path} er sikkerhetskopien av et annet lager; velg et annet sted",
        "{path} is the backup of another store; choose another place",
    ),
    "bad_ring_hours": (
        "timene må være mellom 1 og {most}",
        "the hours must be between 1 and {most}",
    ),
    "ring_damaged": (
        "ringen {path} har ikke riktig lengde; flytt den unna og ta en ny sikkerhetskopi",
        "the ring {path} does not have its length; move it away and make a new backup",
    ),
    "feed_unreachable": (
        "kopien av loggen i {path} kan ikke nås; se etter at disken er montert",
        "the feed in {path} cannot be reached; see that its disk is mounted",
    ),
    "feed_does_not_open": (
        "kopien av loggen er ikke forseglet til deg, eller er endret",
        "the feed is not sealed to you, or was changed",
    ),
    "erasure.unreplayed": (
        "ingen vet hva som er slettet siden sikkerhetskopien: lageret leser og tar ikke inn noe før en sikkerhetsansvarlig godtar det (arlo-rec restore --accept-without-feed --reason), eller det gjenopprettes på nytt med --feed",
        "nobody knows what was erased since the backup: the store neither reads nor takes in anything until an officer accepts that (arlo-rec restore --accept-without-feed --reason), or it is restored again with --feed",
    ),
    "backup_too_old": (
        "ringen har ingen nøkkel som åpner sikkerhetskopien i {path}: den er eldre enn ringen, og kan ikke gjenopprettes",
        "the ring has no key that opens the backup in {path}: it is older than the ring, and cannot be restored",
    ),
    "backup_damaged": (
        "sikkerhetskopien i {path} er ikke slik den ble skrevet; prøv en annen kopi av mappen",
        "the backup in {path} is not as it was written; try another copy of the folder",
    ),
    "backup_not_for_you": (
        "sikkerhetskopien er ikke forseglet til deg; en som var sikkerhetsansvarlig da den ble tatt, må gjenopprette",
        "the backup is not sealed to you; somebody who was an officer when it was made must restore it",
    ),
    "no_backup": (
        "det er ingen sikkerhetskopi i {path}",
        "there is no backup in {path}",
    ),
    "escrow_missing": (
        "hvor ligger nøkkelen? oppgi --escrow",
        "where is the key? give --escrow",
    ),
    "backup_not_named": (
        "hvilken sikkerhetskopi? oppgi mappen og --escrow",
        "which backup? give its folder and --escrow",
    ),
    "nothing_to_accept": (
        "lageret er åpent; det er ingenting å godta",
        "the store is open; there is nothing to accept",
    ),
    "feed_too_short": (
        "kopien av loggen slutter ved linje {feed}, før sikkerhetskopien (linje {log}); gjenopprett uten den, eller finn en nyere",
        "the feed ends at entry {feed}, before the backup (entry {log}); restore without it, or find a newer one",
    ),
    "feed_differs": (
        "kopien av loggen er ikke av denne loggen, eller er endret; stans og meld fra",
        "the feed is not of this log, or was changed; stop and report it",
    ),
    "no_such_recipient": (
        "ingen kopi har id {id}; arlo-rec recipients list viser dem",
        "no copy has the id {id}; arlo-rec recipients list shows them",
    ),
    "not_your_copy": (
        "kopien er ikke din; en sikkerhetsansvarlig kan bekrefte for andre",
        "the copy is not yours; a security officer can confirm for others",
    ),
    "bad_shares": (
        "antallet må være 2 til {most}, og minst så mange som trengs",
        "the number must be 2 to {most}, and at least as many as are needed",
    ),
    "shares_do_not_fit": (
        "delene gir ikke nøkkelen tilbake; se etter at de er nok, av samme nøkkel, og riktig skrevet",
        "the shares do not give the key back; see that they are enough, of one key, and spelled right",
    ),
    "not_a_recovery_key": (
        "dette er ingen gjenopprettingsnøkkel: 13 grupper på fire tegn",
        "this is no recovery key: 13 groups of four signs",
    ),
    "recovery_hands_nothing_over": (
        "gjenopprettingsnøkkelen overlater ikke noe: legg til en sikkerhetsansvarlig med person add",
        "the recovery key hands nothing over: add an officer with person add",
    ),
    "backup_folder_taken": (
        "{path} hører til en annen nøkkelmappe; bruk den, eller velg en annen mappe",
        "{path} belongs to another escrow; use that, or choose another folder",
    ),
    "words_missing": (
        "hva ble sagt? gi en avskrift med --transcript, en talemodell med --model, eller en liste med --cuts; uten dem blir det ingen kopi",
        "what was said? give a transcript with --transcript, a speech model with --model, or a list with --cuts; without one there is no copy",
    ),
    "transcript_wrong": (
        "avskriften er ikke riktig ved {place} ({why}); det ble ikke laget noen kopi",
        "the transcript is not right at {place} ({why}); no copy was made",
    ),
    "transcript_misfit": (
        "avskrift {place} hører ikke til denne lyden ({why}); det ble ikke laget noen kopi. Se etter at det er riktig fil",
        "transcript {place} does not belong to this sound ({why}); no copy was made. Check that it is the right file",
    ),
    "track_unknown": (
        "det er ikke registrert hvilket spor {role} er på; skriv 0=FIL eller 1=FIL",
        "it is not registered which track is that of {role}; write 0=FILE or 1=FILE",
    ),
    "file_too_large": (
        "{path} er større enn {most}; se etter at det er riktig fil",
        "{path} is larger than {most}; check that it is the right file",
    ),
    "recordings_or_pending": (
        "oppgi én eller flere id-er, eller --pending, eller --bench MAPPE",
        "give one or more ids, or --pending, or --bench DIR",
    ),
    "workers_out_of_range": (
        "--workers kan være 1 til {most}",
        "--workers can be 1 to {most}",
    ),
    "voice_unknown": (
        "--voice kan være mcadams, ikke {value}",
        "--voice can be mcadams, not {value}",
    ),
    "cuts_of_one": (
        "--cuts gjelder ett opptak; oppgi én id",
        "--cuts is for one recording; give one id",
    ),
    "transcripts_of_many": (
        "til flere opptak trengs en mappe med avskrifter som heter som id-ene: --transcript MAPPE",
        "for several recordings a folder is needed with transcripts that are named like the ids: --transcript DIR",
    ),
    "engine_unknown": (
        "--engine kan være faster-whisper eller none, ikke {value}",
        "--engine can be faster-whisper or none, not {value}",
    ),
    "model_missing": (
        "hvilken modell? oppgi mappen med --model, eller asr.model i innstillingene",
        "which model? give its folder with --model, or asr.model in the settings",
    ),
    "model_not_found": (
        "{path} er ingen mappe; oppgi mappen der modellen ligger",
        "{path} is no folder; give the folder that holds the model",
    ),
    "model_incomplete": (
        "modellen i {path} mangler {missing}; kopier hele mappen",
        "the model in {path} lacks {missing}; copy the whole folder",
    ),
    "language_unknown": (
        "talemodellen kan ikke språket; velg et annet med --language, eller la det være",
        "the speech model does not know that language; choose another with --language, or leave it out",
    ),
    "bad_change": (
        "{value} er ikke et nummer og to tider; skriv for eksempel 3:12.5-14.2",
        "{value} is not a number and two times; write for example 3:12.5-14.2",
    ),
    "copy_replaced": (
        "denne kopien er erstattet av {copy}; se på den med arlo-rec review",
        "this copy was replaced by {copy}; look at that one with arlo-rec review",
    ),
    "copy_missing": (
        "hvilken kopi? arlo-rec review viser dem som venter",
        "which copy? arlo-rec review shows those that wait",
    ),
    "transcript_not_used": (
        "med --mode manual brukes ingen avskrift; utelat den, eller velg --mode detect",
        "with --mode manual no transcript is used; leave it out, or choose --mode detect",
    ),
    "still_heard": (
        "et navn som er kjent i samtalen, høres fortsatt ved {at} s; legg til et klipp der med arlo-rec review --add, og bekreft på nytt",
        "a name that is known to the call is still heard at {at} s; add a cut there with arlo-rec review --add, and confirm again",
    ),
    "labeller_missing": (
        "navnemodellens biblioteker er ikke installert; kjør pip install 'arlo-rec[ner]'",
        "the name model's libraries are not installed; run pip install 'arlo-rec[ner]'",
    ),
    "engine_missing": (
        "talegjenkjenneren er ikke installert; kjør pip install 'arlo-rec[asr]'",
        "the speech engine is not installed; run pip install 'arlo-rec[asr]'",
    ),
    "engine_unconfined": (
        "modellens prosess kunne ikke stenges ute fra nettet, og ble ikke brukt; meld fra til IT",
        "the model's process could not be shut off from the network, and was not used; tell IT",
    ),
    "engine_died": (
        "modellens prosess stoppet, kanskje for lite minne; ingenting ble laget. Prøv igjen, eller en mindre modell",
        "the model's process died, perhaps for lack of memory; nothing was made. Try again, or a smaller model",
    ),
    "engine_silent": (
        "modellens prosess svarte ikke; ingenting ble laget. Prøv igjen",
        "the model's process did not answer; nothing was made. Try again",
    ),
    "engine_garbled": (
        "modellens prosess svarte noe som ikke kan stemme; ingenting ble laget. Prøv igjen, eller en annen modell",
        "the model's process answered what cannot be; nothing was made. Try again, or another model",
    ),
    "model_unusable": (
        "modellen i mappen kan ikke brukes; last den ned på nytt",
        "the model in the folder cannot be used; download it again",
    ),
    "tagger_damaged": (
        "navnemodellen i programmet er skadet; installer arlo-rec på nytt",
        "the program's model of names is damaged; install arlo-rec anew",
    ),
    "names_damaged": (
        "navnelistene i programmet er skadet; installer arlo-rec på nytt",
        "the program's lists of names are damaged; install arlo-rec anew",
    ),
    "bench_empty": (
        "mappen {path} har ingen merkede samtaler: NAVN.json og NAVN.wav ved siden av hverandre",
        "the folder {path} holds no labelled calls: NAME.json and NAME.wav beside each other",
    ),
    "bench_wrong": (
        "{path} er ikke riktig merket ({why}); se docs/pseudonymisation.md",
        "{path} is not labelled rightly ({why}); see docs/pseudonymisation.md",
    ),
    "cuts_missing": (
        "hva skal klippes ut? oppgi listen med --cuts",
        "what is to be cut out? give the list with --cuts",
    ),
    "cuts_empty": (
        "listen klipper ikke ut noe; uten klipp blir det ingen kopi",
        "the list cuts nothing out; without a cut there is no copy",
    ),
    "cuts_wrong": (
        "listen er ikke riktig ved {place} ({why}); det ble ikke laget noen kopi",
        "the list is not right at {place} ({why}); no copy was made",
    ),
    "mode_unknown": (
        "--mode kan være detect, strict eller manual, ikke {value}",
        "--mode can be detect, strict or manual, not {value}",
    ),
    "fill_unknown": (
        "--fill kan være silence, tone eller noise, ikke {value}",
        "--fill can be silence, tone or noise, not {value}",
    ),
    "bad_cut": (
        "{value} er ikke to tider; skriv for eksempel 12.5-14.2",
        "{value} is not two times; write for example 12.5-14.2",
    ),
    "hear_needs_out": (
        "--hear trenger --out FIL, og --out kan ikke brukes sammen med endringer eller --confirm",
        "--hear needs --out FILE, and --out cannot be used together with changes or --confirm",
    ),
    "hear_too_long": (
        "--hear START-END kan være høyst {most} sekunder; hør kopien med --out FIL alene",
        "--hear START-END can be {most} seconds at most; hear the copy with --out FILE alone",
    ),
    "confirm_alone": (
        "bekreft etterpå, når du har sett den nye listen",
        "confirm afterwards, when you have seen the new list",
    ),
    "no_such_cut": (
        "det finnes ikke noe klipp nummer {number}; de er 1 til {most}",
        "there is no cut number {number}; they are 1 to {most}",
    ),
    "not_an_original": (
        "dette er en kopi; kopier lages av originalen",
        "this is a copy; copies are made of the original",
    ),
    "not_under_review": (
        "dette er ikke en kopi som venter på gjennomsyn",
        "this is not a copy that waits for a review",
    ),
    "not_reviewed": (
        "ingen har bekreftet kopien ennå; arlo-rec review ... --confirm",
        "nobody has confirmed the copy yet; arlo-rec review ... --confirm",
    ),
    "training_key_missing": (
        "det finnes ingen nøkkel for opplæring for dette teamet ennå; en sikkerhetsansvarlig må gi kopien fri",
        "there is no training key for this team yet; a security officer must release the copy",
    ),
    "copy_is_not_the_cut_call": (
        "kopien er ikke samtalen med klippene ({why}); den ble ikke brukt. Meld fra",
        "the copy is not the call with these cuts ({why}); it was not used. Report it",
    ),
    "wrong_passphrase_backup": (
        "feil passord, eller ingen slik person i sikkerhetskopien; prøv igjen, og se på --as",
        "wrong passphrase, or no such person in the backup; try again, and check --as",
    ),
}

_REFUSED: Final[dict[str, tuple[str, str]]] = {
    "not_a_file": ("lyden eller manifestet er ingen vanlig fil her", "the sound or the manifest is no plain file here"),
    "bad_metadata": ("manifestet kan ikke forstås", "the manifest cannot be understood"),
    "outbound": ("bare innkommende samtaler tas opp", "only incoming calls are recorded"),
    "no_consent": (
        "ingen tast 1: samtalen skulle ikke vært tatt opp",
        "no key 1: the call should not have been recorded",
    ),
    "prompt_unknown": (
        "teksten som ble lest opp er ukjent eller ikke i bruk ennå",
        "the prompt is unknown or not in use yet",
    ),
    "prompt_not_completed": ("teksten ble ikke hørt til slutten", "the prompt was not heard to its end"),
    "future": ("opptaket er datert frem i tid", "the recording is dated in the future"),
    "expired": ("opptaket er over 90 dager gammelt", "the recording is over 90 days old"),
    "consent_after_call": ("samtykket kom etter at lyden var slutt", "the consent came after the sound had ended"),
    "withdrawn": ("samtykket er trukket", "the consent was withdrawn"),
    "conflict": (
        "samme referanse, men en annen lyd, er tatt inn før",
        "the same reference with another sound was taken in before",
    ),
    "bad_audio": ("lyden kan ikke leses", "the sound cannot be read"),
}

_SOUND: Final[dict[str, tuple[str, str]]] = {  # why a sound was refused
    "big_endian": ("RIFX, som ingen sentral skriver", "RIFX, which no exchange writes"),
    "block_align": ("hodet motsier seg selv om rammene", "its header contradicts itself about frames"),
    "byte_rate": ("hodet motsier seg selv om farten", "its header contradicts itself about its rate"),
    "changed": ("filen ble skrevet til mens den ble lest; kjør igjen", "somebody wrote to it meanwhile; run again"),
    "channels": ("bare én eller to kanaler tas inn", "only one or two channels are taken"),
    "chunk_beyond_end": ("en del er lengre enn filen", "a part of it is longer than the file"),
    "data_before_fmt": ("lyden står foran sitt hode", "the sound stands before its header"),
    "data_beyond_end": ("filen er avkuttet", "the file is cut off"),
    "decoder_hangs": ("dekoderen svarer ikke", "the decoder does not answer"),
    "decoder_missing": ("dekoderen kan ikke startes; si fra til IT", "the decoder cannot be started; tell IT"),
    "fmt_short": ("hodet er for kort", "its header is too short"),
    "format": ("lydformatet er ukjent", "its sound format is not known"),
    "half_frame": ("siste ramme er halv", "its last frame is half"),
    "length_differs": ("den er kortere eller lengre enn den sier", "it is shorter or longer than it says"),
    "needs_av": ("formatet trenger tillegget arlo-rec[av]", "this format needs the extra arlo-rec[av]"),
    "no_data": ("det er ingen lyd i den", "there is no sound in it"),
    "no_ds64": ("RF64 uten sine lengder", "RF64 without its sizes"),
    "no_fmt": ("hodet mangler", "it has no header"),
    "no_frames": ("det er ingen lyd i den", "there is no sound in it"),
    "not_riff": ("det er ingen lydfil", "it is no sound file"),
    "not_sound": ("det er ingen lydfil", "it is no sound file"),
    "not_wave": ("det er ingen lydfil", "it is no sound file"),
    "nothing_left": ("det er ingen lyd etter tastetrykket", "there is no sound after the key press"),
    "rate": ("bare 8 til 48 kHz tas inn", "only 8 to 48 kHz are taken"),
    "riff_size": ("filen er kortere eller lengre enn den sier", "the file is shorter or longer than it says"),
    "second_data": ("det er to lyder i den", "there are two sounds in it"),
    "second_fmt": ("den har to hoder", "it has two headers"),
    "too_large": ("den er større enn 2 GB", "it is larger than 2 GB"),
    "too_many_chunks": ("den har over tusen deler", "it has more than a thousand parts"),
    "trailing_bytes": ("det står noe bak slutten", "there is something behind its end"),
    "truncated": ("filen er avkuttet", "the file is cut off"),
    "undecodable": ("dekoderen ga opp", "the decoder gave up"),
    "width": ("antall bit per prøve er ukjent", "its bits per sample are not known"),
}

_PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "catalogue_damaged": ("katalogen er skadet: {what}", "the catalogue is damaged: {what}"),
    "entry_missing": ("{what}: en linje mangler", "{what}: an entry is missing"),
    "entry_changed": ("{what}: en linje er endret", "{what}: an entry was changed"),
    "log_root_differs": (
        "{what}: linjene gir ikke den signerte roten",
        "{what}: the entries do not give the signed root",
    ),
    "checkpoint_unsigned": ("{what}: en kontrollsum er ikke ekte signert", "{what}: a checkpoint is not truly signed"),
    "checkpoint_of_nobody": (
        "{what}: en kontrollsum er ikke signert av noen her",
        "{what}: a checkpoint is signed by nobody of this store",
    ),
    "log_cut_off": ("{what}: slutten mangler", "{what}: the end is missing"),
    "log_key_not_handed_over": (
        "{what}: en nøkkel ble byttet uten den gamle",
        "{what}: a key was changed without the old one",
    ),
    "log_key_unknown": ("{what}: nøkkelen er ukjent", "{what}: the key is unknown"),
    "anchor_unreadable": ("{what}: ankeret kan ikke leses", "{what}: the anchor cannot be read"),
    "anchor_of_another_log": ("{what}: ankeret er fra en annen logg", "{what}: the anchor is from another log"),
    "anchor_unsigned": ("{what}: ankeret er ikke ekte signert", "{what}: the anchor is not truly signed"),
    "log_shorter_than_anchor": ("{what}: kortere enn ankeret", "{what}: shorter than the anchor"),
    "log_differs_from_anchor": ("{what}: en annen enn ankeret så", "{what}: another than the anchor saw"),
    "recording_not_in_log": ("opptak {what}: loggen kjenner det ikke", "recording {what}: the log does not know it"),
    "recording_changed": ("opptak {what}: raden er endret", "recording {what}: its row was changed"),
    "recording_missing": ("opptak {what}: mangler i katalogen", "recording {what}: missing from the catalogue"),
    "share_missing": ("opptak {what}: slettenøkkelen mangler", "recording {what}: its erasure key is missing"),
    "metadata_missing": ("opptak {what}: opplysningene mangler", "recording {what}: its metadata is missing"),
    "object_missing": ("opptak {what}: filen mangler", "recording {what}: its file is missing"),
    "object_truncated": ("opptak {what}: filen er avkortet", "recording {what}: its file was cut off"),
    "object_longer": ("opptak {what}: filen er forlenget", "recording {what}: its file was made longer"),
    "object_damaged": ("opptak {what}: filen er endret", "recording {what}: its file was changed"),
    "object_swapped": ("opptak {what}: filen er et annet opptak", "recording {what}: its file is another recording"),
    "object_of_nobody": ("fil {what}: hører ikke til noe opptak", "file {what}: belongs to no recording"),
    "rows_changed": (
        "tabellen {what}: en rad er endret, slettet eller eldre",
        "table {what}: a row was changed, deleted or is an older one",
    ),
    "rows_rolled_back": (
        "{what}: radene er ikke de som sist ble skrevet",
        "{what}: the rows are not those that were written last",
    ),
    "roster_rolled_back": ("{what}: personlisten er eldre", "{what}: the roster is older"),
    "log_rolled_back": ("{what}: loggen er eldre eller en annen", "{what}: the log is older or another one"),
    "file_missing": ("filen {what} mangler", "the file {what} is missing"),
    "root_slot_damaged": ("roten: {what} er skadet", "root: {what} is damaged"),
    "catalogue_older_than_root": ("{what}: katalogen er eldre", "{what}: the catalogue is older"),
    "root_older_than_catalogue": ("{what}: er eldre enn katalogen", "{what}: is older than the catalogue"),
    "root_unreadable": ("{what}: begge kopiene er skadet", "{what}: both copies are damaged"),
    "root_does_not_open": ("{what}: er byttet", "{what}: was exchanged"),
    "root_missing": ("{what}: mangler", "{what}: is missing"),
    "seal_forged": ("{what}: en forsegling er byttet", "{what}: a seal was exchanged"),
    "feed_unreachable": (
        "{what}: kopien av loggen kan ikke nås",
        "{what}: cannot be reached",
    ),
    "feed_behind": (
        "{what}: kopien av loggen mangler de siste linjene",
        "{what}: lacks the last entries",
    ),
    "feed_ahead": (
        "{what}: kopien er lengre enn loggen; lageret er eldre enn det var",
        "{what}: is longer than the log; the store is older than it was",
    ),
    "feed_differs": (
        "{what}: kopien sier noe annet enn loggen",
        "{what}: says something else than the log",
    ),
    "feed_of_another": (
        "{what}: er kopien av en annen logg",
        "{what}: is the feed of another log",
    ),
}

_HELP: Final[dict[str, tuple[str, str]]] = {
    "program": (
        "Tar vare på opptak av kundesamtaler slik samtykket, retningslinjene og loven tillater.",
        "Keeps recordings of customer-service calls as consent, guidelines and the law allow.",
    ),
    "init": ("Lag et lager og dets første sikkerhetsansvarlige.", "Make a store and its first security officer."),
    "person": ("Mennesker og tjenester som bruker lageret.", "People and services that use the store."),
    "person.add": ("Legg til en person eller en tjeneste.", "Add a person or a service."),
    "person.list": ("Vis hvem som er her.", "Show who is here."),
    "person.remove": (
        "Ta en person eller tjeneste ut, med nye nøkler for alle andre.",
        "Remove a person or service, with new keys for everybody else.",
    ),
    "person.passphrase": (
        "Sett ditt eget passord, eller gi noen et nytt engangspassord.",
        "Set your own passphrase, or give somebody a new one-time passphrase.",
    ),
    "grant": ("Gi en leder tilgang til opptak.", "Give a manager access to recordings."),
    "revoke": ("Ta tilgang tilbake.", "Take access back."),
    "grants": ("Vis hvem som har tilgang.", "Show who has access."),
    "dsar": (
        "Svar på et innsynskrav fra den som ringte, på språket som --lang sier.",
        "Answer an access request of a caller, in the language that --lang says.",
    ),
    "find": ("Finn opptak du kan åpne for et formål.", "Find recordings that you may open for a purpose."),
    "export": ("Skriv lyden av ett opptak til en fil.", "Write the sound of one recording to a file."),
    "withdraw": (
        "Trekk et samtykke: slett alt fra den som ringte, straks.",
        "Withdraw a consent: erase everything of a caller, at once.",
    ),
    "ingest": (
        "Ta inn samtaler med samtykke fra telefonsystemet.",
        "Take in consented calls from the telephone system.",
    ),
    "purge": ("Slett det som er 90 dager gammelt.", "Erase what is 90 days old."),
    "status": (
        "Hvordan det står til: lagret, forfalt, nektet, siste sletting.",
        "How things stand: held, due, refused, last purge.",
    ),
    "verify": (
        "Se etter at alt i lageret er som det ble lagt inn.",
        "Check that everything in the store is as it was put there.",
    ),
    "audit": ("Loggen over alt som er gjort.", "The log of all that was done."),
    "audit.verify": ("Se etter at loggen er hel og ekte.", "Check that the log is whole and genuine."),
    "audit.show": ("Vis loggen, med filtre.", "Show the log, with filters."),
    "audit.checkpoint": (
        "Vis den siste signerte kontrollsummen, til å gjemme utenfor.",
        "Show the newest signed checkpoint, to be kept outside.",
    ),
    "certificate": ("Kvitteringer for sletting.", "Deletion receipts."),
    "certificate.verify": (
        "Se etter at en kvittering er ekte; trenger ikke noe lager.",
        "Check that a receipt is genuine; needs no store.",
    ),
    "demo": (
        "Vis hele livet til noen samtaler i et lager som kastes etterpå.",
        "Show the whole life of a few calls in a throw-away store.",
    ),
    "backup": (
        "Ta en sikkerhetskopi som glemmer: lageret ett sted, nøkkelen et annet.",
        "Make a backup that forgets: the store in one place, its key in another.",
    ),
    "restore": (
        "Lag et lager av en sikkerhetskopi, uten det som er slettet siden.",
        "Make a store from a backup, without what was erased since.",
    ),
    "recipients": (
        "Kopier som er levert ut, og hvem som må slette hva.",
        "Copies that left, and who must delete what.",
    ),
    "recipients.list": (
        "Vis hvem som har fått en kopi.",
        "Show who was given a copy.",
    ),
    "recipients.confirm": (
        "Bekreft at kopier er slettet; en leder sine egne.",
        "Confirm that copies were deleted; a manager their own.",
    ),
    "person.handover": (
        "Overlat stillingen som sikkerhetsansvarlig til en annen, med nye nøkler, og gå.",
        "Hand the office of security officer over to somebody else, with new keys, and leave.",
    ),
    "person.rotate": (
        "Gi en tjeneste en ny nøkkelfil; den gamle åpner ikke noe mer.",
        "Give a service a new key file; the old one opens nothing any more.",
    ),
    "recovery": (
        "Gjenopprettingsnøkkelen, delt på flere.",
        "The recovery key, shared among several.",
    ),
    "recovery.split": (
        "Del gjenopprettingsnøkkelen i deler, der noen av dem sammen gir den tilbake.",
        "Split the recovery key into shares, of which some together give it back.",
    ),
    "recovery.join": (
        "Sett deler sammen til gjenopprettingsnøkkelen.",
        "Join shares to the recovery key.",
    ),
    "recovery.renew": (
        "Lag en ny gjenopprettingsnøkkel; den gamle åpner ikke noe mer.",
        "Make a new recovery key; the old one opens nothing any more.",
    ),
    "pseudonymise": (
        "Lag en kopi til opplæring, der det som peker på noen er klippet ut.",
        "Make a copy for training, with what points to somebody cut out.",
    ),
    "review": (
        "Se gjennom, hør, endre og bekreft det som er klippet ut av en kopi.",
        "Look through, hear, change and confirm what was cut out of a copy.",
    ),
    "release": (
        "Gi en bekreftet kopi til opplæring.",
        "Give a confirmed copy to training.",
    ),
    "reject": (
        "Slett en kopi som ikke er god nok.",
        "Erase a copy that is not good enough.",
    ),
}

_OPTIONS: Final[dict[str, tuple[str, str]]] = {
    "opt.store": ("Lageret (ellers ARLO_REC_STORE).", "The store (else ARLO_REC_STORE)."),
    "opt.as": (
        "Hvem du er (ellers ARLO_REC_AS, ellers brukernavnet).",
        "Who you are (else ARLO_REC_AS, else the login name).",
    ),
    "opt.passphrase_file": ("Fil med passordet ditt, eller - for stdin.", "File with your passphrase, or - for stdin."),
    "opt.key_file": ("Nøkkelfilen til en tjeneste.", "The key file of a service."),
    "opt.config": ("Fil med innstillinger (TOML).", "File with settings (TOML)."),
    "opt.json": ("Svar med ett JSON-dokument.", "Answer with one JSON document."),
    "opt.quiet": ("Bare det som ikke må gå tapt.", "Only what must not be lost."),
    "opt.help": ("Vis denne hjelpen.", "Show this help."),
    "opt.lang": ("Språk: nb eller en.", "Language: nb or en."),
    "opt.officer": ("Navnet på den første sikkerhetsansvarlige.", "The name of the first security officer."),
    "opt.root": ("Rotmappen (ellers LAGER.root ved siden av).", "The root folder (else STORE.root, beside it)."),
    "opt.group": ("Gruppen som deler lageret.", "The group that shares the store."),
    "opt.role": (
        "officer, manager, support, ingest, retention eller auditor.",
        "officer, manager, support, ingest, retention or auditor.",
    ),
    "opt.new_passphrase_file": (
        "Fil med det nye passordet, eller - for stdin.",
        "File with the new passphrase, or - for stdin.",
    ),
    "opt.service": (
        "En tjeneste med nøkkelfil i stedet for passord.",
        "A service with a key file instead of a passphrase.",
    ),
    "opt.key_out": ("Hvor nøkkelfilen skal skrives.", "Where to write the key file."),
    "opt.yes": ("Ikke spør.", "Do not ask."),
    "opt.reset": (
        "Gi denne personen en ny nøkkel og et engangspassord.",
        "Give this person a new key and a one-time passphrase.",
    ),
    "opt.purpose": ("training eller quality; må oppgis.", "training or quality; must be given."),
    "opt.teams": ("Team; kan gjentas. Uten: alle, også nye.", "Team; can be repeated. Without: all, new ones too."),
    "opt.until": ("Siste dag, eller et tidspunkt.", "Last day, or an instant."),
    "opt.days": ("Antall dager (ellers 30, høyst 90).", "Number of days (else 30, at most 90)."),
    "opt.reason": ("Hvorfor; loggføres.", "Why; is logged."),
    "opt.grant": ("Bare denne tilgangen.", "Only this grant."),
    "opt.all": ("Også de som er over.", "Ended ones too."),
    "opt.dsar_out": ("Filen som skal skrives og overleveres.", "The file to write and hand over."),
    "opt.identity": ("Hvordan identiteten ble kontrollert.", "How the person's identity was checked."),
    "opt.received": ("Når kravet kom (ellers nå).", "When the request came (else now)."),
    "opt.own_speech": ("Bare det den som ringte sa (vanlig).", "Only what the caller said (the default)."),
    "opt.whole_call": ("Hele samtalen; krever --reason.", "The whole call; needs --reason."),
    "opt.agent": ("Bare denne kundebehandleren.", "Only this agent."),
    "opt.team": ("Bare dette teamet.", "Only this team."),
    "opt.from": ("Fra og med denne dagen eller tiden.", "From this day or time on."),
    "opt.to": ("Til og med denne dagen, eller før denne tiden.", "To the end of this day, or before this time."),
    "opt.limit": ("Høyst så mange.", "At most so many."),
    "opt.out": ("Filen som skal skrives, eller - for stdout.", "The file to write, or - for stdout."),
    "opt.call": ("Én samtale, med vår eller sentralens referanse.", "One call, by our reference or the exchange's."),
    "opt.dry_run": ("Vis hva som ville skje; gjør ingenting.", "Show what would happen; do nothing."),
    "opt.receipt_out": ("Skriv også kvitteringen hit.", "Write the receipt here too."),
    "opt.format": ("auto eller manifest.", "auto or manifest."),
    "opt.keep_source": ("La filene ligge etterpå.", "Leave the files afterwards."),
    "opt.remove_refused": (
        "Fjern filene til det som blir nektet med denne koden; kan gjentas.",
        "Remove the files of what is refused with this code; can be repeated.",
    ),
    "opt.allow_large": (
        "Slett selv om klokken eller mengden er uvanlig.",
        "Erase although the clock or the amount is unusual.",
    ),
    "opt.read_data": ("Les hver fil helt gjennom.", "Read every file all through."),
    "opt.anchor": (
        "Kontrollsum som ble tatt vare på utenfor; kan gjentas.",
        "A checkpoint kept outside; can be repeated.",
    ),
    "opt.person": ("Bare denne personen.", "Only this person."),
    "opt.action": ("Bare denne handlingen.", "Only this action."),
    "opt.outcome": ("Bare allowed, denied, failed eller done.", "Only allowed, denied, failed or done."),
    "opt.recording": ("Bare om dette opptaket.", "Only about this recording."),
    "opt.vkey": ("Verifikasjonsnøkkelen som init viste.", "The verifier key that init showed."),
    "opt.version": ("Vis versjonen.", "Show the version."),
    "opt.dir": ("Hvor demonstrasjonen skal foregå.", "Where the demonstration takes place."),
    "opt.keep": ("Ikke rydd etterpå.", "Do not clean up afterwards."),
    "arg.name": ("Navnet.", "The name."),
    "arg.caller": ("Telefonnummeret, eller - for stdin.", "The telephone number, or - for stdin."),
    "arg.recording": ("Opptakets id, slik find viser den.", "The recording's id, as find shows it."),
    "arg.paths": ("Filer og mapper.", "Files and folders."),
    "arg.certificate": ("Kvitteringen.", "The receipt."),
    "opt.escrow": (
        "Mappen der nøkkelen ligger noen timer, på en annen disk.",
        "The folder that keeps the key for some hours, on another disk.",
    ),
    "opt.ring_hours": (
        "Så mange timer kan en kopi åpnes etter en sletting (ellers 24).",
        "For so many hours a copy can be opened after an erasure (else 24).",
    ),
    "arg.backup": (
        "Mappen der kopien ligger.",
        "The folder of the backup.",
    ),
    "opt.feed": (
        "Filen på en annen disk der alt som loggføres også skrives.",
        "The file on another disk to which all that is logged is written too.",
    ),
    "opt.feed_read": (
        "Kopien av loggen, som sier hva som er slettet siden.",
        "The feed, which says what was erased since.",
    ),
    "opt.without_feed": (
        "Åpne uten å vite hva som er slettet siden; krever --reason.",
        "Open without knowing what was erased since; needs --reason.",
    ),
    "opt.page": (
        "Skriv også kvitteringen som en side til å skrive ut.",
        "Write the receipt as a page to be printed, too.",
    ),
    "arg.recipients": (
        "Id-ene, slik recipients list viser dem.",
        "The ids, as recipients list shows them.",
    ),
    "opt.shares": (
        "Antall deler (høyst 16).",
        "Number of shares (at most 16).",
    ),
    "opt.threshold": (
        "Hvor mange av dem som trengs.",
        "How many of them are needed.",
    ),
    "arg.shares": (
        "Filer med én del hver.",
        "Files with one share each.",
    ),
    "opt.cuts": (
        "Listen over det som skal klippes ut: Audacity, CTM eller JSON.",
        "The list of what is to be cut out: Audacity, CTM or JSON.",
    ),
    "arg.recordings": (
        "Opptakenes id-er, slik find viser dem.",
        "The recordings' ids, as find shows them.",
    ),
    "arg.copy_or_none": (
        "Kopiens id; uten den vises kopiene som venter.",
        "The id of the copy; without it, the copies that wait are shown.",
    ),
    "opt.pending": (
        "Alle samtaler som ikke har noen kopi ennå.",
        "All calls that have no copy yet.",
    ),
    "opt.transcript": (
        "Hva som ble sagt: en fil, caller=FIL, agent=FIL, eller en mappe med filer som heter som id-ene; kan gjentas.",
        "What was said: a file, caller=FILE, agent=FILE, or a folder of files that are named like the ids; may be repeated.",
    ),
    "opt.voice": (
        "mcadams: gjør også stemmene vanskeligere å kjenne igjen. De er fortsatt personopplysninger.",
        "mcadams: make the voices harder to recognise, too. They are still personal data.",
    ),
    "opt.engine": (
        "faster-whisper eller none (ellers: den som asr.model gir).",
        "faster-whisper or none (else: what asr.model gives).",
    ),
    "opt.model": (
        "Mappen med talemodellen (ellers asr.model). Ingenting lastes ned.",
        "The folder of the speech model (else asr.model). Nothing is downloaded.",
    ),
    "opt.names_model": (
        "Mappen med en navnemodell, for engelske samtaler (ellers ner.model).",
        "The folder of a name model, for English calls (else ner.model).",
    ),
    "opt.language": (
        "Språket i samtalene, for talemodellen: nb, nn, en, sv, da.",
        "The language of the calls, for the speech model: nb, nn, en, sv, da.",
    ),
    "opt.workers": (
        "Hvor mange samtaler som høres samtidig (ellers 1).",
        "How many calls are heard at once (else 1).",
    ),
    "opt.bench": (
        "Mål på egne, merkede samtaler i en mappe; ingenting lagres.",
        "Measure on your own labelled calls in a folder; nothing is kept.",
    ),
    "opt.accept_cut": (
        "Godta klipp nummer N; kan gjentas.",
        "Accept cut number N; may be repeated.",
    ),
    "opt.change_cut": (
        "Flytt klipp nummer N, for eksempel 3:12.5-14.2; kan gjentas.",
        "Move cut number N, for example 3:12.5-14.2; may be repeated.",
    ),
    "opt.mode": (
        "detect (klipp det som peker på noen), strict (behold bare det som er trygt) eller manual (bare --cuts).",
        "detect (cut what points to somebody), strict (keep only what is safe) or manual (only --cuts).",
    ),
    "opt.fill": (
        "Hva som settes inn: silence, tone eller noise (ellers silence).",
        "What takes its place: silence, tone or noise (else silence).",
    ),
    "opt.remove_cut": (
        "Ikke klipp nummer N likevel; kan gjentas.",
        "Do not cut number N after all; can be repeated.",
    ),
    "opt.add_cut": (
        "Klipp også dette, i sekunder; kan gjentas.",
        "Cut this too, in seconds; can be repeated.",
    ),
    "opt.hear": (
        "Skriv originalen rundt klipp nummer N, eller rundt START-END, til --out.",
        "Write the original around cut number N, or around START-END, to --out.",
    ),
    "opt.confirm": (
        "Bekreft at listen er sett gjennom og stemmer.",
        "Confirm that the list was looked through and is right.",
    ),
    "arg.copy": (
        "Kopiens id.",
        "The id of the copy.",
    ),
}

_ANSWERS: Final[dict[str, tuple[str, str]]] = {
    "panel.officer": ("Sikkerhetsansvarlig", "Security officer"),
    "panel.manager": ("Ledere", "Line managers"),
    "panel.support": ("Kundestøtte", "Support staff"),
    "panel.services": ("Telefonsystem og cron", "Telephone system and cron"),
    "panel.it": ("IT", "IT"),
    "panel.anyone": ("Alle", "Anyone"),
    "usage": ("Bruk:", "Usage:"),
    "usage.options": ("[VALG]", "[OPTIONS]"),
    "usage.command": ("KOMMANDO ...", "COMMAND ..."),
    "section.arguments": ("Ord", "Arguments"),
    "section.options": ("Valg", "Options"),
    "section.common": ("Valg til alle kommandoer", "Options of every command"),
    "section.exits": ("Sluttstatus", "Exit status"),
    "required": ("[må oppgis]", "[required]"),
    "exit.0": ("gjort", "done"),
    "exit.1": ("uventet feil (en feil i programmet)", "unexpected error (a bug)"),
    "exit.2": ("feil bruk, eller en verdi som ikke går", "wrong usage, or a bad value"),
    "exit.3": ("delvis gjort; kjør på nytt eller se etter", "done in part; run again or look"),
    "exit.4": ("ingenting passet", "nothing matched"),
    "exit.10": ("ikke noe lager her", "no store here"),
    "exit.11": ("i bruk av en annen kjøring; prøv igjen", "in use by another run; try again"),
    "exit.12": ("feil passord, eller ingen nøkkel", "wrong passphrase or no key"),
    "exit.13": ("ingen tilgang", "not granted"),
    "exit.14": ("retningslinjene sier nei", "refused by the guidelines"),
    "exit.15": ("noe er endret eller lagt tilbake", "integrity: something was changed or rolled back"),
    "exit.16": ("lageret, disken eller databasen svarer ikke", "store, disk or database unreachable"),
    "exit.130": ("avbrutt", "interrupted"),
    "why.clock_jumped": ("klokken hoppet siden sist", "the clock jumped since the last run"),
    "why.large_share": ("det er uvanlig mye på én gang", "it is unusually much at once"),
    "nowhere": ("ingen steder, for mappen kan ikke skrives", "nowhere, for the folder cannot be written"),
    "yes": ("ja", "yes"),
    "no": ("nei", "no"),
    "all_teams": ("alle", "all"),
    "purpose.training": ("opplæring", "training"),
    "purpose.quality": ("kvalitetssikring", "quality"),
    "grant_state.live": ("gjelder", "live"),
    "grant_state.pending": ("venter på en annen sikkerhetsansvarlig", "waits for another officer"),
    "grant_state.revoked": ("tatt tilbake", "revoked"),
    "grant_state.expired": ("utløpt", "expired"),
    "column.name": ("Navn", "Name"),
    "column.role": ("Rolle", "Role"),
    "column.service": ("Tjeneste", "Service"),
    "column.since": ("Siden", "Since"),
    "column.id": ("Id", "Id"),
    "column.purpose": ("Formål", "Purpose"),
    "column.teams": ("Team", "Teams"),
    "column.until": ("Til", "Until"),
    "column.state": ("Tilstand", "State"),
    "column.started": ("Startet", "Started"),
    "column.length": ("Lengde", "Length"),
    "column.team": ("Team", "Team"),
    "column.agent": ("Kundebehandler", "Agent"),
    "column.expires": ("Slettes", "Erased on"),
    "column.source": ("Kilde", "Source"),
    "column.code": ("Kode", "Code"),
    "column.rule": ("Regel", "Rule"),
    "column.message": ("Hvorfor", "Why"),
    "column.entry": ("Nr", "No"),
    "column.time": ("Tid", "Time"),
    "column.action": ("Handling", "Action"),
    "column.outcome": ("Utfall", "Outcome"),
    "column.detail": ("Mer", "More"),
    "ask.passphrase": ("Passord:", "Passphrase:"),
    "ask.caller": ("Telefonnummer:", "Telephone number:"),
    "ask.new_passphrase": ("Nytt passord (minst 12 tegn):", "New passphrase (at least 12 characters):"),
    "ask.again": ("Én gang til:", "Once more:"),
    "init.done": (
        "Lageret {store} er laget, med {officer} som sikkerhetsansvarlig.\n"
        "\n"
        "Gjenopprettingsnøkkel, vises bare nå. Skriv den på papir og lås den inn:\n"
        "  {recovery_key}\n"
        "\n"
        "Loggens nøkkel, som IT tar vare på utenfor:\n"
        "  {vkey}\n"
        "\n"
        "Sikkerhetskopier {store}. Kopier ALDRI {root}: den som har en gammel kopi, kan gjøre om sletting.\n"
        "\n"
        "De tre neste kommandoene:\n"
        "  arlo-rec person add telefon --role ingest --service --key-out telefon.key --as {officer} --store {store}\n"
        "  arlo-rec person add NAVN --role manager --as {officer} --store {store}\n"
        '  arlo-rec grant NAVN --purpose quality --reason "..." --as {officer} --store {store}',
        "The store {store} is made, with {officer} as security officer.\n"
        "\n"
        "Recovery key, shown only now. Write it on paper and lock it away:\n"
        "  {recovery_key}\n"
        "\n"
        "The log's key, for IT to keep outside:\n"
        "  {vkey}\n"
        "\n"
        "Back up {store}. NEVER copy {root}: whoever has an old copy can undo erasures.\n"
        "\n"
        "The next three commands:\n"
        "  arlo-rec person add telephone --role ingest --service --key-out telephone.key --as {officer} --store {store}\n"
        "  arlo-rec person add NAME --role manager --as {officer} --store {store}\n"
        '  arlo-rec grant NAME --purpose quality --reason "..." --as {officer} --store {store}',
    ),
    "weak_disk": (
        "Advarsel: rotmappen ligger på {kind}, der overskriving på stedet ikke fjerner gamle kopier sikkert. Bruk ext4 eller xfs.",
        "Warning: the root folder lies on {kind}, where overwriting in place does not reliably remove old copies. Use ext4 or xfs.",
    ),
    "person.added": ("{name} er lagt til som {role}.", "{name} was added as {role}."),
    "person.one_time": (
        "{name} ({role}) har engangspassordet {passphrase}\n"
        "Det vises bare nå, og kan bare brukes til: arlo-rec person passphrase --as {name}",
        "{name} ({role}) has the one-time passphrase {passphrase}\n"
        "It is shown only now, and can only be used for: arlo-rec person passphrase --as {name}",
    ),
    "person.remove_shows": ("{name} ({role}) mister all tilgang.", "{name} ({role}) will lose all access."),
    "person.remove_question": ("Skriv navnet for å bekrefte:", "Type the name to confirm:"),
    "person.recovery": ("officer (nøkkel på papir)", "officer (key on paper)"),
    "person.removed": (
        "{name} er tatt ut, og alle nøkler er byttet.",
        "{name} was removed, and all keys were changed.",
    ),
    "person.removed_rekey_waits": (
        "{name} er tatt ut. Katalogen er i bruk; nøkkelen byttes av neste kommando som har den alene.",
        "{name} was removed. The catalogue is in use; the next command that has it alone changes its key.",
    ),
    "person.passphrase_set": ("Det nye passordet gjelder.", "The new passphrase is set."),
    "grant.done": ("{name} har tilgang for {purpose} til {until}.", "{name} has access for {purpose} until {until}."),
    "grant.pending": (
        "Tilgangen for {name} ({purpose}, til {until}) gjelder ikke ennå: en annen sikkerhetsansvarlig må gi den.",
        "The grant for {name} ({purpose}, until {until}) does not count yet: another officer must give it.",
    ),
    "grants.none": ("Ingen har tilgang nå.", "Nobody has access now."),
    "revoke.done": ("Tatt tilbake fra {name}: {count}.", "Taken back from {name}: {count}."),
    "find.none": ("Ingen opptak passer.", "No recordings match."),
    "export.done": ("Skrev {out} ({bytes} byte).", "Wrote {out} ({bytes} bytes)."),
    "withdraw.shows": ("Samtaler som slettes for godt: {count}", "Calls that will be erased for good: {count}"),
    "withdraw.shows_nothing": (
        "Ingen opptak er lagret; samtykket trekkes likevel, og det som kommer sent, nektes.",
        "No recordings are held; the consent is withdrawn all the same, and what arrives late is refused.",
    ),
    "withdraw.would": ("Samtaler som ville blitt slettet: {count}", "Calls that would be erased: {count}"),
    "withdraw.question": ("Skriv {count} for å bekrefte:", "Type {count} to confirm:"),
    "withdraw.done": (
        "Si: «Samtykket ditt er trukket, og opptakene dine er slettet. Kvitteringsnummeret er {number}.»",
        'Say: "Your consent is withdrawn and your recordings are erased. The receipt number is {number}."',
    ),
    "withdraw.nothing": (
        "Si: «Vi har ingen opptak av deg, og samtykket ditt er trukket. Kvitteringsnummeret er {number}.»",
        'Say: "We hold no recordings of you, and your consent is withdrawn. The receipt number is {number}."',
    ),
    "erasure.files_left": (
        "Nøkkelen er borte, så ingen kan åpne opptakene, men filene ligger der ennå: neste kjøring fjerner dem og skriver kvitteringen.",
        "The key is gone, so nobody can open the recordings, but the files lie there yet: the next run removes them and writes the receipt.",
    ),
    "withdraw.receipt_lies": (
        "Kvitteringen kunne ikke skrives dit du ba om; den ligger i {receipt}",
        "The receipt could not be written where you asked; it lies in {receipt}",
    ),
    "ingest.done": (
        "{accepted} tatt inn, {refused} nektet, {duplicates} fra før, {unclaimed} lydfiler uten manifest.",
        "{accepted} taken in, {refused} refused, {duplicates} here already, {unclaimed} sound files without a manifest.",
    ),
    "ingest.would": (
        "Ville tatt inn {accepted}, nektet {refused}; {duplicates} fra før, {unclaimed} lydfiler uten manifest.",
        "Would take in {accepted}, refuse {refused}; {duplicates} here already, {unclaimed} sound files without a manifest.",
    ),
    "ingest.unclaimed": ("uten manifest: {source}", "without a manifest: {source}"),
    "ingest.removed": ("Nektet og fjernet: {removed}.", "Refused and removed: {removed}."),
    "ingest.would_remove": ("Nektet og ville blitt fjernet: {removed}.", "Refused and would be removed: {removed}."),
    "ingest.left": ("kan ikke fjernes, se etter: {source}", "cannot be removed, look at it: {source}"),
    "would.taken": ("tas inn", "taken in"),
    "would.taken_why": ("tast 1 er bevist, lyden kan leses", "key 1 is proven, the sound can be read"),
    "would.duplicate": ("fra før", "here already"),
    "would.duplicate_why": (
        "samtalen er tatt inn før",
        "this call was taken in before",
    ),
    "would.refused": ("nektes", "refused"),
    "would.removed": ("nektes og fjernes", "refused and removed"),
    "would.unclaimed": ("blir liggende", "left"),
    "would.unclaimed_why": ("ikke noe manifest beskriver denne lyden", "no manifest describes this sound"),
    "purge.done": ("Opptak slettet: {count}", "Recordings erased: {count}"),
    "purge.would": ("Opptak som ville blitt slettet: {count}", "Recordings that would be erased: {count}"),
    "purge.would_refuse": (
        "Forfalt: {count}, men slettingen ville stoppet. Se etter klokken, og kjør med --allow-large om det stemmer.",
        "Due: {count}, but the purge would stop. Check the clock, and run with --allow-large if it is right.",
    ),
    "status.counts": (
        "Lagret: {held}. Forfalt: {due}, av dem for lenge: {overdue}.",
        "Held: {held}. Due: {due}, of these for too long: {overdue}.",
    ),
    "status.purge": ("Siste sletting: {at}.", "Last purge: {at}."),
    "status.refused": ("Nektet ({why}): {count}, eldste {at}.", "Refused ({why}): {count}, oldest {at}."),
    "verify.good": ("Alt er som det ble lagt inn.", "Everything is as it was put there."),
    "audit.good": (
        "Loggen er hel og ekte: {size} linjer, rot {root}",
        "The log is whole and genuine: {size} entries, root {root}",
    ),
    "audit.none": ("Ingen linjer passer.", "No entries match."),
    "certificate.valid": (
        "Ekte: kvittering {number}, opptak slettet {at}: {count}",
        "Genuine: receipt {number}, recordings erased on {at}: {count}",
    ),
    "certificate.key_checked": ("Signert av loggen med nøkkelen {vkey}", "Signed by the log whose key is {vkey}"),
    "certificate.key_unchecked": (
        "Nøkkelen ble ikke sammenlignet; loggen sier {vkey}. Oppgi --vkey for å være sikker.",
        "The key was not compared; the log says {vkey}. Give --vkey to be sure.",
    ),
    "dsar.done": (
        "Sak {case}: skrevet til {out}, opptak: {count}. Frist {due}.\n"
        "Passord, vises bare nå, gis en annen vei enn filen: {passphrase}",
        "Case {case}: written to {out}, recordings: {count}. Due {due}.\n"
        "Passphrase, shown only now, to be given by another way than the file: {passphrase}",
    ),
    "demo.kept": ("Det hele ligger i {path}", "All of it lies in {path}"),
    "demo.done": ("Hele livet, og ingenting igjen.", "The whole life, and nothing left."),
    "backup.done": (
        "Sikkerhetskopi {number}. Opptak: {held}, nye: {copied}, fjernet: {removed}. Kan gjenopprettes til {until}.",
        "Backup {number}. Recordings: {held}, new: {copied}, removed: {removed}. Can be restored until {until}.",
    ),
    "backup.unchanged": (
        "Ingenting er endret. Sikkerhetskopi {number} kan gjenopprettes til {until}.",
        "Nothing changed. Backup {number} can be restored until {until}.",
    ),
    "backup.damaged": (
        "Opptak {id} er skadet og ble ikke kopiert; kjør arlo-rec verify --read-data.",
        "Recording {id} is damaged and was not copied; run arlo-rec verify --read-data.",
    ),
    "backup.weak": (
        "Advarsel: ringen ligger på {kind}, der overskriving på stedet ikke fjerner gamle nøkler sikkert. Bruk ext4 eller xfs.",
        "Warning: the ring lies on {kind}, where overwriting in place does not reliably remove old keys. Use ext4 or xfs.",
    ),
    "backup.same_disk": (
        "Advarsel: {path} ligger på samme disk som lageret; går disken tapt, er begge borte.",
        "Warning: {path} lies on the same disk as the store; if that disk is lost, both are gone.",
    ),
    "status.backup": (
        "Sikkerhetskopi i {folder}: den nyeste som kan gjenopprettes er fra {at}.",
        "Backup in {folder}: the newest that can be restored is of {at}.",
    ),
    "critical.escrow_unreachable": (
        "KRITISK: ringen i {escrow} kan ikke leses; gamle nøkler kan ligge der. Se etter at disken er montert.",
        "CRITICAL: the ring in {escrow} cannot be read; old keys may lie there. See that the disk is mounted.",
    ),
    "critical.ring_not_emptied": (
        "KRITISK: ringen i {escrow} har en nøkkel som skulle vært overskrevet; kjør arlo-rec purge.",
        "CRITICAL: the ring in {escrow} holds a key that should have been overwritten; run arlo-rec purge.",
    ),
    "critical.backup_old": (
        "KRITISK: det er ingen ny nok sikkerhetskopi i {folder}; kjør arlo-rec backup.",
        "CRITICAL: there is no backup in {folder} that is new enough; run arlo-rec backup.",
    ),
    "purge.ring_left": (
        "Ringen i {escrow} kunne ikke tømmes: gamle nøkler kan ligge der. Se etter at disken er montert, og kjør på nytt.",
        "The ring in {escrow} could not be emptied: old keys may lie there. See that the disk is mounted, and run again.",
    ),
    "critical.feed_unreachable": (
        "KRITISK: kopien av loggen i {path} kan ikke nås; se etter at disken er montert.",
        "CRITICAL: the feed in {path} cannot be reached; see that its disk is mounted.",
    ),
    "critical.feed_behind": (
        "KRITISK: kopien av loggen i {path} mangler {count} linjer; se etter at disken har plass og kan skrives.",
        "CRITICAL: the feed in {path} lacks {count} entries; see that its disk has room and can be written.",
    ),
    "critical.feed_ahead": (
        "KRITISK: kopien av loggen i {path} er lengre enn loggen: lageret er eldre enn det var. Stans og meld fra.",
        "CRITICAL: the feed in {path} is longer than the log: the store is older than it was. Stop and report it.",
    ),
    "restore.shows": (
        "Sikkerhetskopien er fra {at}, og blir til et nytt lager i {store}. Opptak: {held}",
        "The backup is of {at}, and becomes a new store in {store}. Recordings: {held}",
    ),
    "restore.question": (
        "Skriv antallet opptak for å gjenopprette:",
        "Type the number of recordings to restore:",
    ),
    "restore.done": (
        "Lageret i {store} er gjenopprettet fra {at}. Opptak: {held}. Slettet på nytt: {erased}. Gått tapt: {lost}. Alle tilganger er avsluttet.",
        "The store in {store} is restored from {at}. Recordings: {held}. Erased again: {erased}. Lost: {lost}. Every grant has ended.",
    ),
    "restore.removed": (
        "{name} var tatt ut, og kommer ikke inn.",
        "{name} had been removed, and does not get in.",
    ),
    "restore.next": (
        "Loggen har en ny nøkkel, som skal publiseres på nytt: {vkey}. Deretter: gi tilganger, start tjenestene, og ta en ny sikkerhetskopi.",
        "The log has a new key, to be published again: {vkey}. Then: grant access, start the services, and make a new backup.",
    ),
    "restore.accepted": (
        "Lageret er åpnet uten kopien av loggen; det står i loggen hvem som godtok det, og hvorfor.",
        "The store is open without the feed; who accepted that, and why, is in the log.",
    ),
    "receipt.title": (
        "Kvittering for sletting {number}",
        "Deletion receipt {number}",
    ),
    "receipt.done": (
        "{count} opptak er slettet for godt, {at}.",
        "{count} recordings were erased for good, {at}.",
    ),
    "receipt.why": (
        "Hvorfor",
        "Why",
    ),
    "receipt.why.consent.withdraw": (
        "Samtykket ble trukket. Da slettes opptakene straks.",
        "The consent was withdrawn. Then the recordings are erased at once.",
    ),
    "receipt.why.retention.90d": (
        "Opptakene var 90 dager gamle.",
        "The recordings were 90 days old.",
    ),
    "receipt.policy": (
        "Retningslinjer",
        "Guidelines",
    ),
    "receipt.days": (
        "Opptakene var fra",
        "The recordings were of",
    ),
    "receipt.day": (
        "{day}: {count}",
        "{day}: {count}",
    ),
    "receipt.places": (
        "Hva som er gjort",
        "What was done",
    ),
    "receipt.place.root": (
        "Rotnøkkelen er byttet ut og den gamle overskrevet, i begge kopier.",
        "The root key was replaced and the old one overwritten, in both copies.",
    ),
    "receipt.place.catalogue": (
        "Opptakenes nøkler er fjernet fra katalogen.",
        "The keys of the recordings were removed from the catalogue.",
    ),
    "receipt.place.objects": (
        "De forseglede filene er fjernet.",
        "The sealed files were removed.",
    ),
    "receipt.place.journal": (
        "Katalogens journal er tømt.",
        "The journal of the catalogue was emptied.",
    ),
    "receipt.ring": (
        "En sikkerhetskopi kan ha den gamle nøkkelen til {at}. Den er forseglet til de sikkerhetsansvarlige, og overskrives innen da.",
        "A backup may hold the old key until {at}. It is sealed to the security officers, and is overwritten by then.",
    ),
    "receipt.no_ring": (
        "Ingen sikkerhetskopi kan åpne opptakene.",
        "No backup can open the recordings.",
    ),
    "receipt.feed.True": (
        "Slettingen står også i kopien av loggen, utenfor lageret.",
        "The erasure is in the feed as well, outside the store.",
    ),
    "receipt.feed.False": (
        "Kopien av loggen kunne ikke nås da kvitteringen ble skrevet.",
        "The feed could not be reached when the receipt was written.",
    ),
    "receipt.recordings": (
        "Opptakenes tilfeldige navn",
        "The random names of the recordings",
    ),
    "receipt.check": (
        "Slik kontrolleres kvitteringen",
        "How this receipt is checked",
    ),
    "receipt.how": (
        "Denne siden er til å lese. Det som beviser noe, er filen {number}.json: arlo-rec certificate verify {number}.json --vkey, med nøkkelen som selskapet har publisert. Linje {seq} i loggen er slettingen.",
        "This page is for reading. What proves something is the file {number}.json: arlo-rec certificate verify {number}.json --vkey, with the key that the company published. Entry {seq} of the log is the erasure.",
    ),
    "column.kind": (
        "Slag",
        "Kind",
    ),
    "column.recordings": (
        "Opptak",
        "Recordings",
    ),
    "column.erased": (
        "Slettet",
        "Erased",
    ),
    "recipients.kind.export": (
        "eksport",
        "export",
    ),
    "recipients.kind.package": (
        "innsynssvar",
        "access answer",
    ),
    "recipients.kind.backup": (
        "sikkerhetskopi",
        "backup",
    ),
    "recipients.state.out": (
        "levert ut",
        "out",
    ),
    "recipients.state.open": (
        "må slettes",
        "must be deleted",
    ),
    "recipients.state.confirmed": (
        "slettet",
        "deleted",
    ),
    "recipients.delete.export": (
        "{person} må slette kopien fra {at}, og bekrefte det: arlo-rec recipients confirm {id}",
        "{person} must delete the copy of {at}, and confirm it: arlo-rec recipients confirm {id}",
    ),
    "recipients.delete.package": (
        "{person} må slette vår kopi av innsynssvaret fra {at}, og bekrefte det: arlo-rec recipients confirm {id}",
        "{person} must delete our copy of the access answer of {at}, and confirm it: arlo-rec recipients confirm {id}",
    ),
    "recipients.delete.backup": (
        "Sikkerhetskopien i {id} glemmer opptakene neste gang den tas.",
        "The backup in {id} forgets the recordings when it is made next.",
    ),
    "recipients.confirmed": (
        "Bekreftet slettet: {count}",
        "Confirmed as deleted: {count}",
    ),
    "status.unconfirmed": (
        "Kopier av slettede opptak som ikke er bekreftet slettet: {count}. Se arlo-rec recipients list.",
        "Copies of erased recordings that nobody confirmed as deleted: {count}. See arlo-rec recipients list.",
    ),
    "handover.shows": (
        "Du overlater stillingen til {name} og tas ut: passordet ditt åpner ikke noe mer. Gjenopprettingsnøkkelen fornyes.",
        "You hand the office over to {name} and are removed: your passphrase opens nothing any more. The recovery key is renewed.",
    ),
    "handover.question": (
        "Skriv navnet på den som overtar:",
        "Type the name of who takes over:",
    ),
    "handover.done": (
        "{name} er sikkerhetsansvarlig nå. Engangspassord: {passphrase}\nNy gjenopprettingsnøkkel, vises bare nå: {recovery_key}\n{name} setter sitt eget passord: arlo-rec person passphrase --as {name}\nTa en ny sikkerhetskopi: den forrige åpner ingen som er her nå.",
        "{name} is security officer now. One-time passphrase: {passphrase}\nNew recovery key, shown only now: {recovery_key}\n{name} sets a passphrase of their own: arlo-rec person passphrase --as {name}\nMake a new backup: nobody who is here now may open the last one.",
    ),
    "rotate.done": (
        "{name} har en ny nøkkelfil: {path}. Den gamle åpner ikke noe mer.",
        "{name} has a new key file: {path}. The old one opens nothing any more.",
    ),
    "recovery.share": (
        "Del {number} av {count} (minst {threshold} trengs): {share}",
        "Share {number} of {count} (at least {threshold} are needed): {share}",
    ),
    "recovery.joined": (
        "Gjenopprettingsnøkkelen: {recovery_key}",
        "The recovery key: {recovery_key}",
    ),
    "critical.feed_of_another": (
        "KRITISK: {path} er kopien av en annen logg; det skrives ikke noe til den. Oppgi en annen fil.",
        "CRITICAL: {path} is the feed of another log; nothing is written to it. Name another file.",
    ),
    "recovery.renewed": (
        "Ny gjenopprettingsnøkkel, vises bare nå: {recovery_key}\nTa en ny sikkerhetskopi.",
        "New recovery key, shown only now: {recovery_key}\nMake a new backup.",
    ),
    "critical.backup_not_for_officers": (
        "KRITISK: ingen som er sikkerhetsansvarlig nå, kan åpne sikkerhetskopien i {folder}; kjør arlo-rec backup.",
        "CRITICAL: nobody who is an officer now can open the backup in {folder}; run arlo-rec backup.",
    ),
    "pseudonymise.made": (
        "Kopi {copy} er laget. Klipp: {count}, {cover} av samtalen.",
        "Copy {copy} is made. Cuts: {count}, {cover} of the call.",
    ),
    "pseudonymise.next": (
        "Ingen kan bruke den før noen har sett gjennom den: arlo-rec review {copy}",
        "Nobody can use it before somebody looked through it: arlo-rec review {copy}",
    ),
    "review.shown": (
        "Kopi {copy}. Klipp: {count}, {cover} av samtalen. Hør kopien med --out FIL, et klipp i originalen med --hear N --out FIL; bekreft med --confirm.",
        "Copy {copy}. Cuts: {count}, {cover} of the call. Hear the copy with --out FILE, a cut in the original with --hear N --out FILE; confirm with --confirm.",
    ),
    "review.changed": (
        "Kopien er laget på nytt som {copy}. Klipp: {count}, {cover} av samtalen. Den må bekreftes igjen.",
        "The copy was made anew as {copy}. Cuts: {count}, {cover} of the call. It must be confirmed again.",
    ),
    "review.confirmed": (
        "Bekreftet. Gi den til opplæring med arlo-rec release {copy} --reason ...",
        "Confirmed. Give it to training with arlo-rec release {copy} --reason ...",
    ),
    "review.heard": (
        "Skrev {path}. Slett filen når du har hørt den.",
        "Wrote {path}. Delete the file when you have heard it.",
    ),
    "release.done": (
        "Kopien er gitt til opplæring som {copy}.",
        "The copy was given to training as {copy}.",
    ),
    "reject.done": (
        "Kopi {copy} er slettet.",
        "Copy {copy} is erased.",
    ),
    "cuts.all": (
        "alle",
        "all",
    ),
    "column.number": (
        "Nr.",
        "No.",
    ),
    "column.begin": (
        "Fra, s",
        "From, s",
    ),
    "column.end": (
        "Til, s",
        "To, s",
    ),
    "column.channels": (
        "Kanaler",
        "Channels",
    ),
    "column.types": (
        "Slag",
        "Types",
    ),
    "why.too_large": (
        "den er for stor",
        "it is too large",
    ),
    "why.not_utf8": (
        "det er ikke tekst i UTF-8",
        "it is no text in UTF-8",
    ),
    "why.too_many": (
        "det er for mange",
        "there are too many",
    ),
    "why.behind_the_end": (
        "klippet begynner etter at samtalen er slutt",
        "the cut begins behind the end of the call",
    ),
    "why.no_such_channel": (
        "samtalen har ikke den kanalen",
        "the call has no such channel",
    ),
    "why.not_json": (
        "det er ikke riktig JSON",
        "it is not right JSON",
    ),
    "why.no_list": (
        "det er ingen liste over klipp",
        "there is no list of cuts",
    ),
    "why.not_a_cut": (
        "det er ikke et klipp: start, slutt og hva det er",
        "it is no cut: start, end and what it is",
    ),
    "why.no_time": (
        "det er ikke en tid i sekunder",
        "it is no time in seconds",
    ),
    "why.no_length": (
        "klippet har ingen lengde",
        "the cut has no length",
    ),
    "why.form_differs": (
        "lydformatet er et annet",
        "the form of the sound is another",
    ),
    "why.length_differs": (
        "lengden er en annen",
        "the length is another",
    ),
    "why.outside_differs": (
        "noe utenfor klippene er endret",
        "something outside the cuts is changed",
    ),
    "why.inside_is_not_the_fill": (
        "noe i klippene står igjen",
        "something in the cuts is left",
    ),
    "pseudonymise.failed": (
        "{id}: ingen kopi: {why}",
        "{id}: no copy: {why}",
    ),
    "pseudonymise.nothing_pending": (
        "Alle samtaler du kan lage kopi av, har en.",
        "Every call that you may copy has a copy.",
    ),
    "pseudonymise.summary": (
        "Laget: {made}. Ikke laget: {failed}. Ingen kan bruke en kopi før noen har sett gjennom den med arlo-rec review.",
        "Made: {made}. Not made: {failed}. Nobody can use a copy before somebody looked through it with arlo-rec review.",
    ),
    "review.waiting": (
        "Kopier som venter på noen: {count}.",
        "Copies that wait for somebody: {count}.",
    ),
    "release.not_heard_again": (
        "Den er ikke hørt på nytt; det krever en talemodell (asr.model).",
        "It was not heard again; that takes a speech model (asr.model).",
    ),
    "copy.needs_review": (
        "skal ses gjennom",
        "to be looked through",
    ),
    "copy.ready": (
        "bekreftet",
        "confirmed",
    ),
    "column.copy": (
        "Kopi",
        "Copy",
    ),
    "column.made_by": (
        "Av",
        "By",
    ),
    "column.made_at": (
        "Laget",
        "Made",
    ),
    "review.unsure": (
        "Hørt dårlig eller for langt for ordet, og ikke klippet, {count} steder: {where} s. Hør dem med --hear START-END --out FIL.",
        "Heard badly or too long for the word, and not cut, {count} places: {where} s. Hear them with --hear START-END --out FILE.",
    ),
    "warning.nothing_found": (
        "Se nøye: ingenting ble funnet, så ingenting er klippet.",
        "Look closely: nothing was found, so nothing is cut.",
    ),
    "warning.redaction_outside": (
        "Se nøye: avskriften markerer noe som ligger utenfor lyden.",
        "Look closely: the transcript marks something that lies outside the sound.",
    ),
    "warning.low_cover": (
        "Se nøye: mye av talen har ingen ord i avskriften.",
        "Look closely: much of the speech has no words in the transcript.",
    ),
    "warning.offset_unsure": (
        "Se nøye: det er usikkert hvor ordene ligger i tid, så klippene er gjort bredere.",
        "Look closely: it is unsure where the words lie in time, so the cuts were made wider.",
    ),
    "warning.times_worked_out": (
        "Se nøye: noen ord har ingen tider i avskriften; de er regnet ut.",
        "Look closely: some words have no times in the transcript; they were worked out.",
    ),
    "warning.no_scores": (
        "Avskriften sier ikke hvor sikker den er på ordene.",
        "The transcript does not say how sure it is of its words.",
    ),
    "warning.no_words_in_channel_0": (
        "Se nøye: ingen ord på kanal 0, enda noen snakker der.",
        "Look closely: no words on channel 0, although somebody speaks there.",
    ),
    "warning.no_words_in_channel_1": (
        "Se nøye: ingen ord på kanal 1, enda noen snakker der.",
        "Look closely: no words on channel 1, although somebody speaks there.",
    ),
    "column.count": (
        "Antall",
        "Count",
    ),
    "column.cover": (
        "Helt klippet",
        "Wholly cut",
    ),
    "column.mean_cover": (
        "Klippet i snitt",
        "Mean cut",
    ),
    "column.left": (
        "Igjen, s",
        "Left, s",
    ),
    "column.over_cut": (
        "For mye klippet",
        "Over-cut",
    ),
    "bench.limits": (
        "Tallene gjelder disse samtalene og denne avskriften; se docs/pseudonymisation.md for hva de ikke viser.",
        "The figures are of these calls and these transcripts; docs/pseudonymisation.md says what they do not show.",
    ),
    "why.no_labels": (
        "det mangler identifiers med type, start og end",
        "identifiers with type, start and end are missing",
    ),
    "column.score": (
        "Sikkerhet",
        "Score",
    ),
    "column.status": (
        "Status",
        "Status",
    ),
    "column.heard": (
        "Hørt",
        "Heard",
    ),
    "cut.name": (
        "navn",
        "name",
    ),
    "cut.number": (
        "nummer",
        "number",
    ),
    "cut.email": (
        "e-post",
        "e-mail",
    ),
    "cut.address": (
        "adresse",
        "address",
    ),
    "cut.birth": (
        "fødselsdato",
        "date of birth",
    ),
    "cut.code": (
        "kode",
        "code",
    ),
    "cut.spelled": (
        "stavet",
        "spelled",
    ),
    "cut.keys": (
        "tastet",
        "keyed",
    ),
    "cut.speech": (
        "tale",
        "speech",
    ),
    "cut.other": (
        "annet",
        "other",
    ),
    "why.unknown_form": (
        "det er ingen form som leses",
        "it is of no form that is read",
    ),
    "why.no_words": (
        "det er ingen ord i den",
        "there are no words in it",
    ),
    "why.negative_time": (
        "en tid er før opptaket begynner",
        "a time is before the recording begins",
    ),
    "why.ends_before_it_starts": (
        "det slutter før det begynner",
        "it ends before it begins",
    ),
    "why.out_of_order": (
        "ordene er ikke i rekkefølge",
        "the words are out of order",
    ),
    "why.milliseconds": (
        "tidene er millisekunder, ikke sekunder",
        "its times are milliseconds, not seconds",
    ),
    "why.seconds_as_milliseconds": (
        "alle ord ligger helt først; tidene er delt på tusen",
        "all words lie at the very start; its times were divided by a thousand",
    ),
    "why.ends_after_the_sound": (
        "den slutter etter lyden",
        "it ends after the sound",
    ),
    "why.jumps": (
        "tidene hopper midt i samtalen",
        "its times jump in the middle of the call",
    ),
    "why.too_many_words": (
        "det er flere ord enn noen kan si",
        "there are more words than anybody can say",
    ),
    "why.too_many_redactions": (
        "det er flere markerte steder enn det er plass til",
        "there are more marked places than there is room for",
    ),
    "why.word_too_long": (
        "et ord er lengre enn noe ord",
        "a word is longer than any word",
    ),
    "why.another_call": (
        "ordene og talen følger ikke hverandre; kanskje en annen samtale",
        "words and speech do not go together; perhaps another call",
    ),
    "why.covers_too_little": (
        "mye av talen har ingen ord",
        "much of the speech has no words",
    ),
    "receipt.why.data.pseudonymised": (
        "En kopi til opplæring ble erstattet, gitt fri under et annet navn, eller var ikke god nok.",
        "A training copy was replaced, released under another name, or was not good enough.",
    ),
}

_DEMO: Final[dict[str, tuple[str, str]]] = {
    "reason": ("månedlig kvalitetssamtale med teamet", "monthly quality talk with the team"),
    "reason_grant": ("ansvarlig for kvalitet i kundeservice", "responsible for quality in customer service"),
    "identity": ("ringt tilbake på nummeret i kundeavtalen", "called back on the number of the contract"),
    "init": ("Sigrid lager et lager og blir sikkerhetsansvarlig", "Sigrid makes a store and is its security officer"),
    "people": (
        "Leif (leder) får passord; telefon, cron og skranke får hver sin nøkkelfil",
        "Leif (manager) gets a passphrase; telephone, cron and support get a key file each",
    ),
    "copied": (
        "av en samtale og avskriften av den lages en kopi til opplæring (klipp: {count}); noen må se gjennom den",
        "of a call and its transcript a copy for training is made (cuts: {count}); somebody must look through it",
    ),
    "released": (
        "før Leif bekrefter, gis ingenting til opplæring; etterpå hører han kopien, og navnet er stille",
        "before Leif confirms, nothing is given to training; afterwards he hears the copy, and the name is silent",
    ),
    "taken_in": (
        "{count} samtaler med tast 1 er tatt inn; det som ble sagt før tastetrykket, er klippet bort",
        "{count} calls with key 1 are taken in; what was said before the key press is cut off",
    ),
    "refused": (
        "én samtale med tast 2 er nektet, og hendelsen er loggført",
        "one call with key 2 is refused, and that is in the log",
    ),
    "spool": (
        "det som ble tatt inn, er fjernet fra mappen; det nektede ligger",
        "what was taken in is gone from the spool; the refused call lies there",
    ),
    "no_grant": ("Leif søker uten tilgang og blir nektet", "Leif searches without a grant and is refused"),
    "granted": ("Sigrid gir Leif tilgang i 30 dager", "Sigrid grants Leif access for 30 days"),
    "found": (
        "Leif søker med formål og grunn og finner {count}",
        "Leif searches with purpose and reason and finds {count}",
    ),
    "exported": ("Leif hører én samtale; hver lyd er som den kom", "Leif hears one call; every sample is as it came"),
    "training": ("originalen åpnes ikke for opplæring", "the original does not open for training"),
    "answered": (
        "en kunde får innsyn i en kryptert fil med bare egen stemme; frist {due}",
        "a caller gets an encrypted file with only the own voice; due {due}",
    ),
    "withdrawn": (
        "en annen kunde trekker samtykket: to samtaler og kopien slettet, kvittering {number}",
        "another caller withdraws: two calls and the copy erased, receipt {number}",
    ),
    "receipt": (
        "kvitteringen er ekte, og har ingen personopplysninger",
        "the receipt is genuine and holds no personal data",
    ),
    "unreadable": ("det slettede kan ingen åpne lenger", "what was erased opens for nobody"),
    "revoked": ("Sigrid tar tilgangen tilbake", "Sigrid takes the access back"),
    "guard": (
        "90 dager senere: cron stopper først, fordi klokken hoppet",
        "90 days later: cron stops first, because the clock jumped",
    ),
    "purged": (
        "bekreftet av et menneske slettes de siste {count}",
        "confirmed by a person, the last {count} are erased",
    ),
    "verified": ("alt stemmer; loggen har {size} linjer", "everything checks; the log has {size} entries"),
}

TEXTS: Final[dict[str, tuple[str, str]]] = {
    **{f"error.{code}": pair for code, pair in _ERRORS.items()},
    **{f"refused.{code}": pair for code, pair in _REFUSED.items()},
    **{f"sound.{code}": pair for code, pair in _SOUND.items()},
    **{f"problem.{code}": pair for code, pair in _PROBLEMS.items()},
    **{f"help.{code}": pair for code, pair in _HELP.items()},
    **{f"demo.{code}": pair for code, pair in _DEMO.items()},
    **_OPTIONS,
    **_ANSWERS,
}
