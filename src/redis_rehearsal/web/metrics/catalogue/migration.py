"""The metrics of a migration."""

from typing import Final

from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.strategies import carrying, listed
from redis_rehearsal.migration.strategy import Carries
from redis_rehearsal.verification.verdict import Status, VerdictStatus
from redis_rehearsal.view.run_view import Stage
from redis_rehearsal.web.metrics.catalogue.entry import KINDS, REDIS, Entry, Group

LEAST: Final = "least"
AT_MOST: Final = "at_most"
FINDINGS: Final = ("lost", "duplicated", "stranded")
DIFFERENCES: Final = ("missing", "extra", "type", "value", "ttl")
UNTOLD: Final = carrying(Carries.NOTHING, Carries.ELSEWHERE)
"""The strategies that do not know how much of the data is carried."""
MIGRATION_STATUSES: Final = ("running", "done", "failed", "rolled-back")
_PHASES: Final = {"phase": tuple(str(each) for each in Phase)}
_MIGRATING: Final = "once there is a migration"
_AUDITED: Final = "once the ledger was held against the servers: after each migration, and at the end"
_JUDGED: Final = "once there is a verdict"
_FOLLOWS: Final = "while it follows the other, its first copy done"

ENTRIES: Final = (
    Entry(
        "rehearsal_stage",
        "gauge",
        Group.MIGRATION,
        "1 for how far the run is.",
        {"stage": tuple(str(each) for each in Stage)},
    ),
    Entry(
        "rehearsal_phase",
        "gauge",
        Group.MIGRATION,
        "1 for the phase that it is now.",
        _PHASES,
        "",
        "once the load has begun",
    ),
    Entry(
        "rehearsal_phase_start_timestamp_seconds",
        "gauge",
        Group.MIGRATION,
        "Unix time at which a phase last began.",
        _PHASES,
        "seconds",
        "for phases that have begun",
    ),
    Entry(
        "rehearsal_route",
        "gauge",
        Group.MIGRATION,
        "1 where reads and writes go now; writes may go to both.",
        {"operation": ("reads", "writes"), **REDIS},
    ),
    Entry("rehearsal_frozen", "gauge", Group.MIGRATION, "1 while the application holds its writes."),
    Entry(
        "rehearsal_freeze_seconds",
        "gauge",
        Group.MIGRATION,
        "How long writes were held, on the way there and on the way back.",
        {"way": ("there", "back")},
        "seconds",
        "once they were",
    ),
    Entry(
        "rehearsal_migration_status",
        "gauge",
        Group.MIGRATION,
        "1 for what became of the latest migration.",
        {"status": MIGRATION_STATUSES},
        "",
        _MIGRATING,
    ),
    Entry(
        "rehearsal_migration_progress_ratio",
        "gauge",
        Group.MIGRATION,
        "Share of the data that was carried to the target: of keys, or of a synchronisation's bytes.",
        {},
        "ratio",
        f"once the strategy knows; {listed(UNTOLD)} never do, nor does a way back that copies",
    ),
    Entry(
        "rehearsal_replication_lag_bytes",
        "gauge",
        Group.MIGRATION,
        "Writes that a server has not taken yet of the one that it follows; a little too high.",
        REDIS,
        "bytes",
        _FOLLOWS,
    ),
    Entry(
        "rehearsal_replication_silence_seconds",
        "gauge",
        Group.MIGRATION,
        "Since a replica last heard of the server that it follows, in whole seconds.",
        REDIS,
        "seconds",
        "while it follows one",
    ),
    Entry(
        "rehearsal_ledger_writes",
        "gauge",
        Group.MIGRATION,
        "Increments by the generator's own account.",
        {"account": ("acknowledged", "unknown")},
        "",
        _AUDITED,
    ),
    Entry(
        "rehearsal_ledger_findings",
        "gauge",
        Group.MIGRATION,
        "Writes lost, duplicated and stranded: so many surely, and at most; of counters, and of live structures.",
        {"kind": ("counters", "structures"), "finding": FINDINGS, "bound": (LEAST, AT_MOST)},
        "",
        f"{_AUDITED}; at most only where all could be compared, of structures only where there are some",
    ),
    Entry(
        "rehearsal_ledger_unverified",
        "gauge",
        Group.MIGRATION,
        "Counters that could not be compared with the servers.",
        {},
        "",
        _AUDITED,
    ),
    Entry(
        "rehearsal_comparison_keys",
        "gauge",
        Group.MIGRATION,
        "Keys of the two servers that were compared; that differ for a good reason (benign); that differ for none.",
        {"result": ("compared", "benign", *DIFFERENCES)},
        "",
        "once they were compared: before a way back, after the recovery of a migration, and at the end of a rehearsal",
    ),
    Entry(
        "rehearsal_downtime_seconds",
        "gauge",
        Group.MIGRATION,
        "Time between ok operations while something was due, beyond the gaps of the baseline.",
        {**KINDS, "measure": ("longest", "total")},
        "seconds",
        f"{_JUDGED}, where it could be measured",
    ),
    Entry(
        "rehearsal_recovery_seconds",
        "gauge",
        Group.MIGRATION,
        "From the cutover until all measures were as in the baseline again, at most.",
        {},
        "seconds",
        f"{_JUDGED}, where they came to be",
    ),
    Entry(
        "rehearsal_verdict",
        "gauge",
        Group.MIGRATION,
        "1 for the verdict on the latest migration.",
        {"status": tuple(str(each) for each in VerdictStatus)},
        "",
        _JUDGED,
    ),
    Entry(
        "rehearsal_criterion",
        "gauge",
        Group.MIGRATION,
        "1 for what became of each criterion of the verdict.",
        {"criterion": ("as in run.json",), "status": tuple(str(each) for each in Status)},
        "",
        _JUDGED,
    ),
)
