"""The commands: one module per kind of user, or per subject where a user has many.

A body parses, opens, calls and shows; it decides nothing.

COMMANDS names every command. `command` makes Typer commands of it, each when it is called: its module is imported then,
and a body imports what it uses. So `--help` loads no engine, and a command loads its own.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PANELS: Final = ("officer", "manager", "support", "services", "it", "anyone")  # of the program's help, in this order

RARE: Final = (
    "audit",
    "catalogue",
    "certificate",
    "clock",
    "drill",
    "install-units",
    "objects",
    "recovery",
    "serve",
    "trust",
    "upgrade",
    "verify",
    "worker",
)  # in the first help by name alone


class Listed(NamedTuple):
    """One command: its panel of the help, `module:function` of its body, whether it lists something, its answer.

    `answer` is the record, as `module:class` below `arlo_rec`, from which `./dev docs` makes `answers.schema.json`.
    """

    panel: str
    body: str
    lists: bool = False
    answer: str = ""


COMMANDS: Final = {
    "init": Listed("officer", "officer:init", answer="office.initialise:Initialised"),
    "person add": Listed("officer", "officer:person_add", answer="office.identities:PersonAnswer"),
    "person list": Listed("officer", "officer:person_list", lists=True, answer="office.identities:People"),
    "person remove": Listed("officer", "officer:person_remove", answer="office.identities:PersonGone"),
    "person login": Listed("officer", "officer:person_login", answer="office.identities:PersonAnswer"),
    "person passphrase": Listed("anyone", "officer:person_passphrase", answer="office.identities:PersonAnswer"),
    "person rotate": Listed("officer", "officer:person_rotate", answer="edge.commands.officer:ServiceRotated"),
    "person notify": Listed("officer", "staff:person_notify", lists=True, answer="office.staff_notices:NoticesAnswer"),
    "person objection": Listed(
        "officer", "staff:person_objection", lists=True, answer="vault.erasure.objection:ObjectionAnswer"
    ),
    "recovery split": Listed("officer", "officer:recovery_split", answer="edge.commands.officer:RecoveryShares"),
    "recovery renew": Listed("officer", "officer:recovery_renew", answer="edge.commands.officer:RecoveryKey"),
    "recovery join": Listed("officer", "officer:recovery_join", answer="edge.commands.officer:RecoveryKey"),
    "objects move": Listed("officer", "objects:objects_move", answer="machine.object_move:Moved"),
    "catalogue move": Listed("officer", "catalogue:catalogue_move", answer="machine.catalogue_move:Moved"),
    "grant": Listed("officer", "grants:grant", answer="office.grants:Granted"),
    "approve": Listed("officer", "grants:approve", answer="office.pending:Decided"),
    "deny": Listed("officer", "grants:deny", answer="office.pending:Decided"),
    "revoke": Listed("officer", "grants:revoke", answer="office.grants:Revoked"),
    "grants": Listed("officer", "grants:grants_list", lists=True, answer="office.grants:Grants"),
    "dsar": Listed("officer", "access_requests:dsar", answer="people.dsar.request:Answered"),
    "case open": Listed("officer", "access_requests:case_open", answer="people.dsar.request:Registered"),
    "case list": Listed("officer", "access_requests:case_list", lists=True, answer="people.dsar.register:Cases"),
    "case show": Listed("officer", "access_requests:case_show", answer="people.dsar.register:CaseWhole"),
    "case extend": Listed("officer", "access_requests:case_extend", answer="people.dsar.register:CaseAnswer"),
    "case refuse": Listed("officer", "access_requests:case_refuse", answer="people.dsar.register:CaseAnswer"),
    "case decide": Listed("officer", "access_requests:case_decide", answer="people.dsar.register:CaseAnswer"),
    "case close": Listed("officer", "access_requests:case_close", answer="people.dsar.register:CaseAnswer"),
    "hold set": Listed("officer", "holds:hold_set", answer="office.holds:HoldAnswer"),
    "hold lift": Listed("officer", "holds:hold_lift", answer="office.holds:HoldAnswer"),
    "hold list": Listed("officer", "holds:hold_list", lists=True, answer="office.holds:HoldAnswer"),
    "consent show": Listed("officer", "consent:consent_show", answer="people.consent.record:ConsentAnswer"),
    "consent stats": Listed("officer", "consent:consent_stats", lists=True, answer="people.consent.figures:Weeks"),
    "recipients list": Listed(
        "manager", "disclosures:recipients_list", lists=True, answer="vault.access.disclosures:Recipients"
    ),
    "recipients confirm": Listed(
        "manager", "disclosures:recipients_confirm", answer="vault.access.disclosures:Confirmed"
    ),
    "restore": Listed("officer", "restore:restore", answer="machine.restore:Restored"),
    "drill": Listed("it", "restore:drill", answer="machine.drill:DrillAnswer"),
    "request": Listed("manager", "grants:request", lists=True, answer="office.requests:Requests"),
    "find": Listed("manager", "manager:find", lists=True, answer="vault.access.search:Listed"),
    "listen": Listed("manager", "listening:listen", answer="edge.commands.listening:Listened"),
    "desk": Listed("manager", "desk:desk", answer="edge.commands.desk:Worked"),
    "export": Listed("manager", "manager:export", answer="vault.access.search:Exported"),
    "pseudonymise": Listed("manager", "training:pseudonymise", answer="calls.training.answers:CopiesMade"),
    "review": Listed("manager", "reviewing:review", lists=True, answer="calls.training.answers:Reviewed"),
    "release": Listed("manager", "training:release", answer="calls.training.answers:CopyAnswer"),
    "reject": Listed("manager", "training:reject", answer="calls.training.answers:CopyAnswer"),
    "withdraw": Listed("support", "support:withdraw", answer="vault.erasure.withdrawal:Withdrawal"),
    "receipt show": Listed("support", "anyone:receipt_show", answer="edge.commands.anyone:ReceiptShown"),
    "ingest": Listed("services", "services:ingest", answer="calls.intake.run:TakenIn"),
    "map list": Listed("services", "maps:map_list", lists=True, answer="edge.commands.maps:Maps"),
    "map show": Listed("services", "maps:map_show", answer="edge.commands.maps:MapText"),
    "map check": Listed("services", "maps:map_check", answer="edge.commands.maps:MapFindings"),
    "purge": Listed("services", "services:purge", answer="retention:Purged"),
    "backup": Listed("services", "services:backup", answer="machine.backup:BackupAnswer"),
    "status": Listed("it", "it:status", answer="machine.status:Status"),
    "check": Listed("it", "watch:check", answer="machine.rendering:Checked"),
    "metrics": Listed("it", "watch:metrics", answer="edge.commands.watch:Measured"),
    "doctor": Listed("it", "watch:doctor", answer="machine.doctor:Examined"),
    "verify": Listed("it", "it:verify", answer="machine.verify:Verified"),
    "upgrade": Listed("it", "it:upgrade", answer="vault.upgrade:UpgradeAnswer"),
    "audit verify": Listed("it", "anchors:audit_verify", answer="edge.commands.anchors:LogVerified"),
    "audit show": Listed("it", "it:audit_show", lists=True, answer="edge.commands.it:EntriesShown"),
    "audit report": Listed("it", "conduct:audit_report", lists=True, answer="machine.conduct:Report"),
    "audit breach": Listed("it", "conduct:audit_breach", answer="machine.conduct:Breach"),
    "policy show": Listed("anyone", "policy:policy_show", answer="office.policy_changes:PolicyShown"),
    "policy check": Listed("anyone", "policy:policy_check", answer="office.policy_drift:Drifts"),
    "policy log": Listed("anyone", "policy:policy_log", lists=True, answer="office.policy_changes:Versions"),
    "policy propose": Listed("officer", "policy:policy_propose", answer="office.policy_changes:Proposed"),
    "policy lint-prompt": Listed("anyone", "policy:policy_lint_prompt", answer="edge.commands.policy:PromptFindings"),
    "policy publish": Listed("officer", "policy:policy_publish", answer="people.publishing.publish:Published"),
    "audit checkpoint": Listed("it", "anchors:audit_checkpoint", answer="machine.witness:CheckpointShown"),
    "audit witness": Listed("it", "anchors:audit_witness", answer="machine.witness:Witnessed"),
    "todo": Listed("anyone", "anyone:todo", answer="edge.commands.anyone:Todo"),
    "unlock": Listed("anyone", "anyone:unlock", answer="edge.commands.anyone:UnlockShown"),
    "lock": Listed("anyone", "anyone:lock", answer="edge.commands.anyone:UnlockShown"),
    "trust": Listed("anyone", "officer:trust", answer="edge.commands.officer:Trusted"),
    "clock": Listed("it", "it:clock", answer="office.clock:Reading"),
    "certificate verify": Listed("anyone", "anyone:certificate_verify", answer="edge.commands.anyone:Checked"),
    "install-units": Listed("it", "units:install_units", answer="edge.commands.units:UnitsInstalled"),
    "worker": Listed("it", "cluster:worker"),
    "serve": Listed("it", "it:serve"),
    "demo": Listed("anyone", "demo:demo", answer="edge.commands.demo:Demonstration"),
}
