/*
 * Every metric of coupond, one row each; the exporter and the documentation test read this.
 * X(id, kind, labels, scale, name, help)
 *
 *   kind    COUNTER; GAUGE; READING, a gauge that is omitted until it is set, because 0 would be wrong until then;
 *           HISTOGRAM_TIME, observed in µs and printed in seconds; HISTOGRAM_SIZE, of rows or requests
 *   labels  NONE: one series, or one per partition; WHOLE: one series for the whole role; or a label set from below
 *           (the issuer's DROP has series for each partition, and one without for frames that name none)
 *   scale   the factor from stored to printed values: 1e-6 for a counter or gauge of seconds stored in µs
 *
 * metrics_render() adds the basics of a process (process_cpu_seconds_total, process_resident_memory_bytes,
 * process_open_fds, process_start_time_seconds …).
 */
#ifndef COUPOND_METRICS_TABLE_H
#define COUPOND_METRICS_TABLE_H

/* clang-format off */
#define METRIC_TABLE(X) \
    X(GATEWAY_REQUESTS, COUNTER, ROUTE_STATUS, 1, "coupond_gateway_requests_total", "HTTP requests answered, by route and status") \
    X(GATEWAY_OUTCOMES, COUNTER, OUTCOME, 1, "coupond_gateway_issue_outcomes_total", "decided requests for an issue, by outcome; 503 answers are in coupond_gateway_unavailable_total") \
    X(GATEWAY_REQUEST_TIME, HISTOGRAM_TIME, NONE, 1e-6, "coupond_gateway_request_seconds", "time from the last byte of a request that goes to the issuer to its answer") \
    X(GATEWAY_BATCH, HISTOGRAM_SIZE, NONE, 1, "coupond_gateway_batch_requests", "requests in one message to the issuer") \
    X(GATEWAY_CONNECTIONS, GAUGE, NONE, 1, "coupond_gateway_connections", "open HTTP connections") \
    X(GATEWAY_ACCEPTED, COUNTER, NONE, 1, "coupond_gateway_connections_accepted_total", "HTTP connections accepted") \
    X(GATEWAY_REFUSED, COUNTER, NONE, 1, "coupond_gateway_connections_refused_total", "HTTP connections answered 503 and closed because gateway/connections_max was reached, or closed because no file descriptor was left") \
    X(GATEWAY_TIMEOUTS, COUNTER, TIMEOUT, 1, "coupond_gateway_connection_timeouts_total", "HTTP connections closed because they were idle, a request was not completed, or answers were not read") \
    X(GATEWAY_IN_FLIGHT, GAUGE, NONE, 1, "coupond_gateway_in_flight", "requests waiting for the issuer") \
    X(GATEWAY_ISSUERS, GAUGE, NONE, 1, "coupond_gateway_partitions_connected", "connections to partitions of the issuer, summed over the gateway's threads") \
    X(GATEWAY_HELD, GAUGE, NONE, 1, "coupond_gateway_held", "requests waiting for a member that decides their partition, at most for gateway/hold_ms") \
    X(GATEWAY_OWNER_CHANGES, COUNTER, NONE, 1, "coupond_gateway_owner_changes_total", "times that another member of cluster/members began to decide a partition, summed over partitions and the gateway's threads") \
    X(GATEWAY_FRAMES_DROPPED, COUNTER, DROP, 1, "coupond_gateway_frames_dropped_total", "frames dropped: malformed, or misdirected (for another partition, number of partitions or journal)") \
    X(GATEWAY_POLICY_READS, COUNTER, POLICY_SOURCE, 1, "coupond_gateway_policy_reads_total", "coupon reads, by source; local: without asking Redis or the issuer") \
    X(GATEWAY_POLICY_REFUSALS, COUNTER, NONE, 1, "coupond_gateway_policy_refusals_total", "issue requests refused from the cache because their coupon had not started or did not exist") \
    X(GATEWAY_POLICY_CHANGES, COUNTER, NONE, 1, "coupond_gateway_policy_invalidations_total", "coupon changes, made or announced, that invalidated cached coupons") \
    X(GATEWAY_UNAVAILABLE, COUNTER, UNAVAILABLE, 1, "coupond_gateway_unavailable_total", "503 answers without a decision of the issuer, by error code") \
    X(GATEWAY_LIMITED, COUNTER, LIMIT, 1, "coupond_gateway_limited_total", "requests answered 429, by the limit that they exceeded") \
    X(GATEWAY_LIMIT_KEYS, GAUGE, LIMIT, 1, "coupond_gateway_limit_keys", "users and client addresses that have less than a full burst left; 65,536 of each are tracked") \
    X(GATEWAY_LIMIT_EVICTIONS, COUNTER, LIMIT, 1, "coupond_gateway_limit_evictions_total", "users and client addresses that lost their place to another one, which took over their remaining burst") \
    X(GATEWAY_TRACES, COUNTER, TRACE, 1, "coupond_gateway_traces_total", "traced requests, by what became of them; all but exported are dropped") \
    X(GATEWAY_REDIS_CONNECTED, GAUGE, NONE, 1, "coupond_gateway_redis_connected", "working connections to Redis: one per thread, and one for announced changes") \
    X(GATEWAY_REDIS_ERRORS, COUNTER, REDIS_ERROR, 1, "coupond_gateway_redis_errors_total", "Redis errors, by kind; reads then fall back to the issuer") \
    X(GATEWAY_REPLIES_LATE, COUNTER, NONE, 1, "coupond_gateway_replies_late_total", "replies of the issuer that arrived after their request had been answered") \
    X(GATEWAY_WATCHERS, GAUGE, NONE, 1, "coupond_gateway_watchers", "connections that receive the events of a coupon") \
    X(GATEWAY_WATCHED_COUPONS, GAUGE, NONE, 1, "coupond_gateway_watched_coupons", "watched coupons, summed over the gateway's threads; each is asked for about four times a second or less") \
    X(GATEWAY_EVENTS, COUNTER, EVENT, 1, "coupond_gateway_events_total", "events and heartbeats for watchers, by result; skipped: left out because the watcher had not read the one before") \
    X(GATEWAY_STORE_READS, COUNTER, STORE_RESULT, 1, "coupond_gateway_store_reads_total", "pages of issues read from the store, by result; a stream is a sequence of pages") \
    X(GATEWAY_STORE_ROWS, COUNTER, NONE, 1, "coupond_gateway_store_rows_total", "issues read from the store") \
    X(GATEWAY_STORE_READ_TIME, HISTOGRAM_TIME, NONE, 1e-6, "coupond_gateway_store_read_seconds", "time from the request of a page until it is read, with the wait in the queue") \
    X(GATEWAY_STORE_QUEUE, GAUGE, NONE, 1, "coupond_gateway_store_queue", "requests waiting for a thread that reads the store") \
    X(GATEWAY_STORE_CONNECTED, GAUGE, NONE, 1, "coupond_gateway_store_connected", "threads connected to the store; they connect when the first request arrives") \
    X(GATEWAY_IDENTITY_CHECKS, COUNTER, IDENTITY, 1, "coupond_gateway_identity_checks_total", "credentials checked, by result: ok, or why they were refused") \
    X(GATEWAY_IDENTITY_CACHED, COUNTER, NONE, 1, "coupond_gateway_identity_cached_total", "valid credentials that were found in the cache") \
    X(GATEWAY_IDENTITY_LOADS, COUNTER, IDENTITY_SOURCE, 1, "coupond_gateway_identity_loads_total", "times that new keys were read, by source") \
    X(GATEWAY_IDENTITY_LOAD_FAILURES, COUNTER, IDENTITY_SOURCE, 1, "coupond_gateway_identity_load_failures_total", "times that keys could not be read, by source; the keys from before stay valid") \
    X(GATEWAY_IDENTITY_STALE, GAUGE, IDENTITY_SOURCE, 1, "coupond_gateway_identity_stale", "1 while keys cannot be read again, by source") \
    X(GATEWAY_IDENTITY_AGE, GAUGE, IDENTITY_SOURCE, 1e-6, "coupond_gateway_identity_age_seconds", "time since the keys in use were last read or found unchanged, by source") \
    X(GATEWAY_UNAUTHENTICATED, GAUGE, NONE, 1, "coupond_gateway_unauthenticated", "1 while other machines can reach gateway/http and gateway/identity is off: any client may act as any user") \
    X(ISSUER_VERDICTS, COUNTER, VERDICT, 1, "coupond_issuer_verdicts_total", "requests decided, by verdict") \
    X(ISSUER_BATCH, HISTOGRAM_SIZE, NONE, 1, "coupond_issuer_batch_requests", "requests decided and synced together") \
    X(ISSUER_TURN_TIME, HISTOGRAM_TIME, NONE, 1e-6, "coupond_issuer_turn_seconds", "time between the decisions of two consecutive batches while work was waiting: an upper bound of a request's wait in the queue") \
    X(ISSUER_SYNC_TIME, HISTOGRAM_TIME, NONE, 1e-6, "coupond_issuer_journal_sync_seconds", "duration of fdatasync of the journal") \
    X(ISSUER_JOURNAL_BYTES, COUNTER, NONE, 1, "coupond_issuer_journal_written_bytes_total", "bytes appended to the journal") \
    X(ISSUER_JOURNAL_SEQ, GAUGE, NONE, 1, "coupond_issuer_journal_sequence", "last journal sequence written") \
    X(ISSUER_SYNCED_SEQ, READING, NONE, 1, "coupond_issuer_journal_synced_sequence", "last journal sequence synced") \
    X(ISSUER_PERSISTED_SEQ, READING, NONE, 1, "coupond_issuer_persisted_sequence", "journal sequence up to which the store has every record") \
    X(ISSUER_LAG_ROWS, READING, NONE, 1, "coupond_issuer_persist_lag_rows", "journal records that are not in the store yet") \
    X(ISSUER_LAG_TIME, READING, NONE, 1e-6, "coupond_issuer_persist_lag_seconds", "age of the oldest journal record that is not in the store yet") \
    X(ISSUER_COUPONS, GAUGE, NONE, 1, "coupond_issuer_coupons", "coupons of the partition") \
    X(ISSUER_COUPON_QUANTITY, GAUGE, COUPON, 1, "coupond_issuer_coupon_quantity", "quantity of the coupon, for recently requested coupons; missing for a coupon of unlimited quantity") \
    X(ISSUER_COUPON_ISSUED, GAUGE, COUPON, 1, "coupond_issuer_coupon_issued", "issues of the coupon, for recently requested coupons") \
    X(ISSUER_COUPON_RETURNED, GAUGE, COUPON, 1, "coupond_issuer_coupon_returned", "revoked issues of the coupon that went back to the stock, for recently requested coupons") \
    X(ISSUER_COUPON_REDEEMED, GAUGE, COUPON, 1, "coupond_issuer_coupon_redeemed", "redeemed issues of the coupon, for recently requested coupons") \
    X(ISSUER_COUPONS_UNLISTED, GAUGE, NONE, 1, "coupond_issuer_coupons_unlisted", "coupons of the partition without series of their own, because others are requested more") \
    X(ISSUER_LOCAL_GATEWAYS, GAUGE, NONE, 1, "coupond_issuer_local_gateways", "gateway threads connected by shared memory") \
    X(ISSUER_RECOVERY_TIME, GAUGE, NONE, 1e-6, "coupond_issuer_recovery_seconds", "duration of the last recovery of the partition from snapshot and journal") \
    X(ISSUER_RECOVERY_RECORDS, GAUGE, NONE, 1, "coupond_issuer_recovery_records", "journal records that the last recovery replayed after the snapshot") \
    X(ISSUER_VERIFICATION_ENDED, READING, WHOLE, 1e-6, "coupond_issuer_verification_timestamp_seconds", "when the last verification that was started over the API ended") \
    X(ISSUER_VERIFICATION_BROKEN, GAUGE, WHOLE, 1, "coupond_issuer_verification_broken", "1: the last verification that could check found a broken promise") \
    X(ISSUER_VERIFICATION_FAILED, GAUGE, WHOLE, 1, "coupond_issuer_verification_failed", "1: the last verification could not check") \
    X(ISSUER_STREAM_SENT, COUNTER, NONE, 1, "coupond_issuer_stream_batches_total", "batches sent to persisters, including resent ones") \
    X(ISSUER_STREAM_RESENT, COUNTER, NONE, 1, "coupond_issuer_stream_resent_total", "batches resent because no acknowledgement came in time") \
    X(ISSUER_STREAM_IN_FLIGHT, GAUGE, NONE, 1, "coupond_issuer_stream_in_flight", "unacknowledged batches") \
    X(ISSUER_STORE_REWINDS, COUNTER, NONE, 1, "coupond_issuer_store_rewinds_total", "times that the store had lost records and the issuer sent them again") \
    X(ISSUER_STORE_MISSING, GAUGE, NONE, 1, "coupond_issuer_store_missing_records", "journal records that the store has lost and no journal file contains any more") \
    X(ISSUER_OTHER_STORE, GAUGE, WHOLE, 1, "coupond_issuer_other_store", "1 while, or within a minute after, a persister of another store answers") \
    X(ISSUER_UNCOMPARED, GAUGE, WHOLE, 1, "coupond_issuer_store_uncompared", "1 while the issuer decides although the journal has not been compared with its store: nothing is sent to persisters, and the journal may be an old copy") \
    X(ISSUER_STORE_REFUSED, COUNTER, WHOLE, 1, "coupond_issuer_store_answers_refused_total", "answers of persisters that were ignored because their store is not known to be the one that the journal fills") \
    X(ISSUER_FRAMES_DROPPED, COUNTER, DROP, 1, "coupond_issuer_frames_dropped_total", "frames dropped: malformed, or misdirected (for another partition, number of partitions or journal)") \
    X(ISSUER_MEMBER_ROLE, GAUGE, NONE, 1, "coupond_issuer_member_role", "role of this member in the partition: 0 follower, 1 standby, 2 claiming, 3 owner; 0 without members") \
    X(ISSUER_MEMBER_EPOCH, GAUGE, NONE, 1, "coupond_issuer_member_epoch", "epoch of the row in the store that this member knows; every change of roles raises it") \
    X(ISSUER_MEMBER_STANDBY, GAUGE, NONE, 1, "coupond_issuer_member_standby", "1: the row that this member knows names a standby") \
    X(ISSUER_MEMBER_TERMS, COUNTER, NONE, 1, "coupond_issuer_member_terms_total", "times that this member began to decide") \
    X(ISSUER_MEMBER_LAG, GAUGE, NONE, 1, "coupond_issuer_member_standby_lag_records", "on the owner: records that its standby has not confirmed") \
    X(ISSUER_REPLIES_DROPPED, COUNTER, NONE, 1, "coupond_issuer_replies_dropped_total", "reply frames dropped because their gateway was gone or did not read") \
    X(ISSUER_SNAPSHOTS, COUNTER, NONE, 1, "coupond_issuer_snapshots_total", "snapshots written") \
    X(ISSUER_SNAPSHOT_FAILURES, COUNTER, NONE, 1, "coupond_issuer_snapshot_failures_total", "snapshots that failed because of a disk error") \
    X(ISSUER_SNAPSHOT_SEQ, GAUGE, NONE, 1, "coupond_issuer_snapshot_sequence", "journal sequence up to which the newest snapshot has every record") \
    X(ISSUER_SNAPSHOT_BYTES, GAUGE, NONE, 1, "coupond_issuer_snapshot_bytes", "size of the newest snapshot") \
    X(ISSUER_SEGMENTS_REMOVED, COUNTER, NONE, 1, "coupond_issuer_journal_segments_removed_total", "journal segments removed because a snapshot and the store have their records") \
    X(ISSUER_CLOCK_SUSPECT, GAUGE, WHOLE, 1, "coupond_issuer_clock_suspect", "1 while the issuer ignores a step of the wall clock that the monotonic clock contradicts") \
    X(ISSUER_CLOCK_OFFSET, GAUGE, WHOLE, 1e-6, "coupond_issuer_clock_offset_seconds", "wall clock minus the time that the issuer uses; 0 while the clock is trusted") \
    X(ISSUER_CLOCK_JOURNAL_AHEAD, GAUGE, WHOLE, 1e-6, "coupond_issuer_clock_journal_ahead_seconds", "how far the latest time in the journals lies in the future: the clock was wrong then, or is wrong now") \
    X(ISSUER_JOURNAL_FULL, GAUGE, NONE, 1, "coupond_issuer_journal_full", "1 while the disk has no room for the journal and new issues are refused") \
    X(ISSUER_CONNECTIONS_REFUSED, COUNTER, WHOLE, 1, "coupond_issuer_connections_refused_total", "connections of gateways and persisters closed because less than a quarter of the file descriptors was left") \
    X(ISSUER_MEMORY_SCARCE, GAUGE, WHOLE, 1, "coupond_issuer_memory_scarce", "1 while memory is scarce and new issues, changes and coupons are refused") \
    X(ISSUER_MEMORY_LIMIT, GAUGE, WHOLE, 1, "coupond_issuer_memory_limit_bytes", "the closest memory limit: issuer/memory_mb_max, the control group's or the process's; 0: no limit") \
    X(ISSUER_MEMORY_USED, GAUGE, WHOLE, 1, "coupond_issuer_memory_used_bytes", "memory counted against that limit, without what the kernel can reclaim; 0: no limit") \
    X(ISSUER_PEERS_REFUSED, COUNTER, WHOLE, 1, "coupond_issuer_peers_refused_total", "connections refused because the peer has another cluster/secret_file than the issuer, or one of the two has none") \
    X(ISSUER_HANDSHAKES_UNFINISHED, COUNTER, WHOLE, 1, "coupond_issuer_handshakes_unfinished_total", "connections that ended, or were silent for two seconds, before the peer had shown its secret: port scans, TCP health checks, and occasionally a role without the secret") \
    X(ISSUER_UNAUTHENTICATED, GAUGE, WHOLE, 1, "coupond_issuer_unauthenticated", "1 while other machines can reach the issuer's ports and no cluster/secret_file protects them") \
    X(PERSISTER_ROWS, COUNTER, NONE, 1, "coupond_persister_rows_total", "journal records committed to the store, including repeated ones") \
    X(PERSISTER_BATCH, HISTOGRAM_SIZE, NONE, 1, "coupond_persister_batch_rows", "journal records in one transaction") \
    X(PERSISTER_WRITE_TIME, HISTOGRAM_TIME, NONE, 1e-6, "coupond_persister_write_seconds", "duration of a transaction, from its first statement to its commit") \
    X(PERSISTER_ERRORS, COUNTER, STORE_RESULT, 1, "coupond_persister_store_errors_total", "failed transactions, by kind of fault") \
    X(PERSISTER_RETRIES, COUNTER, NONE, 1, "coupond_persister_retries_total", "retried transactions") \
    X(PERSISTER_DEAD_LETTERS, COUNTER, NONE, 1, "coupond_persister_dead_letters_total", "journal records that the store rejected and that went to dead_letter; counted again when their batch is repeated") \
    X(PERSISTER_WRITERS, GAUGE, NONE, 1, "coupond_persister_writers", "writers, connected to the store or not") \
    X(PERSISTER_CONNECTED, GAUGE, NONE, 1, "coupond_persister_store_connected", "writers connected to the store") \
    X(PERSISTER_STORE_REFUSED, GAUGE, NONE, 1, "coupond_persister_store_refused", "writers that take no records because their store is not the one that the issuer fills") \
    X(PERSISTER_FRAMES_DROPPED, COUNTER, DROP, 1, "coupond_persister_frames_dropped_total", "frames dropped: malformed, or misdirected (for another partition, number of partitions or journal)")

