#!/usr/bin/env python3
"""Writes the Grafana dashboards, dashboards/*.json, from the panels below; run it after a change.

A panel: (kind, title, unit, width, levels, description, {legend: expression}). Widths are of 24 columns. Levels say
which values are green and which are red: above(…), below(…), states(…), or NONE where no value is bad by itself. In
expressions RATE stands for Grafana's $__rate_interval: long enough for a rate whatever the graph's resolution is. MySQL
is scraped less often, its rates have a fixed time. Metrics of coupond are asked for the chosen jobs; recording rules
(level:metric:operation) are of all jobs.
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
    ("stat", "Left", "short", 4, NONE, "Pieces of the chosen coupons that are not issued yet.",
     {"left": 'sum(coupon:coupond_remaining:sum{coupon=~"$coupon"})'}),
    ("stat", "Issued a second", "reqps", 4, NONE, "At which pace the chosen coupons go, over the last ten seconds.",
     {"issued": 'sum(coupon:coupond_issued:deriv10s{coupon=~"$coupon"})'}),
    ("stat", "Until sold out", "s", 4, NONE,
     "At the present pace: of the chosen coupons the one that is sold out first. Empty while nothing is issued.",
     {"{{coupon}}": 'bottomk(1, coupon:coupond_time_to_sold_out:seconds{coupon=~"$coupon"} > 0)'}),
    ("stat", "Requests a second", "reqps", 4, NONE, "Requests decided, whatever the answer.",
     {"requests": "sum(verdict:coupond_issuer_verdicts:rate5s)"}),
    ("stat", "99th percentile", "s", 4, above(0.1, 0.5),
     "One request in a hundred took longer, over the last half minute: from its last byte to its answer.",
     {"p99": "coupond_gateway_request_seconds:p99_30s"}),
    ("stat", "Members ready", "percentunit", 4, below(1),
     "The share of gateways, issuer and persisters that are up and say that they are ready.",
     {"ready": '(sum(coupond_ready) or vector(0)) / count(up{job=~"$job"})'}),
    ("row", "Stock"),
    ("graph", "Left, by coupon", "short", 12, NONE,
     "Pieces not issued yet, of the coupons that were asked for lately (32 a partition).",
     {"{{coupon}}": 'coupon:coupond_remaining:sum{coupon=~"$coupon"}'}),
    ("graph", "Issued a second, by coupon", "reqps", 12, NONE, "The pace at which each coupon goes.",
     {"{{coupon}}": 'coupon:coupond_issued:deriv10s{coupon=~"$coupon"}'}),
    ("graph", "Time until sold out, by coupon", "s", 12, NONE,
     "What is left, divided by the pace of the last ten seconds.",
     {"{{coupon}}": 'coupon:coupond_time_to_sold_out:seconds{coupon=~"$coupon"}'}),
    ("bars", "Share issued", "percentunit", 8, NONE, "How much of each coupon is gone.",
     {"{{coupon}}": 'max by (coupon) (coupond_issuer_coupon_issued{coupon=~"$coupon"} / '
      'coupond_issuer_coupon_quantity{coupon=~"$coupon"})'}),
    ("stat", "Coupons, and those not shown here", "short", 4, NONE,
     "All coupons of the issuer, and those that have no graph because others are asked for more.",
     {"coupons": "sum(coupond_issuer_coupons)", "not shown": "sum(coupond_issuer_coupons_unlisted)"}),
    ("row", "Answers"),
    ("graph", "Decisions, by outcome", "reqps", 12, NONE,
     "What the issuer decided: issued, already_issued (asked again), sold_out, not_started …",
     {"{{verdict}}": "verdict:coupond_issuer_verdicts:rate5s"}),
    ("graph", "HTTP answers, by status", "reqps", 12, NONE,
     "What the gateways answered on the routes of issues: 201 issued, 200 the same again, 409 refused, 503 ask again.",
     {"{{status}}": 'sum by (status) (rate(coupond_gateway_requests_total{route=~"issue_.*"}[RATE]))'}),
    ("graph", "Latency", "s", 12, above(0.1, 0.5),
     "From the last byte of a request that goes to the issuer to its answer, over all gateways.",
     quantiles("coupond_gateway_request_seconds")),
    ("heat", "Latency, all of it", "s", 12, NONE, "How many requests took how long.",
     {"{{le}}": "sum by (le) (increase(coupond_gateway_request_seconds_bucket[RATE]))"}),
    ("graph", "Told to ask again, by reason", "reqps", 12, above(0.1, 1),
     "503 answers. overloaded: queues or connections are full; issuer_unavailable: nothing was decided; "
     "outcome_unknown: no answer came in time.",
     {"{{code}}": "code:coupond_gateway_unavailable:rate30s"}),
    ("graph", "HTTP requests, by route", "reqps", 12, NONE,
     "What clients ask for: countdown pages read coupons (coupon_get), the crowd posts issues.",
     {"{{route}}": "sum by (route) (rate(coupond_gateway_requests_total[RATE]))"}),
    ("graph", "Looks at a coupon, by source", "reqps", 12, NONE,
     "Where the answers of GET /v1/coupons/{id} come from: the gateway's own cache, Redis, or the issuer.",
     {"{{source}}": "sum by (source) (rate(coupond_gateway_policy_reads_total[RATE]))"}),
    ("graph", "Refused from the cache", "reqps", 12, NONE,
     "Issue requests that came too early, or for a coupon that does not exist, and never reached the issuer; and "
     "changes that outdated what is cached.",
     rates("coupond_gateway_policy_refusals_total", "coupond_gateway_policy_invalidations_total")),
]

ENGINE = [
    ("row", "Where the time goes"),
    ("graph", "Stages, on average", "s", 12, NONE,
     "A request: all of it at the gateway; the issuer's turn, which is the longest that it waits in the queue before "
     "it is decided (none while the issuer idles); the sync of its batch. What is left is the way there and back.",
     {"gateway, all of it": average("coupond_gateway_request_seconds"),
      "queue (a turn)": average("coupond_issuer_turn_seconds"),
      "sync": average("coupond_issuer_journal_sync_seconds")}),
    ("graph", "The issuer's turn", "s", 12, NONE, "From one batch's decision to the next one's, while there is work.",
     quantiles("coupond_issuer_turn_seconds")),
    ("graph", "Sync of the journal", "s", 12, above(0.02, 0.05), "fdatasync of a batch, by partition.",
     quantiles("coupond_issuer_journal_sync_seconds", "partition")),
    ("graph", "Sync, 99th percentile of half a minute", "s", 12, above(0.02, 0.05),
     "What the alert CoupondSyncSlow looks at.",
     {"partition {{partition}}": "partition:coupond_issuer_journal_sync_seconds:p99_30s"}),
    ("row", "Batches"),
    ("graph", "Requests at once, on average", "short", 8, NONE,
     "In one message of a gateway, and in one batch of the issuer, which is synced once.",
     {"message": average("coupond_gateway_batch_requests"), "batch": average("coupond_issuer_batch_requests")}),
    ("graph", "Batches and syncs a second", "ops", 8, NONE, "A batch without an issue is not synced.",
     {"batches": "sum(rate(coupond_issuer_batch_requests_count[RATE]))",
      "syncs": "sum(rate(coupond_issuer_journal_sync_seconds_count[RATE]))"}),
    ("graph", "Journal written", "Bps", 8, NONE, "Bytes appended a second.",
     {"partition {{partition}}": "rate(coupond_issuer_journal_written_bytes_total[RATE])"}),
    ("row", "From the journal into the store"),
    ("graph", "Records the store lacks", "short", 8, NONE, "Written to the journal and not yet in the database.",
     {"all": "coupond_persist_lag_rows:sum", "partition {{partition}}": "coupond_issuer_persist_lag_rows"}),
    ("graph", "Age of the oldest of them", "s", 8, above(15, 300),
     "What would be gone with the journal's disk is younger than this.",
     {"oldest": "coupond_persist_lag_seconds:max", "partition {{partition}}": "coupond_issuer_persist_lag_seconds"}),
    ("graph", "Records a second: written, synced, stored", "short", 8, NONE,
     "The three run side by side; stored may lag.",
     {"written": "sum(deriv(coupond_issuer_journal_sequence[10s]))",
      "synced": "sum(deriv(coupond_issuer_journal_synced_sequence[10s]))",
      "stored": "sum(deriv(coupond_issuer_persisted_sequence[10s]))"}),
    ("graph", "Frames to persisters", "ops", 8, NONE,
     "Sent, sent again because no acknowledgement came in time, and under way now (a number).",
     {**rates("coupond_issuer_stream_batches_total", "coupond_issuer_stream_resent_total"),
      "under way": "sum(coupond_issuer_stream_in_flight)"}),
    ("graph", "Transactions", "s", 8, NONE, "From a transaction's first statement to its commit.",
     quantiles("coupond_persister_write_seconds")),
    ("graph", "Rows stored", "short", 8, NONE, "A second, and in one transaction.",
     {"rows a second": "sum(rate(coupond_persister_rows_total[RATE]))",
      "rows a transaction": average("coupond_persister_batch_rows")}),
    ("graph", "Faults of the store", "ops", 8, above(0.001, 0.1),
     "Transactions that failed, by kind, those tried again, and records refused for good.",
     {"{{result}}": "sum by (result) (rate(coupond_persister_store_errors_total[RATE]))",
      **rates("coupond_persister_retries_total", "coupond_persister_dead_letters_total")}),
    ("graph", "Writers", "short", 8, NONE,
     "Of the persisters, how many have a connection to the store, and how many have another store than the "
     "issuer fills.",
     {"writers": "sum(coupond_persister_writers)", "connected": "sum(coupond_persister_store_connected)",
      "another store": "sum(coupond_persister_store_refused)"}),
    ("graph", "A store that lost records, or a second one", "short", 8, above(1),
     "How often it came back with fewer records, or empty; records that no journal file contains any more: restore a "
     "backup; answers of another store, and whether one answers now; whether the issuer decides uncompared.",
     {"came back": "sum(coupond_issuer_store_rewinds_total)", "missing": "sum(coupond_issuer_store_missing_records)",
      "refused": "sum(coupond_issuer_store_answers_refused_total)",
      "another answers": "max(coupond_issuer_other_store)", "not compared": "max(coupond_issuer_store_uncompared)"}),
    ("row", "Snapshots and recovery"),
    ("graph", "Journal and snapshots", "short", 8, NONE,
     "The last record written, and the one up to which the newest snapshot has everything: between them is what a "
     "start replays.",
     {"written {{partition}}": "coupond_issuer_journal_sequence",
      "snapshot {{partition}}": "coupond_issuer_snapshot_sequence"}),
    ("graph", "Snapshots, segments", "short", 6, NONE,
     "Since the start: snapshots written, refused by the disk, and journal segments removed.",
     {"snapshots": "sum(coupond_issuer_snapshots_total)", "refused": "sum(coupond_issuer_snapshot_failures_total)",
      "segments removed": "sum(coupond_issuer_journal_segments_removed_total)"}),
    ("stat", "Snapshot", "bytes", 3, NONE, "Size of the newest one.",
     {"{{partition}}": "coupond_issuer_snapshot_bytes"}),
    ("stat", "Recovery", "s", 3, above(10, 60), "How long the last start took.",
     {"{{partition}}": "coupond_issuer_recovery_seconds"}),
    ("stat", "Replayed", "short", 2, NONE, "Records of the journal that the last start replayed.",
     {"{{partition}}": "coupond_issuer_recovery_records"}),
    ("stat", "Full", "short", 2, states(room="green", full="red"), "Whether the disk has room for the journal.",
     {"{{partition}}": "coupond_issuer_journal_full"}),
    ("row", "Clock and peers"),
    ("stat", "Clock", "short", 3, states(trusted="green", suspect="red"),
     "Whether the issuer believes its machine's clock; it goes by the monotonic one meanwhile.",
     {"clock": "max(coupond_issuer_clock_suspect)"}),
    ("stat", "Journal ahead", "s", 3, above(0.001), "How far in the future the latest time in the journals lies.",
     {"ahead": "max(coupond_issuer_clock_journal_ahead_seconds)"}),
    ("stat", "Secret", "short", 2, states(held="green", none="red"),
     "none: other machines reach the issuer's ports, and no cluster/secret_file tells who may.",
     {"secret": "max(coupond_issuer_unauthenticated)"}),
    ("stat", "Memory", "short", 2, states(room="green", scarce="red"),
     "scarce: new users and coupons are refused, since a limit of memory is near.",
     {"memory": "max(coupond_issuer_memory_scarce)"}),
    ("graph", "Clock's step", "s", 6, SIGNED,
     "The machine's clock, minus the time that the issuer goes by; 0 while the clock is trusted.",
     {"{{instance}}": "coupond_issuer_clock_offset_seconds"}),
    ("graph", "Refused by the issuer", "ops", 8, above(0.1, 1),
     "Peers with another secret than the issuer's, or with one where the other has none; connections that ended before "
     "that was known (unfinished: TCP probes, mostly), or for which no descriptors were left; requests that came after "
     "their deadline (late), of an outdated version, or into a full queue.",
     {"peers": "sum(rate(coupond_issuer_peers_refused_total[RATE]))",
      "unfinished": "sum(rate(coupond_issuer_handshakes_unfinished_total[RATE]))",
      "connections": "sum(rate(coupond_issuer_connections_refused_total[RATE]))",
      "{{verdict}}": 'sum by (verdict) '
      '(rate(coupond_issuer_verdicts_total{verdict=~"late|stale_version|overloaded"}[RATE]))'}),
    ("row", "Connections and drops"),
    ("graph", "HTTP connections", "short", 8, NONE, "Open, by gateway; and requests that wait for the issuer.",
     {"open {{instance}}": "coupond_gateway_connections", "waiting {{instance}}": "coupond_gateway_in_flight"}),
    ("graph", "Connections come and go", "ops", 8, NONE,
     "Accepted, refused because there are too many, closed because they were idle, did not bring a request to its end, "
     "or did not read.",
     {**rates("coupond_gateway_connections_accepted_total", "coupond_gateway_connections_refused_total"),
      "closed: {{reason}}": "sum by (reason) (rate(coupond_gateway_connection_timeouts_total[RATE]))"}),
    ("graph", "Gateways and partitions", "short", 8, NONE,
     "Connections of gateways to partitions, as the gateways have them, and those by shared memory, as the "
     "issuer has them.",
     {"{{instance}}": "coupond_gateway_partitions_connected",
      "shared memory, partition {{partition}}": "coupond_issuer_local_gateways"}),
    ("graph", "Dropped", "ops", 12, above(0.01, 1),
     "Messages that are malformed, or meant for another partition, number of partitions or journal (misdirected), by "
     "role; replies whose gateway was gone or did not read; replies that came after their request had been answered. "
     "The logs name each reason once.",
     {**{f"{role}: {{{{reason}}}}": f"sum by (reason) (rate(coupond_{role}_frames_dropped_total[RATE]))"
         for role in ("gateway", "issuer", "persister")},
      **rates("coupond_issuer_replies_dropped_total", "coupond_gateway_replies_late_total")}),
    ("state", "Ready", "short", 12, states(waiting="red", ready="green"), "What each member says of itself.",
     {"{{role}} {{instance}}": "coupond_ready"}),
    ("row", "Processes"),
    ("graph", "CPU", "percentunit", 8, NONE, "1 is one core.",
     {"{{role}} {{instance}}": 'rate(process_cpu_seconds_total{job=~"$job"}[RATE])'}),
    ("graph", "Memory", "bytes", 8, NONE,
     "In RAM (lines), and mapped; of the issuer's nearest limit, what is used and cannot be taken back.",
     {"used of the limit {{instance}}": "coupond_issuer_memory_used_bytes",
      "limit {{instance}}": "coupond_issuer_memory_limit_bytes",
      "{{role}} {{instance}}": 'process_resident_memory_bytes{job=~"$job"}',
      "mapped {{instance}}": 'process_virtual_memory_bytes{job=~"$job"}'}),
    ("graph", "File descriptors", "percentunit", 8, above(0.6, 0.8), "Open ones, of as many as may be.",
     {"{{role}} {{instance}}": 'process_open_fds{job=~"$job"} / process_max_fds{job=~"$job"}'}),
    ("graph", "Up since", "s", 8, NONE, "How long each process has been running.",
     {"{{role}} {{instance}}": 'time() - process_start_time_seconds{job=~"$job"}'}),
    ("graph", "Threads", "short", 8, NONE, "Of each process.",
     {"{{role}} {{instance}}": 'process_threads{job=~"$job"}'}),
    ("graph", "Versions", "short", 8, NONE, "How many members run which version.",
     {"{{version}}": "count by (version) (coupond_build_info)"}),
]

STORES = [
    ("row", "MySQL or MariaDB"),
    ("stat", "Database", "short", 3, states(down="red", up="green"), "Whether the exporter reaches it.",
     {"up": "mysql_up"}),
    ("stat", "Exporter", "short", 3, states(fine="green", faults="red"),
     "Whether it was told all that it asks the server for.", {"exporter": "mysql_exporter_last_scrape_error"}),
    ("graph", "Rows written", "short", 9, NONE, "A second, by what was done to them.",
     {"{{handler}}": 'rate(mysql_global_status_handlers_total{handler=~"write|update|delete"}[30s])'}),
    ("graph", "Statements", "ops", 9, NONE, "A second, by kind.",
     {"{{command}}": 'rate(mysql_global_status_commands_total{command=~"insert|update|commit|begin|select|stmt_execute|'
      'rollback"}[30s])'}),
    ("graph", "Connections", "short", 8, NONE, "Open, at work, and as many as may be.",
     {"open": "mysql_global_status_threads_connected", "at work": "mysql_global_status_threads_running",
      "most": "mysql_global_variables_max_connections"}),
    ("graph", "InnoDB: waiting for the disk", "ops", 8, NONE,
     "Syncs, waits because the log's buffer was full, and waits for a row's lock.",
     {"syncs": "rate(mysql_global_status_innodb_data_fsyncs[30s])",
      "log waits": "rate(mysql_global_status_innodb_log_waits[30s])",
      "row lock waits": "rate(mysql_global_status_innodb_row_lock_waits[30s])"}),
    ("graph", "InnoDB: buffer pool", "short", 8, NONE,
     "Pages by kind; free ones at 0 and dirty ones near all mean that it is too small.",
     {"{{state}}": "mysql_global_status_buffer_pool_pages", "dirty": "mysql_global_status_buffer_pool_dirty_pages"}),
    ("row", "Redis"),
    ("stat", "Redis", "short", 4, states(down="red", up="green"), "Whether the exporter reaches it.",
     {"up": "redis_up"}),
    ("graph", "Commands", "ops", 10, NONE, "A second.", {"commands": "rate(redis_commands_processed_total[RATE])"}),
    ("graph", "Found and not found", "ops", 10, NONE,
     "Reads of a key that was there, or not; keys thrown out for want of memory.",
     {"found": "rate(redis_keyspace_hits_total[RATE])", "not found": "rate(redis_keyspace_misses_total[RATE])",
      "thrown out": "rate(redis_evicted_keys_total[RATE])"}),
    ("graph", "Memory", "bytes", 8, NONE, "Used, and as much as may be (0: no bound).",
     {"used": "redis_memory_used_bytes", "most": "redis_memory_max_bytes"}),
    ("graph", "Clients, channels", "short", 8, NONE, "Connections, and channels that gateways listen to.",
     {"clients": "redis_connected_clients", "channels": "redis_pubsub_channels"}),
    ("graph", "Network", "Bps", 8, NONE, "In and out.",
     {"in": "rate(redis_net_input_bytes_total[RATE])", "out": "rate(redis_net_output_bytes_total[RATE])"}),
    ("graph", "Connections of the gateways", "short", 12, NONE,
     "Working connections: one per thread, and one for announced changes.", {"{{instance}}": "coupond_gateway_redis_connected"}),
    ("graph", "Faults, as the gateways see them", "ops", 12, above(0.001, 1),
     "Failed connections, answers that came too late, were errors or were invalid, and requests that were not sent "
     "because too many were waiting. Gateways then read coupons from the issuer.",
     {"{{kind}}": "sum by (kind) (rate(coupond_gateway_redis_errors_total[RATE]))"}),
    ("row", "HAProxy"),
    ("stat", "Gateways ready", "short", 4, below(1), "Servers that HAProxy sends requests to.",
     {"ready": 'haproxy_backend_active_servers{proxy="gateways"}'}),
    ("graph", "Answers, by class", "reqps", 10, NONE, "Of the gateways, as HAProxy passes them on.",
     {"{{code}}": 'sum by (code) (rate(haproxy_backend_http_responses_total{proxy="gateways"}[RATE]))'}),
    ("graph", "Requests, by gateway", "reqps", 10, NONE,
     "How evenly they are spread, whatever the outcome: 4xx are the refused of a sell-out, 5xx are told to ask again.",
     {"{{server}} {{code}}": 'sum by (server, code) '
      '(rate(haproxy_server_http_responses_total{proxy="gateways"}[RATE]))'}),
    ("graph", "Sessions and queue", "short", 8, NONE, "At work, and waiting for a gateway.",
     {"at work": 'haproxy_backend_current_sessions{proxy="gateways"}',
      "waiting": 'haproxy_backend_current_queue{proxy="gateways"}'}),
    ("graph", "Time of a gateway's answer", "s", 8, above(0.1, 0.5),
     "As HAProxy sees it, over the last thousand requests.",
     {"answer {{server}}": 'haproxy_server_response_time_average_seconds{proxy="gateways"}'}),
    ("graph", "Faults", "ops", 8, above(0.1, 1),
     "Connections that could not be made, requests tried again, health checks that failed.",
     {"connect": 'sum(rate(haproxy_server_connection_errors_total{proxy="gateways"}[RATE]))',
      "tried again": 'sum(rate(haproxy_server_retry_warnings_total{proxy="gateways"}[RATE]))',
      "checks failed": 'sum(rate(haproxy_server_check_failures_total{proxy="gateways"}[RATE]))'}),
]

RESTARTED = annotation("restarted", "blue", 'changes(process_start_time_seconds{job=~"$job"}[5s]) > 0',
                       "{{role}} {{instance}} has started again")
EVENTS = [
    annotation("opened", "green", '(sum by (coupon) (coupond_issuer_coupon_issued{coupon=~"$coupon"}) > bool 0) '
               '* (sum by (coupon) (coupond_issuer_coupon_issued{coupon=~"$coupon"} offset 5s) == bool 0) > 0',
               "{{coupon}}: the first is issued"),
    annotation("paused", "orange", 'sum(verdict:coupond_issuer_verdicts:rate5s{verdict="paused"}) > 0',
               "requests for a paused coupon"),
    annotation("sold out", "purple", '(coupon:coupond_remaining:sum{coupon=~"$coupon"} == bool 0) '
               '* (coupon:coupond_remaining:sum{coupon=~"$coupon"} offset 5s > bool 0) > 0', "{{coupon}} is sold out"),
    RESTARTED,
]

DASHBOARDS = {  # title, description, refresh, since, variables besides source and job, annotations, panels
    "event": (
        "coupond: the event", "What is left, how fast it goes, and what the crowd hears.", "1s", "now-5m",
        [("coupon", "coupond_issuer_coupon_quantity")], EVENTS, EVENT),
    "engine": (
        "coupond: the engine", "Stages, batches, syncs, lag, errors and drops, CPU and memory.", "5s", "now-15m",
        [], [RESTARTED], ENGINE),
    "stores": (
        "coupond: database, Redis, HAProxy", "What stands around coupond, as its exporters see it.", "5s", "now-15m",
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
