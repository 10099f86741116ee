"""The commands: one module per kind of user, or per subject where a user has many.

A body parses, opens, calls and shows; it decides nothing.

COMMANDS names every command. `command` makes Typer commands of it, each when it is called: its module is imported
then, and imports what a body uses inside the body, so that `--help` loads no engine and a command loads its own.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PANELS: Final = ("officer", "manager", "support", "services", "it", "anyone")  # of the program's help, in this order


class Listed(NamedTuple):
    """One command: its panel of the help, `module:function` of its body, whether it lists something, its answer.

    `answer` is the record, as `module:class` below `arlo_rec`, from which `docs/answers.schema.json` is made.
    """

    panel: str
    body: str
    lists: bool = False
    answer: str = ""


COMMANDS: Final = {
    "init": Listed("officer", "officer:init"),
    "person add": Listed("officer", "officer:person_add"),
    "person list": Listed("officer", "officer:person_list", lists=True),
    "person remove": Listed("officer", "officer:person_remove"),
    "person login": Listed("officer", "officer:person_login"),
    "person passphrase": Listed("anyone", "officer:person_passphrase"),
    "person rotate": Listed("officer", "officer:person_rotate"),
    "person notify": Listed("officer", "staff:person_notify", lists=True),
    "person objection": Listed("officer", "staff:person_objection", lists=True),
    "recovery split": Listed("officer", "officer:recovery_split"),
    "recovery renew": Listed("officer", "officer:recovery_renew"),
    "recovery join": Listed("officer", "officer:recovery_join"),
    "grant": Listed("officer", "grants:grant"),
    "approve": Listed("officer", "grants:approve"),
    "deny": Listed("officer", "grants:deny"),
    "revoke": Listed("officer", "grants:revoke"),
    "grants": Listed("officer", "grants:grants_list", lists=True),
    "dsar": Listed("officer", "access_requests:dsar", answer="dsar.request:Answered"),
    "case open": Listed("officer", "access_requests:case_open", answer="dsar.request:Registered"),
    "case list": Listed("officer", "access_requests:case_list", lists=True, answer="dsar.register:Cases"),
    "case show": Listed("officer", "access_requests:case_show", answer="dsar.register:CaseWhole"),
    "case extend": Listed("officer", "access_requests:case_extend", answer="dsar.register:CaseAnswer"),
    "case refuse": Listed("officer", "access_requests:case_refuse", answer="dsar.register:CaseAnswer"),
    "case close": Listed("officer", "access_requests:case_close", answer="dsar.register:CaseAnswer"),
    "consent show": Listed("officer", "consent:consent_show"),
    "consent stats": Listed("officer", "consent:consent_stats", lists=True),
    "recipients list": Listed("manager", "disclosures:recipients_list", lists=True),
    "recipients confirm": Listed("manager", "disclosures:recipients_confirm"),
    "restore": Listed("officer", "restore:restore", answer="recovery.restore:Restored"),
    "request": Listed("manager", "grants:request", lists=True),
    "find": Listed("manager", "manager:find", lists=True, answer="access.search:Listed"),
    "listen": Listed("manager", "listening:listen", answer="commands.listening:Listened"),
    "export": Listed("manager", "manager:export", answer="access.search:Exported"),
    "pseudonymise": Listed("manager", "training:pseudonymise", answer="training.answers:CopiesMade"),
    "review": Listed("manager", "reviewing:review", lists=True, answer="training.answers:Reviewed"),
    "release": Listed("manager", "training:release", answer="training.answers:CopyAnswer"),
    "reject": Listed("manager", "training:reject", answer="training.answers:CopyAnswer"),
    "withdraw": Listed("support", "support:withdraw"),
    "ingest": Listed("services", "services:ingest", answer="intake.run:TakenIn"),
    "purge": Listed("services", "services:purge", answer="retention:Purged"),
    "backup": Listed("services", "services:backup", answer="recovery.backup:Backup"),
    "status": Listed("it", "it:status", answer="oversight.status:Status"),
    "verify": Listed("it", "it:verify", answer="oversight.verify:Verified"),
    "audit verify": Listed("it", "anchors:audit_verify", answer="commands.anchors:LogVerified"),
    "audit show": Listed("it", "it:audit_show", lists=True, answer="commands.it:EntriesShown"),
    "audit report": Listed("it", "conduct:audit_report", lists=True),
    "audit breach": Listed("it", "conduct:audit_breach"),
    "policy show": Listed("anyone", "policy:policy_show"),
    "policy check": Listed("anyone", "policy:policy_check"),
    "policy log": Listed("anyone", "policy:policy_log", lists=True),
    "policy propose": Listed("officer", "policy:policy_propose"),
    "policy lint-prompt": Listed("anyone", "policy:policy_lint_prompt"),
    "policy publish": Listed("officer", "policy:policy_publish"),
    "audit checkpoint": Listed("it", "anchors:audit_checkpoint", answer="oversight.witness:CheckpointShown"),
    "audit witness": Listed("it", "anchors:audit_witness", answer="oversight.witness:Witnessed"),
    "todo": Listed("anyone", "anyone:todo", answer="commands.anyone:Todo"),
    "unlock": Listed("anyone", "anyone:unlock", answer="commands.anyone:UnlockShown"),
    "lock": Listed("anyone", "anyone:lock", answer="commands.anyone:UnlockShown"),
    "trust": Listed("anyone", "officer:trust"),
    "clock": Listed("it", "it:clock", answer="admin.clock:Reading"),
    "certificate verify": Listed("anyone", "anyone:certificate_verify", answer="commands.anyone:Checked"),
    "serve": Listed("it", "it:serve"),
    "demo": Listed("anyone", "demo:demo", answer="commands.demo:Demonstration"),
}