/*
 * Routes for ROUTE_STATUS: id, name, and the statuses that are usual there. Those are printed as 0 before they happen,
 * so that rate() and increase() see the first burst; others once they have happened. The gateway's route table uses the
 * same ids.
 */
#define METRIC_ROUTE_TABLE(X) \
    X(COUPONS_CREATE, "coupons_create", "201 400 401 403 409 412 415 503") \
    X(COUPONS_LIST, "coupons_list", "200 400 401 403 503") \
    X(COUPON_GET, "coupon_get", "200 304 400 404 503") \
    X(COUPON_LIVE, "coupon_live", "200 400 404 503") \
    X(STATUS, "status", "200 400 401 403 503") \
    X(COUPON_CHANGE, "coupon_change", "200 400 401 403 404 412 415 503") \
    X(ISSUE_POST, "issue_post", "201 400 401 403 404 409 410 412 415 503") \
    X(ISSUE_PUT, "issue_put", "200 201 400 401 403 404 409 410 412 415 503") \
    X(ISSUE_GET, "issue_get", "200 400 401 403 404 503") \
    X(ISSUE_DELETE, "issue_delete", "200 400 401 403 404 409 412 503") \
    X(REDEMPTION_PUT, "redemption_put", "200 201 400 401 403 404 409 410 412 415 503") \
    X(REDEMPTION_DELETE, "redemption_delete", "200 400 401 403 404 409 412 503") \
    X(REVOCATIONS_POST, "revocations_post", "202 400 401 403 404 412 415 503") \
    X(REVOCATIONS_GET, "revocations_get", "200 400 401 403 404 412 503") \
    X(CODE_GET, "code_get", "200 401 403 404 412 503") \
    X(CODE_REDEMPTION_PUT, "code_redemption_put", "200 201 400 401 403 404 409 410 412 415 503") \
    X(USER_DELETE, "user_delete", "202 400 401 403 412 503") \
    X(COUPON_ISSUES, "coupon_issues", "200 400 401 403 404 503") \
    X(COUPON_HISTORY, "coupon_history", "200 400 401 403 404 503") \
    X(ME, "me", "200 400 401 403 503") \
    X(USER_ISSUES, "user_issues", "200 400 401 403 503") \
    X(DEAD_LETTERS_LIST, "dead_letters_list", "200 400 401 403 503") \
    X(DEAD_LETTER_RETRY, "dead_letter_retry", "200 401 403 404 409 503") \
    X(VERIFICATION_POST, "verification_post", "202 401 409 503") \
    X(VERIFICATION_GET, "verification_get", "200 401 503") \
    X(REHEARSALS_POST, "rehearsals_post", "202 400 401 403 409") \
    X(REHEARSAL_GET, "rehearsal_get", "200 401") \
    X(LIVEZ, "livez", "200 503") \
    X(READYZ, "readyz", "200 503") \
    X(METRICS, "metrics", "200 503") \
    X(OPENAPI, "openapi", "200 304 503") \
    X(DOCS, "docs", "200 304 404 503") \
    X(PAGES, "pages", "200 304 503") \
    X(PREFLIGHT, "preflight", "204 403") \
    X(NONE, "none", "400 404 405 408 413 431 500 501 503 505")

