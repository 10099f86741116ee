"""The rules of the guidelines by id, in Norwegian and English. Data only; `policy` decides.

Ids are stable: refusals, log entries and documents cite them. `carried_out` names the function that carries a rule
out; `commands` those with which people keep it or meet it; `pinned_by` the file of its tests, marked with the rule's
id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from arlo_rec.policy import RuleId

_SINCE = date(2026, 1, 1)


class Rule(NamedTuple):
    """A rule: its section in the guidelines, its text, its code, its tests, and its start."""

    id: RuleId
    section: int
    nb: str
    en: str
    carried_out: str
    pinned_by: str
    since: date = _SINCE

    def text(self, lang: str) -> str:
        """The rule, in that language."""
        return self.nb if lang == "nb" else self.en

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that carry it out or refuse by it."""
        return _COMMANDS[self.id]


_COMMANDS: Final[Mapping[RuleId, tuple[str, ...]]] = {
    "scope.only": ("ingest", "find"),
    "access.need": ("grant", "grants", "revoke"),
    "purpose.training": ("find", "listen", "export"),
    "purpose.quality": ("find", "listen", "export"),
    "purpose.change": ("policy propose", "approve", "policy check"),
    "data.employee": ("dsar", "person notify", "person objection"),
    "data.customer": ("dsar",),
    "data.pseudonymised": ("pseudonymise", "review", "release"),
    "consent.basis": ("ingest", "consent show"),
    "consent.prompt": ("ingest", "policy lint-prompt", "policy propose"),
    "consent.purposes": ("listen", "export", "pseudonymise"),
    "consent.press1": ("ingest",),
    "consent.press2": ("ingest", "consent stats"),
    "consent.withdraw": ("withdraw",),
    "info.customers": ("policy publish",),
    "info.employees": ("policy publish", "person notify"),
    "info.published": ("policy publish", "policy check"),
    "access.secure": ("ingest", "backup", "verify"),
    "access.officer": ("person add", "person remove", "grant", "approve"),
    "access.managers": ("grant", "request", "find"),
    "access.subject": ("dsar", "case open", "case list"),
    "retention.90d": ("purge", "ingest", "status"),
    "security.password": ("person passphrase", "unlock"),
    "security.monitored": ("status", "verify", "audit verify"),
    "security.unauthorised": ("audit show", "audit report", "audit breach"),
    "security.reason": ("find", "listen", "export", "pseudonymise", "review"),
}
_TABLE = (
    Rule(
        "scope.only", 1,
        "Opptak gjøres bare etter disse rutinene og brukes bare til formålene her; inngrepet skal være så lite som mulig.",
        "Calls are recorded only by these routines and used only for these purposes; the intrusion is kept as small as possible.",
        "law.model.consent.judge", "tests/attack/test_owners_reach.py",
    ),
    Rule(
        "access.need", 1,
        "Bare ansatte med et saklig behov har tilgang.",
        "Only employees with a legitimate need have access.",
        "policy.holds_root", "tests/vault/access/test_matrix.py",
    ),
    Rule(
        "purpose.training", 2,
        "Formål én: opplæring av dem som arbeider i kundeservice.",
        "Purpose one: training of the people who work in customer service.",
        "law.rights.may_open", "tests/vault/access/test_matrix.py",
    ),
    Rule(
        "purpose.quality", 2,
        "Formål to: kvalitetssikring, altså bedre service og riktig, ensartet informasjon.",
        "Purpose two: quality assurance, that is better service and accurate, consistent information.",
        "law.rights.may_open", "tests/vault/access/test_matrix.py",
    ),
    Rule(
        "purpose.change", 2,
        "Nye eller endrede formål godkjennes av den sikkerhetsansvarlige og skrives inn i retningslinjene.",
        "A new or changed purpose is approved by the security officer and written into the guidelines.",
        "office.policy_changes.approve", "tests/office/test_policy_changes.py",
    ),
    Rule(
        "data.employee", 3,
        "Personopplysninger: den ansattes stemme og det den ansatte sier.",
        "Personal data: the employee's voice and what the employee says.",
        "people.dsar.sounds.given", "tests/people/dsar/test_dsar.py",
    ),
    Rule(
        "data.customer", 3,
        "Personopplysninger: kundens stemme og det kunden sier.",
        "Personal data: the customer's voice and what the customer says.",
        "people.dsar.sounds.given", "tests/people/dsar/test_nobody_elses.py",
    ),
    Rule(
        "data.pseudonymised", 3,
        "Opptak til opplæring er pseudonymisert: navn og andre direkte kjennetegn er fjernet fra lyden i kopien.",
        "Recordings for training are pseudonymised: names and other direct identifiers are removed from the sound of the copy.",
        "law.rights.may_open", "tests/calls/training/test_training.py",
    ),
    Rule(
        "consent.basis", 4,
        "Grunnlaget overfor kunden er samtykke: frivillig, bestemt, informert og utvetydig.",
        "Towards the customer the legal basis is consent: free, specific, informed and unambiguous.",
        "law.model.consent.judge", "tests/law/model/test_policy.py",
    ),
    Rule(
        "consent.prompt", 4,
        "Den som ringer, hører før opptaket hvem som tar opp, hva, hvorfor, retten til å trekke samtykket og hvor det står mer.",
        "Before recording the caller hears who records, what, why, the right to withdraw and where to read more.",
        "law.model.consent.judge", "tests/law/model/test_prompts.py",
    ),
    Rule(
        "consent.purposes", 4,
        "Samtykket gjelder de formålene teksten nevnte, og ingen andre.",
        "Consent covers the purposes that the prompt named, and no others.",
        "law.rights.may_open", "tests/law/model/test_policy.py",
    ),
    Rule(
        "consent.press1", 4,
        "Tast 1 er samtykke. En tekst kan tilby flere taster, for færre formål. Opptaket begynner ved tastetrykket, ikke før.",
        "Key 1 is consent. A prompt may offer more keys, for fewer purposes. Recording begins at the key press, not before.",
        "law.model.consent.judge", "tests/calls/intake/test_ingest.py",
    ),
    Rule(
        "consent.press2", 4,
        "Alle andre taster, og ingen tast, betyr at samtalen ikke tas opp.",
        "Any other key, or none, means that the call is not recorded.",
        "law.model.consent.judge", "tests/law/model/test_policy.py",
    ),
    Rule(
        "consent.withdraw", 4,
        "Samtykket kan trekkes når som helst; da slettes opptakene straks.",
        "Consent can be withdrawn at any time; the recordings are then deleted at once.",
        "vault.erasure.withdrawal.plan", "tests/attack/test_door_meanwhile.py",
    ),
    Rule(
        "info.customers", 5,
        "Kunder og besøkende får informasjonen i personvernerklæringen.",
        "Customers and visitors are informed in the privacy notice.",
        "people.publishing.pages.content", "tests/people/publishing/test_pages.py",
    ),
    Rule(
        "info.employees", 5,
        "De som arbeider i kundeservice, får informasjonen i personvernerklæringen for ansatte.",
        "People who work in customer service are informed in the employees' privacy notice.",
        "people.publishing.pages.content", "tests/people/publishing/test_pages.py",
    ),
    Rule(
        "info.published", 5,
        "Retningslinjene ligger på nettstedet og på intranettet.",
        "The guidelines are available on the website and on the intranet.",
        "people.publishing.publish.publish", "tests/people/publishing/test_publish.py",
    ),
    Rule(
        "access.secure", 6,
        "Opptakene lagres sikkert og med begrenset tilgang.",
        "Recordings are stored securely and with restricted access.",
        "vault.crypto.object_file.seal_body", "tests/whole/test_attack.py",
    ),
    Rule(
        "access.officer", 6,
        "Den sikkerhetsansvarlige styrer tilgangen.",
        "The security officer controls access.",
        "policy.may", "tests/law/model/test_policy.py",
    ),
    Rule(
        "access.managers", 6,
        "Linjeledere med ansvar for opplæring og kvalitet får tilgang av den sikkerhetsansvarlige.",
        "Line managers responsible for training and quality are given access by the security officer.",
        "law.rights.may_open", "tests/desk/test_listen.py",
    ),
    Rule(
        "access.subject", 6,
        "Den som er tatt opp, har rett til innsyn; krav om det følger selskapets egen rutine.",
        "Whoever was recorded has the right of access; requests for it follow the company's own routine.",
        "law.rights.identity_stated", "tests/people/dsar/test_letter.py",
    ),
    Rule(
        "retention.90d", 7,
        "Opptak lagres i 90 dager og slettes deretter automatisk.",
        "Recordings are kept for 90 days and then deleted automatically.",
        "policy.is_due", "tests/attack/test_door_clock.py",
    ),
    Rule(
        "security.password", 8,
        "Tilgangen er beskyttet med passord.",
        "Access is protected by a password.",
        "vault.keys.key_files.unlock", "tests/whole/test_attack.py",
    ),
    Rule(
        "security.monitored", 8,
        "IT følger med på systemene og rutinene, og kontrollerer leverandørene.",
        "IT monitors the systems and routines, and controls the suppliers.",
        "policy.supplier_control", "tests/machine/test_suppliers.py",
    ),
    Rule(
        "security.unauthorised", 8,
        "Uberettiget tilgang kan få følger for arbeidsforholdet.",
        "Unauthorised access may lead to disciplinary action.",
        "vault.access.gate.admit", "tests/attack/test_door_meanwhile.py",
    ),
    Rule(
        "security.reason", 8,
        "Det er ikke lov å søke i opptak uten gyldig grunn.",
        "Searching in recordings without a valid reason is not allowed.",
        "policy.reason_problem", "tests/law/model/test_policy.py",
    ),
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {rule.id: rule for rule in _TABLE}
