"""Findings on a store and its machine: one form for `status`, `check`, `metrics`, `doctor` and `todo`.

A finding is a code, with a sentence for people (`{severity}.{code}`). Its area and the command that mends it stand in
one table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple


class Severity(StrEnum):
    """The urgency of a finding, the gravest first."""

    CRITICAL = "critical"  # now
    WARNING = "warning"  # before a loss; nothing is wrong today
    STATUS = "status"


class Area(StrEnum):
    """The part of the work that a finding belongs to."""

    SPOOL = "spool"
    RETENTION = "retention"
    BACKUP = "backup"
    LOG = "log"  # feed, anchors
    STORE = "store"
    DISK = "disk"
    ACCESS = "access"
    REQUESTS = "requests"
    POLICY = "policy"
    MACHINE = "machine"


_REMEDIES: Final[Mapping[Area, Mapping[str, str]]] = {  # by code, or by the key of a sentence that several codes share
    Area.SPOOL: {
        **dict.fromkeys(("spool_missing", "spool_unreadable"), "ls -ld FOLDER"),
        "spool_not_mounted": "mount MOUNT",
        "spool_read_only": "findmnt -T FOLDER",
        "spool_left": "ls -l FOLDER",
        **dict.fromkeys(("unclaimed", "refused"), "arlo-rec ingest FOLDER --dry-run"),
        **dict.fromkeys(("spool_not_looked_at", "ingest_late"), "systemctl status arlo-rec-ingest.timer"),
        "withdrawal_refused": "arlo-rec withdraw",
        "spool_quiet": "",
        **dict.fromkeys(("recorded_unasked", "ended_prompt"), ""),  # the exchange has to be mended
    },
    Area.RETENTION: {
        **dict.fromkeys(("overdue", "purge_late"), "systemctl status arlo-rec-purge.timer"),
        "erasure_cut_off": "arlo-rec purge",
        "unconfirmed": "arlo-rec recipients list",
        "exports_overdue": "arlo-rec recipients list",
        "holds": "arlo-rec hold list",
    },
    Area.BACKUP: {
        **dict.fromkeys(
            ("backup_old", "backup_void", "backup_not_for_officers"),
            "arlo-rec backup FOLDER --escrow ESCROW",
        ),
        "backup": "",
        "escrow_unreachable": "ls -l ESCROW",
        "backup_unreachable": "ls -l FOLDER",
        "ring_lost": "arlo-rec backup --forget ESCROW",
        "backup_not_mounted": "mount MOUNT",
        "backup_read_only": "findmnt -T FOLDER",
        "ring_not_emptied": "arlo-rec purge",
        "no_backup": "arlo-rec backup FOLDER --escrow ESCROW",
        "drill_failed": "arlo-rec drill",
        "drill_late": "arlo-rec drill FOLDER --escrow ESCROW",
        **dict.fromkeys(("backup_same_disk", "backups_together"), "findmnt -T FOLDER"),
    },
    Area.LOG: {
        **dict.fromkeys(("no_feed", "feed_of_another"), "feed = FILE"),  # in the settings
        **dict.fromkeys(("feed_unreachable", "feed_no_file", "feed_too_long", "feed_flooded"), "ls -l PATH"),
        "feed_not_mounted": "mount MOUNT",
        "feed_read_only": "findmnt -T PATH",
        "feed_same_disk": "findmnt -T PATH",
        "feed_behind": "df -h PATH",
        **dict.fromkeys(("feed_ahead", "feed_forked", "feed_foreign"), "arlo-rec verify"),
        "feed_owner": "ls -l PATH",
        "feed_remembers": "arlo-rec purge",
        "log_flooded": "arlo-rec audit show --limit 100",
        "anchor_late": "systemctl status arlo-rec-anchor.timer",
    },
    Area.STORE: {
        "clock_behind": "arlo-rec clock",
        "unreplayed": "arlo-rec restore --accept-without-feed --reason TEXT",
        "root": "arlo-rec verify",
        "bao_key_weak": "arlo-rec restore FOLDER --escrow ESCROW --root bao://MOUNT/KEY",
        "store_moved": "arlo-rec status --store STORE --root ROOT",
        "lock_held": "arlo-rec purge",  # which ends it, as each erasure does
        "rekeying_waits": "fuser -v STORE/open.lock",
        **dict.fromkeys(("verify_late", "verify_found", "root_slot_damaged"), "arlo-rec verify"),
    },
    Area.DISK: {
        **dict.fromkeys(("ballast_missing", "reserve_spent"), "arlo-rec purge"),
        "disk_low": "df -h STORE",
        "objects_move_unfinished": "arlo-rec objects move --to PLACE",
        "catalogue_move_unfinished": "arlo-rec catalogue move --to PLACE",
        "objects_unfit": "arlo-rec doctor",
        **dict.fromkeys(("store_in_memory", "weak_disk"), "findmnt -T STORE"),
        "store_read_only": "findmnt -T FOLDER",
    },
    Area.ACCESS: {
        **dict.fromkeys(("own_access", "waiting", "glass_broken"), "arlo-rec grants"),
        "one_officer": "arlo-rec person add NAME --role officer",
        "untold": "arlo-rec person notify --missing",
    },
    Area.REQUESTS: {
        "cases": "arlo-rec case list",
        "case_overdue": "arlo-rec case show CASE",
        **dict.fromkeys(
            (f"case_{when}{ending}" for when in ("due", "urgent", "soon") for ending in ("", "_erases")),
            "arlo-rec case show CASE",
        ),
        **dict.fromkeys(
            ("objection_pending", "objection_due", "objection_overdue"), "arlo-rec person objection NAME --scope SCOPE"
        ),
    },
    Area.POLICY: {
        "policy_drift": "arlo-rec policy check",
        "unpublished": "arlo-rec policy publish --out DIR",
        **dict.fromkeys(("suppliers_unstated", "supplier_due", "supplier_overdue"), "particulars = FILE"),
    },
    Area.MACHINE: {
        **dict.fromkeys(("store_closed", "no_systemd"), ""),
        "no_settings": "install -D -m 0644 config.toml /etc/arlo-rec/config.toml",
        "settings_of_others": "chown root FILE; chmod go-w FILE",
        "no_store_named": "store = STORE",
        "no_such_store": "findmnt -T STORE",
        "store_not_mounted": "mount MOUNT",
        "folder_open": "chmod 700 FOLDER",
        "file_open": "chmod -R go-rwx FOLDER",
        "swap_in_clear": "swapoff DEVICE",
        "hibernates": "systemctl mask hibernate.target hybrid-sleep.target suspend-then-hibernate.target",
        "cores_kept": "sysctl -w kernel.core_pattern=",
        "clock_unsynchronised": "timedatectl set-ntp true",
        **dict.fromkeys(("timer_missing", "unit_without_mounts"), "arlo-rec install-units"),
        "timer_off": "systemctl enable --now TIMER",
        "units_unseen": "systemctl list-timers 'arlo-rec-*'",
        "unit_failed": "journalctl -u UNIT",
        "leftovers": "arlo-rec purge",
        "no_memory": "state_dir = FOLDER",
    },
}
_PLACEHOLDER: Final = re.compile(r"\b[A-Z]{3,}\b")
_AREA: Final = {code: area for area, remedies in _REMEDIES.items() for code in remedies}


class Finding(NamedTuple):
    """A finding: a code for scripts, and the values of its sentence."""

    severity: Severity
    code: str
    values: Mapping[str, object] = {}
    sentence: str | None = None  # if its key differs

    @property
    def key(self) -> str:
        """The key of its sentence."""
        return self.sentence or f"{self.severity}.{self.code}"

    @property
    def area(self) -> Area:
        """The part of the work that it belongs to."""
        return _AREA[self._known]

    @property
    def remedy(self) -> str | None:
        """The command, or the line of the settings, that mends it or shows more; None where only people can.

        Words in capitals stand for what the finding names.
        """
        remedy = _REMEDIES[self.area][self._known]
        known = {name.upper(): str(value) for name, value in self.values.items()}
        return _PLACEHOLDER.sub(lambda found: known.get(found[0], found[0]), remedy) or None

    @property
    def since(self) -> datetime | None:
        """When it began, where that is known."""
        at = self.values.get("at")
        return at if isinstance(at, datetime) else None

    @property
    def _known(self) -> str:
        return self.code if self.code in _AREA else (self.sentence or self.code).rpartition(".")[2]


def worst(findings: Iterable[Finding]) -> Severity:
    """The gravest severity; STATUS where there is nothing."""
    order = list(Severity)
    return min((each.severity for each in findings), key=order.index, default=Severity.STATUS)