/* The source of a coupon read, for POLICY_SOURCE. */
#define METRIC_POLICY_SOURCE_TABLE(X) X(LOCAL, "local") X(REDIS, "redis") X(ISSUER, "issuer")

/* For REDIS_ERROR: connecting failed or the connection was lost; no answer in time; an error reply; an invalid reply;
 * too many requests waiting; TLS failed. */
#define METRIC_REDIS_ERROR_TABLE(X) \
    X(CONNECTION, "connection") X(TIMEOUT, "timeout") X(REFUSED, "refused") X(GARBAGE, "garbage") X(FULL, "full") X(TLS, "tls")

/* Statuses for ROUTE_STATUS. */
#define METRIC_STATUS_TABLE(X) \
    X(200) X(201) X(202) X(204) X(304) X(400) X(401) X(403) X(404) X(405) X(408) X(409) X(410) X(412) X(413) X(415) X(429) X(431) X(500) X(501) X(503) X(505)

/* Reasons for DROP and TIMEOUT. */
#define METRIC_DROP_TABLE(X)    X(MALFORMED, "malformed") X(MISDIRECTED, "misdirected")
#define METRIC_TIMEOUT_TABLE(X) X(IDLE, "idle") X(REQUEST, "slow_request") X(READER, "slow_reader")

