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

    `answer` is the record, as `module:class` below `arlo_rec`, from which `docs/answers.schema.json` is made.
    """

    panel: str
    body: str
    lists: bool = False
    answer: str = ""


COMMANDS: Final = {
    "init": Listed("officer", "officer:init", answer="admin.initialise:Initialised"),
    "person add": Listed("officer", "officer:person_add", answer="admin.identities:PersonAnswer"),
    "person list": Listed("officer", "officer:person_list", lists=True, answer="admin.identities:People"),
    "person remove": Listed("officer", "officer:person_remove", answer="admin.identities:PersonGone"),
    "person login": Listed("officer", "officer:person_login", answer="admin.identities:PersonAnswer"),
    "person passphrase": Listed("anyone", "officer:person_passphrase", answer="admin.identities:PersonAnswer"),
    "person rotate": Listed("officer", "officer:person_rotate", answer="commands.officer:ServiceRotated"),
    "person notify": Listed("officer", "staff:person_notify", lists=True, answer="admin.staff_notices:NoticesAnswer"),
    "person objection": Listed(
        "officer", "staff:person_objection", lists=True, answer="erasure.objection:ObjectionAnswer"
    ),
    "recovery split": Listed("officer", "officer:recovery_split", answer="commands.officer:RecoveryShares"),
    "recovery renew": Listed("officer", "officer:recovery_renew", answer="commands.officer:RecoveryKey"),
    "recovery join": Listed("officer", "officer:recovery_join", answer="commands.officer:RecoveryKey"),
    "objects move": Listed("officer", "objects:objects_move", answer="admin.object_move:Moved"),
    "catalogue move": Listed("officer", "catalogue:catalogue_move", answer="admin.catalogue_move:Moved"),
    "grant": Listed("officer", "grants:grant", answer="admin.grants:Granted"),
    "approve": Listed("officer", "grants:approve", answer="admin.pending:Decided"),
    "deny": Listed("officer", "grants:deny", answer="admin.pending:Decided"),
    "revoke": Listed("officer", "grants:revoke", answer="admin.grants:Revoked"),
    "grants": Listed("officer", "grants:grants_list", lists=True, answer="admin.grants:Grants"),
    "dsar": Listed("officer", "access_requests:dsar", answer="dsar.request:Answered"),
    "case open": Listed("officer", "access_requests:case_open", answer="dsar.request:Registered"),
    "case list": Listed("officer", "access_requests:case_list", lists=True, answer="dsar.register:Cases"),
    "case show": Listed("officer", "access_requests:case_show", answer="dsar.register:CaseWhole"),
    "case extend": Listed("officer", "access_requests:case_extend", answer="dsar.register:CaseAnswer"),
    "case refuse": Listed("officer", "access_requests:case_refuse", answer="dsar.register:CaseAnswer"),
    "case decide": Listed("officer", "access_requests:case_decide", answer="dsar.register:CaseAnswer"),
    "case close": Listed("officer", "access_requests:case_close", answer="dsar.register:CaseAnswer"),
    "hold set": Listed("officer", "holds:hold_set", answer="admin.holds:HoldAnswer"),
    "hold lift": Listed("officer", "holds:hold_lift", answer="admin.holds:HoldAnswer"),
    "hold list": Listed("officer", "holds:hold_list", lists=True, answer="admin.holds:HoldAnswer"),
    "consent show": Listed("officer", "consent:consent_show", answer="consent.record:ConsentAnswer"),
    "consent stats": Listed("officer", "consent:consent_stats", lists=True, answer="consent.figures:Weeks"),
    "recipients list": Listed(
        "manager", "disclosures:recipients_list", lists=True, answer="access.disclosures:Recipients"
    ),
    "recipients confirm": Listed("manager", "disclosures:recipients_confirm", answer="access.disclosures:Confirmed"),
    "restore": Listed("officer", "restore:restore", answer="recovery.restore:Restored"),
    "drill": Listed("it", "restore:drill", answer="oversight.drill:DrillAnswer"),
    "request": Listed("manager", "grants:request", lists=True, answer="admin.requests:Requests"),
    "find": Listed("manager", "manager:find", lists=True, answer="access.search:Listed"),
    "listen": Listed("manager", "listening:listen", answer="commands.listening:Listened"),
    "desk": Listed("manager", "desk:desk", answer="commands.desk:Worked"),
    "export": Listed("manager", "manager:export", answer="access.search:Exported"),
    "pseudonymise": Listed("manager", "training:pseudonymise", answer="training.answers:CopiesMade"),
    "review": Listed("manager", "reviewing:review", lists=True, answer="training.answers:Reviewed"),
    "release": Listed("manager", "training:release", answer="training.answers:CopyAnswer"),
    "reject": Listed("manager", "training:reject", answer="training.answers:CopyAnswer"),
    "withdraw": Listed("support", "support:withdraw", answer="erasure.withdrawal:Withdrawal"),
    "receipt show": Listed("support", "anyone:receipt_show", answer="commands.anyone:ReceiptShown"),
    "ingest": Listed("services", "services:ingest", answer="intake.run:TakenIn"),
    "map list": Listed("services", "maps:map_list", lists=True, answer="commands.maps:Maps"),
    "map show": Listed("services", "maps:map_show", answer="commands.maps:MapText"),
    "map check": Listed("services", "maps:map_check", answer="commands.maps:MapFindings"),
    "purge": Listed("services", "services:purge", answer="retention:Purged"),
    "backup": Listed("services", "services:backup", answer="recovery.backup:BackupAnswer"),
    "status": Listed("it", "it:status", answer="oversight.status:Status"),
    "check": Listed("it", "watch:check", answer="oversight.rendering:Checked"),
    "metrics": Listed("it", "watch:metrics", answer="commands.watch:Measured"),
    "doctor": Listed("it", "watch:doctor", answer="oversight.doctor:Examined"),
    "verify": Listed("it", "it:verify", answer="oversight.verify:Verified"),
    "upgrade": Listed("it", "it:upgrade", answer="admin.upgrade:UpgradeAnswer"),
    "audit verify": Listed("it", "anchors:audit_verify", answer="commands.anchors:LogVerified"),
    "audit show": Listed("it", "it:audit_show", lists=True, answer="commands.it:EntriesShown"),
    "audit report": Listed("it", "conduct:audit_report", lists=True, answer="oversight.conduct:Report"),
    "audit breach": Listed("it", "conduct:audit_breach", answer="oversight.conduct:Breach"),
    "policy show": Listed("anyone", "policy:policy_show", answer="admin.policy_changes:PolicyShown"),
    "policy check": Listed("anyone", "policy:policy_check", answer="admin.policy_drift:Drifts"),
    "policy log": Listed("anyone", "policy:policy_log", lists=True, answer="admin.policy_changes:Versions"),
    "policy propose": Listed("officer", "policy:policy_propose", answer="admin.policy_changes:Proposed"),
    "policy lint-prompt": Listed("anyone", "policy:policy_lint_prompt", answer="commands.policy:PromptFindings"),
    "policy publish": Listed("officer", "policy:policy_publish", answer="publishing.publish:Published"),
    "audit checkpoint": Listed("it", "anchors:audit_checkpoint", answer="oversight.witness:CheckpointShown"),
    "audit witness": Listed("it", "anchors:audit_witness", answer="oversight.witness:Witnessed"),
    "todo": Listed("anyone", "anyone:todo", answer="commands.anyone:Todo"),
    "unlock": Listed("anyone", "anyone:unlock", answer="commands.anyone:UnlockShown"),
    "lock": Listed("anyone", "anyone:lock", answer="commands.anyone:UnlockShown"),
    "trust": Listed("anyone", "officer:trust", answer="commands.officer:Trusted"),
    "clock": Listed("it", "it:clock", answer="admin.clock:Reading"),
    "certificate verify": Listed("anyone", "anyone:certificate_verify", answer="commands.anyone:Checked"),
    "install-units": Listed("it", "units:install_units", answer="commands.units:UnitsInstalled"),
    "worker": Listed("it", "cluster:worker"),
    "serve": Listed("it", "it:serve"),
    "demo": Listed("anyone", "demo:demo", answer="commands.demo:Demonstration"),
}
