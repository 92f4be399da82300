#!/usr/bin/env python3
"""Writes the Grafana dashboards, dashboards/*.json, from the panels below; run it after a change.

A panel: (kind, title, unit, width, levels, description, {legend: expression}). The grid has 24 columns. Levels define
which values are green and which are red: above(…), below(…), states(…), or NONE if no value is bad by itself. In
expressions RATE stands for Grafana's $__rate_interval, which is long enough for a rate at every resolution. MySQL is
scraped less often, so its rates have a fixed interval. Metrics of coupond are limited to the selected jobs; recording
rules (level:metric:operation) cover all jobs.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from model import NONE, SIGNED, above, annotation, below, states, text

FOLDER = Path(__file__).resolve().parent / "dashboards"


def quantiles(histogram, *by):
    """p50, p90, p99 and p99.9 of a histogram."""
    labels = ", ".join((*by, "le"))
    legend = "".join(f" {{{{{label}}}}}" for label in by)
    return {f"p{name}{legend}": f"histogram_quantile({q}, sum by ({labels}) (rate({histogram}_bucket[RATE])))"
            for name, q in (("50", 0.5), ("90", 0.9), ("99", 0.99), ("99.9", 0.999))}


def average(histogram):
    return f"sum(rate({histogram}_sum[RATE])) / sum(rate({histogram}_count[RATE]))"


def rates(*counters):
    """The summed rate of each of several counters."""
    return {name.removeprefix("coupond_").removesuffix("_total").replace("_", " "): f"sum(rate({name}[RATE]))"
            for name in counters}


EVENT = [
    ("row", "Now"),
    ("stat", "Remaining", "short", 4, NONE, "Remaining stock of the selected coupons.",
     {"remaining": 'sum(coupon:coupond_remaining:sum{coupon=~"$coupon"})'}),
    ("stat", "Issued per second", "reqps", 4, NONE, "Issues of the selected coupons, over the last ten seconds.",
     {"issued": 'sum(coupon:coupond_issued:deriv10s{coupon=~"$coupon"})'}),
    ("stat", "Until sold out", "s", 4, NONE,
     "The selected coupon that is sold out first, at the current rate. Empty while nothing is issued.",
     {"{{coupon}}": 'bottomk(1, coupon:coupond_time_to_sold_out:seconds{coupon=~"$coupon"} > 0)'}),
    ("stat", "Requests per second", "reqps", 4, NONE, "Requests that the issuer decided, with any outcome.",
     {"requests": "sum(verdict:coupond_issuer_verdicts:rate5s)"}),
    ("stat", "99th percentile", "s", 4, above(0.1, 0.5),
     "From a request's last byte to its answer, over the last 30 seconds: one request in a hundred took longer.",
     {"p99": "coupond_gateway_request_seconds:p99_30s"}),
    ("stat", "Members ready", "percentunit", 4, below(1),
     "Share of gateways, issuer and persisters that are up and ready.",
     {"ready": '(sum(coupond_ready) or vector(0)) / count(up{job=~"$job"})'}),
    ("row", "Stock"),
    ("graph", "Remaining, by coupon", "short", 12, NONE,
     "Remaining stock of the recently requested coupons (up to 32 per partition).",
     {"{{coupon}}": 'coupon:coupond_remaining:sum{coupon=~"$coupon"}'}),
    ("graph", "Issued per second, by coupon", "reqps", 12, NONE, "Issues of each coupon.",
     {"{{coupon}}": 'coupon:coupond_issued:deriv10s{coupon=~"$coupon"}'}),
    ("graph", "Time until sold out, by coupon", "s", 8, NONE,
     "Remaining stock divided by the rate of the last ten seconds.",
     {"{{coupon}}": 'coupon:coupond_time_to_sold_out:seconds{coupon=~"$coupon"}'}),
    ("bars", "Share issued", "percentunit", 6, NONE,
     "Issued share of each coupon's quantity, without the issues that went back to the stock.",
     {"{{coupon}}": 'max by (coupon) ((coupond_issuer_coupon_issued{coupon=~"$coupon"} - '
      'coupond_issuer_coupon_returned{coupon=~"$coupon"}) / coupond_issuer_coupon_quantity{coupon=~"$coupon"})'}),
    ("bars", "Share redeemed", "percentunit", 6, NONE, "Redeemed share of each coupon's issues in force.",
     {"{{coupon}}": 'max by (coupon) (coupond_issuer_coupon_redeemed{coupon=~"$coupon"} / '
      '(coupond_issuer_coupon_issued{coupon=~"$coupon"} - coupond_issuer_coupon_returned{coupon=~"$coupon"} > 0))'}),
    ("stat", "Coupons, and those not shown", "short", 4, NONE,
     "All coupons of the issuer, and those without a graph because others are requested more.",
     {"coupons": "sum(coupond_issuer_coupons)", "not shown": "sum(coupond_issuer_coupons_unlisted)"}),
    ("row", "Answers"),
    ("graph", "Decisions, by outcome", "reqps", 12, NONE,
     "Verdicts of the issuer: issued, already_issued (a repeated request), sold_out, not_started …",
     {"{{verdict}}": "verdict:coupond_issuer_verdicts:rate5s"}),
    ("graph", "HTTP answers, by status", "reqps", 12, NONE,
     "Answers of the gateways to issue requests: 201 issued, 200 repeated, 409 refused, 503 retry.",
     {"{{status}}": 'sum by (status) (rate(coupond_gateway_requests_total{route=~"issue_.*"}[RATE]))'}),
    ("graph", "Latency", "s", 12, above(0.1, 0.5),
     "From the last byte of a request that goes to the issuer to its answer, over all gateways.",
     quantiles("coupond_gateway_request_seconds")),
    ("heat", "Latency distribution", "s", 12, NONE, "Number of requests by their latency.",
     {"{{le}}": "sum by (le) (increase(coupond_gateway_request_seconds_bucket[RATE]))"}),
    ("graph", "503 answers, by reason", "reqps", 12, above(0.1, 1),
     "Clients retry after these. overloaded: queues or connections are full; issuer_unavailable: nothing was decided; "
     "outcome_unknown: the issuer did not answer in time.",
     {"{{code}}": "code:coupond_gateway_unavailable:rate30s"}),
    ("graph", "HTTP requests, by route", "reqps", 12, NONE,
     "Countdown pages read coupons (coupon_get); the crowd posts issues.",
     {"{{route}}": "sum by (route) (rate(coupond_gateway_requests_total[RATE]))"}),
    ("graph", "Coupon reads, by source", "reqps", 12, NONE,
     "Source of the answers to GET /v1/coupons/{id}: the gateway's own cache, Redis, or the issuer.",
     {"{{source}}": "sum by (source) (rate(coupond_gateway_policy_reads_total[RATE]))"}),
    ("graph", "Refused from the cache", "reqps", 12, NONE,
     "Issue requests that gateways refused without the issuer because the coupon had not started or did not exist; "
     "and changes that invalidated cached coupons.",
     rates("coupond_gateway_policy_refusals_total", "coupond_gateway_policy_invalidations_total")),
    ("graph", "Outcomes at the gateways", "reqps", 12, NONE,
     "What gateways answered to requests for an issue, refusals from the cache included.",
     {"{{outcome}}": "sum by (outcome) (rate(coupond_gateway_issue_outcomes_total[RATE]))"}),
]

ENGINE = [
    ("row", "Where the time goes"),
    ("graph", "Stages, on average", "s", 12, NONE,
     "Of a request: its total time at the gateway; the issuer's turn, an upper bound of its wait in the queue (no "
     "value while the issuer is idle); the sync of its batch. The rest is the transport between gateway and issuer.",
     {"gateway, total": average("coupond_gateway_request_seconds"),
      "queue (a turn)": average("coupond_issuer_turn_seconds"),
      "sync": average("coupond_issuer_journal_sync_seconds")}),
    ("graph", "The issuer's turn", "s", 12, NONE, "Time between the decisions of two batches while work is waiting.",
     quantiles("coupond_issuer_turn_seconds")),
    ("graph", "Sync of the journal", "s", 12, above(0.02, 0.05), "Duration of fdatasync for a batch, by partition.",
     quantiles("coupond_issuer_journal_sync_seconds", "partition")),
    ("graph", "Sync, 99th percentile over 30 seconds", "s", 12, above(0.02, 0.05),
     "The value that the alert CoupondSyncSlow evaluates.",
     {"partition {{partition}}": "partition:coupond_issuer_journal_sync_seconds:p99_30s"}),
    ("row", "Batches"),
    ("graph", "Requests per message and batch, on average", "short", 8, NONE,
     "In one message of a gateway, and in one batch of the issuer, which is synced once.",
     {"message": average("coupond_gateway_batch_requests"), "batch": average("coupond_issuer_batch_requests")}),
    ("graph", "Batches and syncs per second", "ops", 8, NONE, "A batch without an issue is not synced.",
     {"batches": "sum(rate(coupond_issuer_batch_requests_count[RATE]))",
      "syncs": "sum(rate(coupond_issuer_journal_sync_seconds_count[RATE]))"}),
    ("graph", "Journal written", "Bps", 8, NONE, "Bytes appended per second.",
     {"partition {{partition}}": "rate(coupond_issuer_journal_written_bytes_total[RATE])"}),
    ("row", "From the journal to the store"),
    ("graph", "Persist lag, records", "short", 8, NONE, "Journal records that are not in the database yet.",
     {"all": "coupond_persist_lag_rows:sum", "partition {{partition}}": "coupond_issuer_persist_lag_rows"}),
    ("graph", "Persist lag, time", "s", 8, above(15, 300),
     "Age of the oldest of these records: the time span of issues that would be lost with the journal's disk.",
     {"oldest": "coupond_persist_lag_seconds:max", "partition {{partition}}": "coupond_issuer_persist_lag_seconds"}),
    ("graph", "Records per second: written, synced, stored", "short", 8, NONE,
     "Progress of the journal, its sync and the database; stored may lag.",
     {"written": "sum(deriv(coupond_issuer_journal_sequence[10s]))",
      "synced": "sum(deriv(coupond_issuer_journal_synced_sequence[10s]))",
      "stored": "sum(deriv(coupond_issuer_persisted_sequence[10s]))"}),
    ("graph", "Batches to persisters", "ops", 8, NONE,
     "Sent, resent because no acknowledgement came in time, and currently unacknowledged (a number).",
     {**rates("coupond_issuer_stream_batches_total", "coupond_issuer_stream_resent_total"),
      "unacknowledged": "sum(coupond_issuer_stream_in_flight)"}),
    ("graph", "Transactions", "s", 8, NONE, "From a transaction's first statement to its commit.",
     quantiles("coupond_persister_write_seconds")),
    ("graph", "Rows stored", "short", 8, NONE, "Per second, and per transaction.",
     {"rows per second": "sum(rate(coupond_persister_rows_total[RATE]))",
      "rows per transaction": average("coupond_persister_batch_rows")}),
    ("graph", "Store errors", "ops", 8, above(0.001, 0.1),
     "Failed transactions by kind, retried transactions, and records that the store rejected permanently.",
     {"{{result}}": "sum by (result) (rate(coupond_persister_store_errors_total[RATE]))",
      **rates("coupond_persister_retries_total", "coupond_persister_dead_letters_total")}),
    ("graph", "Writers", "short", 8, NONE,
     "Writers of the persisters: all, those connected to the store, and those whose store is not the one that the "
     "issuer fills.",
     {"writers": "sum(coupond_persister_writers)", "connected": "sum(coupond_persister_store_connected)",
      "another store": "sum(coupond_persister_store_refused)"}),
    ("graph", "Lost records and foreign stores", "short", 8, above(1),
     "Times that the store came back with fewer records; records that are neither in it nor in a journal file "
     "(restore a backup); ignored answers of another store; 1 while another store answers; 1 while the issuer runs "
     "without a comparison of journal and store; 1 since a verification over the API found a broken promise, or could "
     "not check.",
     {"came back": "sum(coupond_issuer_store_rewinds_total)", "missing": "sum(coupond_issuer_store_missing_records)",
      "ignored": "sum(coupond_issuer_store_answers_refused_total)",
      "another store answers": "max(coupond_issuer_other_store)",
      "not compared": "max(coupond_issuer_store_uncompared)",
      "broken promise": "max(coupond_issuer_verification_broken)",
      "verification failed": "max(coupond_issuer_verification_failed)"}),
    ("row", "Snapshots and recovery"),
    ("graph", "Journal and snapshots", "short", 6, NONE,
     "The last record written, and the last one that the newest snapshot includes. A start replays the records "
     "between them.",
     {"written {{partition}}": "coupond_issuer_journal_sequence",
      "snapshot {{partition}}": "coupond_issuer_snapshot_sequence"}),
    ("graph", "Snapshots and segments", "short", 6, NONE,
     "Since the start: snapshots written, snapshots that failed, and journal segments removed.",
     {"snapshots": "sum(coupond_issuer_snapshots_total)", "failed": "sum(coupond_issuer_snapshot_failures_total)",
      "segments removed": "sum(coupond_issuer_journal_segments_removed_total)"}),
    ("stat", "Snapshot", "bytes", 3, NONE, "Size of the newest snapshot.",
     {"{{partition}}": "coupond_issuer_snapshot_bytes"}),
    ("stat", "Recovery", "s", 3, above(10, 60), "Duration of the last recovery.",
     {"{{partition}}": "coupond_issuer_recovery_seconds"}),
    ("stat", "Replayed", "short", 2, NONE, "Journal records that the last recovery replayed.",
     {"{{partition}}": "coupond_issuer_recovery_records"}),
    ("stat", "Disk", "short", 2, states(free="green", full="red"), "full: the disk has no room for the journal.",
     {"{{partition}}": "coupond_issuer_journal_full"}),
    ("stat", "Verified", "s", 2, NONE, "Time since the last verification over the API ended; empty before the first.",
     {"ago": "time() - max(coupond_issuer_verification_timestamp_seconds)"}),
    ("row", "Clock and peers"),
    ("stat", "Clock", "short", 3, states(trusted="green", suspect="red"),
     "suspect: the issuer ignores a jump of the machine's clock and continues with the monotonic clock.",
     {"clock": "max(coupond_issuer_clock_suspect)"}),
    ("stat", "Journal ahead", "s", 3, above(0.001), "How far the latest time in the journals is in the future.",
     {"ahead": "max(coupond_issuer_clock_journal_ahead_seconds)"}),
    ("stat", "Secret", "short", 2, states(set="green", missing="red"),
     "missing: other machines can reach the issuer's ports, and no cluster/secret_file protects them.",
     {"secret": "max(coupond_issuer_unauthenticated)"}),
    ("stat", "Memory", "short", 2, states(free="green", scarce="red"),
     "scarce: new issues, changes and coupons are refused because a memory limit is near.",
     {"memory": "max(coupond_issuer_memory_scarce)"}),
    ("graph", "Clock offset", "s", 6, SIGNED,
     "The machine's clock minus the time that the issuer uses; 0 while the clock is trusted.",
     {"{{instance}}": "coupond_issuer_clock_offset_seconds"}),
    ("graph", "Refused by the issuer", "ops", 8, above(0.1, 1),
     "Peers with another secret than the issuer's, or if one of the two has none; connections that ended before the "
     "handshake (unfinished: mostly TCP probes), or for which no file descriptors were left; requests that arrived "
     "after their deadline (late), with an outdated version, or at a full queue.",
     {"peers": "sum(rate(coupond_issuer_peers_refused_total[RATE]))",
      "unfinished": "sum(rate(coupond_issuer_handshakes_unfinished_total[RATE]))",
      "connections": "sum(rate(coupond_issuer_connections_refused_total[RATE]))",
      "{{verdict}}": 'sum by (verdict) '
      '(rate(coupond_issuer_verdicts_total{verdict=~"late|stale_version|overloaded"}[RATE]))'}),
    ("row", "Identity"),
    ("stat", "Identity", "short", 4, states(asked="green", missing="red"),
     "missing: other machines can reach gateway/http, and gateway/identity is off, so that any client may act as any "
     "user.",
     {"identity": "max(coupond_gateway_unauthenticated)"}),
    ("graph", "Credentials", "ops", 10, NONE,
     "Valid ones, those of them that a thread had checked before, and refused ones by reason.",
     {"{{result}}": "sum by (result) (rate(coupond_gateway_identity_checks_total[RATE]))",
      "checked before": "sum(rate(coupond_gateway_identity_cached_total[RATE]))"}),
    ("graph", "Age of the keys", "s", 10, NONE,
     "Time since keys and API keys were last read or found unchanged, by source.",
     {"{{instance}} {{source}}": "coupond_gateway_identity_age_seconds"}),
    ("graph", "Keys read", "short", 12, NONE, "Since the start: times that new keys were read, and failed attempts.",
     {"{{source}}": "sum by (source) (coupond_gateway_identity_loads_total)",
      "{{source}} failed": "sum by (source) (coupond_gateway_identity_load_failures_total)"}),
    ("graph", "Keys that cannot be read", "short", 12, above(1),
     "1 while a file or a URL of keys cannot be read or used; the keys from before stay valid.",
     {"{{instance}} {{source}}": "coupond_gateway_identity_stale"}),
    ("row", "Connections and drops"),
    ("graph", "HTTP connections", "short", 8, NONE, "Open connections, and requests that wait for the issuer.",
     {"open {{instance}}": "coupond_gateway_connections", "waiting {{instance}}": "coupond_gateway_in_flight"}),
    ("graph", "Watchers", "short", 8, NONE,
     "Streams of events and the coupons that they are about; events sent per second, and left out because a watcher "
     "had not read the one before.",
     {"watchers {{instance}}": "coupond_gateway_watchers", "coupons {{instance}}": "coupond_gateway_watched_coupons",
      "{{result}}": "sum by (result) (rate(coupond_gateway_events_total[RATE]))"}),
    ("graph", "Connections opened and closed", "ops", 8, NONE,
     "Accepted; refused because there are too many; closed because they were idle, did not complete a request, or did "
     "not read their answers.",
     {**rates("coupond_gateway_connections_accepted_total", "coupond_gateway_connections_refused_total"),
      "closed: {{reason}}": "sum by (reason) (rate(coupond_gateway_connection_timeouts_total[RATE]))"}),
    ("graph", "Request limits", "ops", 12, NONE,
     "Requests answered 429, and users and addresses that took over another's place because too many were short of "
     "tokens.",
     {"429, {{kind}}": "sum by (kind) (rate(coupond_gateway_limited_total[RATE]))",
      "evicted, {{kind}}": "sum by (kind) (rate(coupond_gateway_limit_evictions_total[RATE]))"}),
    ("graph", "Limited users and addresses", "short", 12, NONE,
     "Those that have less than a full burst left, by gateway; there is room for 65,536 of each.",
     {"{{kind}} {{instance}}": "coupond_gateway_limit_keys"}),
    ("graph", "Traces", "ops", 12, NONE,
     "Requests traced, by what became of them: exported, or dropped because of gateway/traces_rate (limited), a full "
     "queue, or a collector that refused them or could not be reached.",
     {"{{result}}": "sum by (result) (rate(coupond_gateway_traces_total[RATE]))"}),
    ("graph", "Gateways and partitions", "short", 8, NONE,
     "Connections to partitions, as the gateways count them, and those by shared memory, as the issuer counts them.",
     {"{{instance}}": "coupond_gateway_partitions_connected",
      "shared memory, partition {{partition}}": "coupond_issuer_local_gateways"}),
    ("graph", "Dropped", "ops", 12, above(0.01, 1),
     "By role, messages that are malformed or misdirected (for another partition, number of partitions or journal); "
     "answers that no gateway read; replies to requests that had been answered before. Logs name a reason once.",
     {**{f"{role}: {{{{reason}}}}": f"sum by (reason) (rate(coupond_{role}_frames_dropped_total[RATE]))"
         for role in ("gateway", "issuer", "persister")},
      **rates("coupond_issuer_replies_dropped_total", "coupond_gateway_replies_late_total")}),
    ("state", "Ready", "short", 12, states(waiting="red", ready="green"), "State that each member reports.",
     {"{{role}} {{instance}}": "coupond_ready"}),
    ("row", "Members"),
    ("graph", "Role", "short", 8, NONE,
     "Role of each issuer in each partition, with cluster/members: 0 follower, 1 standby, 2 claiming, 3 owner.",
     {"{{instance}} partition {{partition}}": "coupond_issuer_member_role"}),
    ("graph", "Epoch, and terms begun", "short", 8, NONE,
     "Every change of roles raises the epoch. A term begins when an issuer begins to decide: after its start, a "
     "takeover or a handover.",
     {"epoch, partition {{partition}}": "max by (partition) (coupond_issuer_member_epoch)",
      "terms in 5 minutes {{instance}}": "increase(coupond_issuer_member_terms_total[5m])"}),
    ("graph", "Standby", "short", 8, NONE,
     "Whether a partition has a standby (1), and the records that it has not confirmed, as its owner counts them.",
     {"standby, partition {{partition}}": "max by (partition) (coupond_issuer_member_standby)",
      "not confirmed, partition {{partition}}": "max by (partition) (coupond_issuer_member_standby_lag_records)"}),
    ("graph", "Owners, as gateways see them", "short", 8, NONE,
     "Requests that wait because no member decides their partition, and how often another member began to decide one.",
     {"waiting {{instance}}": "coupond_gateway_held",
      "changes in 5 minutes {{instance}}": "increase(coupond_gateway_owner_changes_total[5m])"}),
    ("row", "Processes"),
    ("graph", "CPU", "percentunit", 8, NONE, "1 is one core.",
     {"{{role}} {{instance}}": 'rate(process_cpu_seconds_total{job=~"$job"}[RATE])'}),
    ("graph", "Memory", "bytes", 8, NONE,
     "Resident and mapped memory; the issuer's closest limit, and what counts against it.",
     {"used of the limit {{instance}}": "coupond_issuer_memory_used_bytes",
      "limit {{instance}}": "coupond_issuer_memory_limit_bytes",
      "{{role}} {{instance}}": 'process_resident_memory_bytes{job=~"$job"}',
      "mapped {{instance}}": 'process_virtual_memory_bytes{job=~"$job"}'}),
    ("graph", "File descriptors", "percentunit", 8, above(0.6, 0.8), "Open descriptors as a share of the limit.",
     {"{{role}} {{instance}}": 'process_open_fds{job=~"$job"} / process_max_fds{job=~"$job"}'}),
    ("graph", "Uptime", "s", 8, NONE, "Time since each process started.",
     {"{{role}} {{instance}}": 'time() - process_start_time_seconds{job=~"$job"}'}),
    ("graph", "Threads", "short", 8, NONE, "Threads of each process.",
     {"{{role}} {{instance}}": 'process_threads{job=~"$job"}'}),
    ("graph", "Versions", "short", 8, NONE, "Number of members per version.",
     {"{{version}}": "count by (version) (coupond_build_info)"}),
]

LISTS = 'route=~"user_issues|coupon_issues|code_get|code_redemption_put"'
REDEMPTIONS = 'route=~"redemption_.*|code_redemption_put"'

LIFE = [
    ("row", "Now"),
    ("stat", "Redeemed per second", "reqps", 4, NONE, "Issues redeemed, without repeated requests.",
     {"redeemed": 'sum(verdict:coupond_issuer_verdicts:rate5s{verdict="redeemed"})'}),
    ("stat", "Undone per second", "reqps", 4, NONE, "Redemptions undone.",
     {"undone": 'sum(verdict:coupond_issuer_verdicts:rate5s{verdict="redemption_undone"})'}),
    ("stat", "Revoked in five minutes", "short", 4, above(100),
     "Issues revoked, one by one or with all of their coupon. The alert CoupondRevocations evaluates this value.",
     {"revoked": 'sum(increase(coupond_issuer_verdicts_total{verdict="issue_revoked"}[5m]))'}),
    ("stat", "Redemptions refused", "percentunit", 4, above(0.2, 0.5),
     "Share of the requests to redeem that were refused in the last minute. Empty without requests.",
     {"refused": "coupond_redemptions:refused_share_1m"}),
    ("stat", "Lists per second", "reqps", 4, NONE, "Requests that read the store: lists of issues, and codes.",
     {"lists": f"sum(rate(coupond_gateway_requests_total{{{LISTS}}}[RATE]))"}),
    ("stat", "Age of lists", "s", 4, above(15, 60), "How far lists (as_of) are behind the issuer.",
     {"age": "coupond_persist_lag_seconds:max"}),
    ("row", "Redemptions and revocations"),
    ("graph", "Redeemed, undone, revoked", "reqps", 12, NONE, "Changes of issues, without repeated requests.",
     {"{{verdict}}": 'verdict:coupond_issuer_verdicts:rate5s{verdict=~"redeemed|redemption_undone|issue_revoked"}'}),
    ("graph", "Refused, by reason", "reqps", 12, NONE,
     "already_redeemed: with another reference; reference_mismatch: of an undo; issue_expired; code_not_found: a wrong "
     "code; revoked: a user whose issue was revoked requests another one.",
     {"{{verdict}}": 'verdict:coupond_issuer_verdicts:rate5s{verdict=~"already_redeemed|reference_mismatch|'
      'issue_expired|code_not_found|revoked"}'}),
    ("graph", "Repeated requests", "reqps", 8, NONE,
     "Requests that changed nothing because they had been carried out before: a redemption with the same reference, an "
     "undo of nothing, a revocation.",
     {"{{verdict}}":
      'verdict:coupond_issuer_verdicts:rate5s{verdict=~"redeemed_before|not_redeemed|revoked_before"}'}),
    ("graph", "HTTP answers to redemptions and undoes, by status", "reqps", 8, NONE,
     "201 redeemed, 200 repeated or undone, 404 no such issue or code, 409 refused, 410 expired, 503 retry.",
     {"{{status}}": f"sum by (status) (rate(coupond_gateway_requests_total{{{REDEMPTIONS}}}[RATE]))"}),
    ("graph", "Revocations of all issues of a coupon", "reqps", 8, NONE,
     "Issues revoked per second; while a revocation of all goes on, they exceed the requests to revoke one. Requests "
     "to begin one (202), and to see how far it is.",
     {"issues revoked": 'sum(verdict:coupond_issuer_verdicts:rate5s{verdict="issue_revoked"})',
      "requests for one issue": 'sum(rate(coupond_gateway_requests_total{route="issue_delete", status="200"}[RATE]))',
      "{{route}} {{status}}":
      'sum by (route, status) (rate(coupond_gateway_requests_total{route=~"revocations_.*"}[RATE]))'}),
    ("row", "Lists of issues"),
    ("graph", "Requests, by route", "reqps", 12, NONE,
     "user_issues is the wallet of a user; coupon_issues is the list of a coupon; codes are looked up and redeemed.",
     {"{{route}}": f"sum by (route) (rate(coupond_gateway_requests_total{{{LISTS}}}[RATE]))"}),
    ("graph", "Refused with 503, by route", "reqps", 12, above(0.1, 1),
     "The store cannot be read (store_unavailable), or too many requests wait for it (overloaded).",
     {"{{route}}": f'sum by (route) (rate(coupond_gateway_requests_total{{{LISTS}, status="503"}}[RATE]))'}),
    ("graph", "Time of a page", "s", 8, NONE,
     "From the request of a page until it is read, with the wait in the queue.",
     quantiles("coupond_gateway_store_read_seconds")),
    ("graph", "Pages, by result", "ops", 8, NONE, "Pages that could not be read are answered 503.",
     {"{{result}}": "sum by (result) (rate(coupond_gateway_store_reads_total[RATE]))"}),
    ("graph", "Issues read by the gateways", "short", 8, NONE, "Per second, for lists and streams.",
     rates("coupond_gateway_store_rows_total")),
    ("graph", "Queue and connections of the gateways", "short", 12, NONE,
     "Requests that wait for a thread, and threads connected to the store. The alert CoupondListsQueued compares them.",
     {"waiting {{instance}}": "coupond_gateway_store_queue",
      "connected {{instance}}": "coupond_gateway_store_connected"}),
    ("graph", "Age of lists, by partition", "s", 12, above(15, 60),
     "How far the store is behind the issuer. A list has every issue from before its as_of.",
     {"partition {{partition}}": "coupond_issuer_persist_lag_seconds"}),
]

STORES = [
    ("row", "MySQL or MariaDB"),
    ("stat", "Database", "short", 3, states(down="red", up="green"), "Whether the exporter reaches the database.",
     {"up": "mysql_up"}),
    ("stat", "Exporter", "short", 3, states(ok="green", errors="red"),
     "Whether the server answered all queries of the exporter.", {"exporter": "mysql_exporter_last_scrape_error"}),
    ("graph", "Rows written", "short", 9, NONE, "Per second, by operation.",
     {"{{handler}}": 'rate(mysql_global_status_handlers_total{handler=~"write|update|delete"}[30s])'}),
    ("graph", "Statements", "ops", 9, NONE, "Per second, by kind.",
     {"{{command}}": 'rate(mysql_global_status_commands_total{command=~"insert|update|commit|begin|select|stmt_execute|'
      'rollback"}[30s])'}),
    ("graph", "Connections", "short", 8, NONE, "Open, active, and the limit.",
     {"open": "mysql_global_status_threads_connected", "active": "mysql_global_status_threads_running",
      "limit": "mysql_global_variables_max_connections"}),
    ("graph", "InnoDB: waiting for the disk", "ops", 8, NONE,
     "Syncs, waits because the log buffer was full, and waits for row locks.",
     {"syncs": "rate(mysql_global_status_innodb_data_fsyncs[30s])",
      "log waits": "rate(mysql_global_status_innodb_log_waits[30s])",
      "row lock waits": "rate(mysql_global_status_innodb_row_lock_waits[30s])"}),
    ("graph", "InnoDB: buffer pool", "short", 8, NONE,
     "Pages by kind. No free pages and almost only dirty ones mean that the pool is too small.",
     {"{{state}}": "mysql_global_status_buffer_pool_pages", "dirty": "mysql_global_status_buffer_pool_dirty_pages"}),
    ("row", "Redis"),
    ("stat", "Redis", "short", 4, states(down="red", up="green"), "Whether the exporter reaches Redis.",
     {"up": "redis_up"}),
    ("graph", "Commands", "ops", 10, NONE, "Per second.", {"commands": "rate(redis_commands_processed_total[RATE])"}),
    ("graph", "Hits and misses", "ops", 10, NONE,
     "Reads of keys that exist, and that do not; keys evicted because memory was full.",
     {"hits": "rate(redis_keyspace_hits_total[RATE])", "misses": "rate(redis_keyspace_misses_total[RATE])",
      "evicted": "rate(redis_evicted_keys_total[RATE])"}),
    ("graph", "Memory", "bytes", 8, NONE, "Used, and the limit (0: no limit).",
     {"used": "redis_memory_used_bytes", "limit": "redis_memory_max_bytes"}),
    ("graph", "Clients and channels", "short", 8, NONE, "Connections, and channels that gateways subscribe to.",
     {"clients": "redis_connected_clients", "channels": "redis_pubsub_channels"}),
    ("graph", "Network", "Bps", 8, NONE, "In and out.",
     {"in": "rate(redis_net_input_bytes_total[RATE])", "out": "rate(redis_net_output_bytes_total[RATE])"}),
    ("graph", "Connections of the gateways", "short", 12, NONE,
     "Working connections: one per thread, and one for announced changes.",
     {"{{instance}}": "coupond_gateway_redis_connected"}),
    ("graph", "Redis errors of the gateways", "ops", 12, above(0.001, 1),
     "Failed connections, timeouts, error replies, invalid replies, and requests that were not sent because too many "
     "were waiting. Gateways then read coupons from the issuer.",
     {"{{kind}}": "sum by (kind) (rate(coupond_gateway_redis_errors_total[RATE]))"}),
    ("row", "HAProxy"),
    ("stat", "Gateways ready", "short", 4, below(1), "Servers that HAProxy sends requests to.",
     {"ready": 'haproxy_backend_active_servers{proxy="gateways"}'}),
    ("graph", "Answers, by class", "reqps", 10, NONE, "Answers of the gateways that HAProxy passes on.",
     {"{{code}}": 'sum by (code) (rate(haproxy_backend_http_responses_total{proxy="gateways"}[RATE]))'}),
    ("graph", "Requests, by gateway", "reqps", 10, NONE,
     "Distribution over the gateways, with all outcomes: 4xx are mostly refusals after the sell-out; 5xx are retried.",
     {"{{server}} {{code}}": 'sum by (server, code) '
      '(rate(haproxy_server_http_responses_total{proxy="gateways"}[RATE]))'}),
    ("graph", "Sessions and queue", "short", 8, NONE, "Active, and waiting for a gateway.",
     {"active": 'haproxy_backend_current_sessions{proxy="gateways"}',
      "waiting": 'haproxy_backend_current_queue{proxy="gateways"}'}),
    ("graph", "Response time of the gateways", "s", 8, above(0.1, 0.5),
     "Measured by HAProxy over the last thousand requests.",
     {"answer {{server}}": 'haproxy_server_response_time_average_seconds{proxy="gateways"}'}),
    ("graph", "Errors", "ops", 8, above(0.1, 1),
     "Failed connections, retried requests, failed health checks.",
     {"connect": 'sum(rate(haproxy_server_connection_errors_total{proxy="gateways"}[RATE]))',
      "retried": 'sum(rate(haproxy_server_retry_warnings_total{proxy="gateways"}[RATE]))',
      "checks failed": 'sum(rate(haproxy_server_check_failures_total{proxy="gateways"}[RATE]))'}),
]

RESTARTED = annotation("restarted", "blue", 'changes(process_start_time_seconds{job=~"$job"}[5s]) > 0',
                       "{{role}} {{instance}} has restarted")
EVENTS = [
    annotation("opened", "green", '(sum by (coupon) (coupond_issuer_coupon_issued{coupon=~"$coupon"}) > bool 0) '
               '* (sum by (coupon) (coupond_issuer_coupon_issued{coupon=~"$coupon"} offset 5s) == bool 0) > 0',
               "{{coupon}}: first issue"),
    annotation("paused", "orange", 'sum(verdict:coupond_issuer_verdicts:rate5s{verdict="paused"}) > 0',
               "requests for a paused coupon"),
    annotation("sold out", "purple", '(coupon:coupond_remaining:sum{coupon=~"$coupon"} == bool 0) '
               '* (coupon:coupond_remaining:sum{coupon=~"$coupon"} offset 5s > bool 0) > 0', "{{coupon}} is sold out"),
    RESTARTED,
]

DASHBOARDS = {  # title, description, refresh, since, variables besides source and job, annotations, panels
    "event": (
        "coupond: the event", "Remaining stock, rate, and the answers to the crowd.", "1s", "now-5m",
        [("coupon", "coupond_issuer_coupon_issued")], EVENTS, EVENT),
    "life": (
        "coupond: after the issue", "Redemptions, revocations, wallets and other lists of issues.", "5s", "now-15m",
        [], [RESTARTED], LIFE),
    "engine": (
        "coupond: the engine", "Stages, batches, syncs, lag, errors and drops, CPU and memory.", "5s", "now-15m",
        [], [RESTARTED], ENGINE),
    "stores": (
        "coupond: database, Redis, HAProxy", "The services around coupond, from their exporters.", "5s", "now-15m",
        [], [RESTARTED], STORES),
}


def text_of(name):
    return text(name, *DASHBOARDS[name])


def main():
    FOLDER.mkdir(exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