/* Codes for UNAVAILABLE. */
#define METRIC_UNAVAILABLE_TABLE(X) \
    X(OVERLOADED, "overloaded") \
    X(ISSUER_UNAVAILABLE, "issuer_unavailable") \
    X(OUTCOME_UNKNOWN, "outcome_unknown") \
    X(STORE_UNAVAILABLE, "store_unavailable")

/* For LIMIT: gateway/user_rate and gateway/address_rate. */
#define METRIC_LIMIT_TABLE(X) X(USER, "user") X(ADDRESS, "address")

/* For OUTCOME: the verdicts of the same names. */
#define METRIC_OUTCOME_TABLE(X) \
    X(ISSUED, "issued") X(REPLAYED, "replayed") X(ALREADY_ISSUED, "already_issued") X(ISSUE_REVOKED, "revoked") X(SOLD_OUT, "sold_out") X(NOT_STARTED, "not_started") X(PAUSED, "paused") X(ENDED, "ended") X(COUPON_NOT_FOUND, "coupon_not_found")

/* For EVENT. */
#define METRIC_EVENT_TABLE(X) X(SENT, "sent") X(SKIPPED, "skipped")
/* For TRACE: taken by the collector; beyond gateway/traces_rate; no room in the queue; refused by the collector; the
 * collector could not be reached or was busy for too long. */
#define METRIC_TRACE_TABLE(X) \
    X(EXPORTED, "exported") X(LIMITED, "limited") X(QUEUE_FULL, "queue_full") X(REFUSED, "refused") X(UNREACHABLE, "unreachable")

/* For STORE_RESULT: enum store_result of shared/store/rows.h, in its order. */
#define METRIC_STORE_RESULT_TABLE(X) \
    X(OK, "ok") X(RETRY, "retry") X(FAILED, "failed") X(FOREIGN, "foreign") X(OTHER, "other") X(BEHIND, "behind") X(REJECTED, "rejected")

/* For IDENTITY: what a check of credentials comes to. The names are also those of WWW-Authenticate and of problems. */
#define METRIC_IDENTITY_TABLE(X) \
    X(OK, "ok") \
    X(NO_TOKEN, "no_token") \
    X(MALFORMED, "malformed") \
    X(OVERSIZED, "oversized") \
    X(WRONG_TYPE, "wrong_type") \
    X(CRITICAL_HEADER, "critical_header") \
    X(DUPLICATE_CLAIM, "duplicate_claim") \
    X(UNKNOWN_KEY, "unknown_key") \
    X(WRONG_ALGORITHM, "wrong_algorithm") \
    X(BAD_SIGNATURE, "bad_signature") \
    X(NO_EXPIRY, "no_expiry") \
    X(BAD_TIME, "bad_time") \
    X(EXPIRED, "expired") \
    X(NOT_YET_VALID, "not_yet_valid") \
    X(WRONG_ISSUER, "wrong_issuer") \
    X(WRONG_AUDIENCE, "wrong_audience") \
    X(BAD_SUBJECT, "bad_subject") \
    X(BAD_ROLE, "bad_role") \
    X(BAD_SEGMENT, "bad_segment") \
    X(UNKNOWN_API_KEY, "unknown_api_key")

/* For IDENTITY_SOURCE: the options that name places of keys. */
#define METRIC_IDENTITY_SOURCE_TABLE(X) \
    X(JWK_SET_FILE, "jwk_set_file") X(JWK_SET_URL, "jwk_set_url") X(API_KEYS_FILE, "api_keys_file")

/* The label sets of one label: X(set, key, values). VERDICT_TABLE is in shared/coupon.h. */
#define METRIC_LABEL_SET_TABLE(X) \
    X(VERDICT, "verdict", VERDICT_TABLE) \
    X(STORE_RESULT, "result", METRIC_STORE_RESULT_TABLE) \
    X(POLICY_SOURCE, "source", METRIC_POLICY_SOURCE_TABLE) \
    X(REDIS_ERROR, "kind", METRIC_REDIS_ERROR_TABLE) \
    X(IDENTITY, "result", METRIC_IDENTITY_TABLE) \
    X(IDENTITY_SOURCE, "source", METRIC_IDENTITY_SOURCE_TABLE) \
    X(UNAVAILABLE, "code", METRIC_UNAVAILABLE_TABLE) \
    X(LIMIT, "kind", METRIC_LIMIT_TABLE) \
    X(EVENT, "result", METRIC_EVENT_TABLE) \
    X(OUTCOME, "outcome", METRIC_OUTCOME_TABLE) \
    X(TRACE, "result", METRIC_TRACE_TABLE) \
    X(DROP, "reason", METRIC_DROP_TABLE) \
    X(TIMEOUT, "reason", METRIC_TIMEOUT_TABLE)
/* clang-format on */

enum metric_drop {
#define X(id, name) METRIC_DROP_##id,
    METRIC_DROP_TABLE(X)
#undef X
};

enum metric_timeout {
#define X(id, name) METRIC_TIMEOUT_##id,
    METRIC_TIMEOUT_TABLE(X)
#undef X
};

enum metric_limit {
#define X(id, name) METRIC_LIMIT_##id,
    METRIC_LIMIT_TABLE(X)
#undef X
        METRIC_LIMIT_COUNT
};

enum metric_trace {
#define X(id, name) METRIC_TRACE_##id,
    METRIC_TRACE_TABLE(X)
#undef X
};

enum metric_store_result {
#define X(id, name) METRIC_STORE_RESULT_##id,
    METRIC_STORE_RESULT_TABLE(X)
#undef X
};

enum metric_unavailable {
#define X(id, name) METRIC_UNAVAILABLE_##id,
    METRIC_UNAVAILABLE_TABLE(X)
#undef X
};

enum metric_outcome {
#define X(id, name) METRIC_OUTCOME_##id,
    METRIC_OUTCOME_TABLE(X)
#undef X
};

enum metric_event {
#define X(id, name) METRIC_EVENT_##id,
    METRIC_EVENT_TABLE(X)
#undef X
};

/* The children of COUPON rows per block; a child is printed once it has a coupon's id (metrics_set_coupon). */
#define METRIC_COUPONS_MAX 32

enum metric_route {
#define X(id, name, statuses) METRIC_ROUTE_##id,
    METRIC_ROUTE_TABLE(X)
#undef X
        METRIC_ROUTE_COUNT
};

enum metric_policy_source {
#define X(id, name) METRIC_POLICY_##id,
    METRIC_POLICY_SOURCE_TABLE(X)
#undef X
};

enum metric_redis_error {
#define X(id, name) METRIC_REDIS_##id,
    METRIC_REDIS_ERROR_TABLE(X)
#undef X
};

enum metric_identity {
#define X(id, name) METRIC_IDENTITY_##id,
    METRIC_IDENTITY_TABLE(X)
#undef X
        METRIC_IDENTITY_COUNT
};

enum metric_identity_source {
#define X(id, name) METRIC_IDENTITY_SOURCE_##id,
    METRIC_IDENTITY_SOURCE_TABLE(X)
#undef X
};

/* The child of a ROUTE_STATUS row; an unlisted status counts as 500. */
unsigned metrics_route_status(enum metric_route route, int status);

#endif
