/*
 * Every option of coupond, one row each. The parser, --help-config, docs/configuration.md and its test read this.
 * OPTION(section, name, kind, default, bounds, help)
 *   kind: how a value is checked, shown and documented (options/kind.c):
 *     CHOICE       ONE_OF("a", "b"), or ONE_OF_OR(1, 9, "a", "b") for words or whole numbers
 *     NUMBER       a whole number BETWEEN(1, 9)
 *     DURATION     a number in the unit that ends its name: _ms, _minutes
 *     SIZE         the same: _bytes_max, _mb, _mb_max, _mb_per_s
 *     FLAG         0 or 1
 *     ADDRESS      HOST:PORT to listen on; like all kinds below, text of a LENGTH(0, 255)
 *     ENDPOINT     where roles connect: tcp://, ipc://, shm://
 *     URL          of Redis; may contain a password, which is never shown
 *     PATH         a file or folder
 *     SECRET       never shown
 *     SECRET_FILE  NAME_file: the file with the value of the secret NAME, if there is an option NAME
 *     TEXT         anything else
 */
/* clang-format off */
#define OPTION_TABLE(OPTION) \
    OPTION(cluster, secret_file, SECRET_FILE, "", LENGTH(0, 255), "file with the secret that all roles of a cluster share, created by coupond keygen; sockets between roles are then encrypted and refuse peers without it; empty: any peer that can connect is trusted") \
    OPTION(cluster, members, TEXT, "", LENGTH(0, 255), "issuers that keep copies of each other's journals, separated by commas: NAME=HOST, or NAME=HOST:+N with ports N above those of issuer/requests, issuer/events and issuer/acks; the same for every role; empty: a single issuer") \
    OPTION(gateway, http, ADDRESS, "127.0.0.1:8080", LENGTH(1, 255), "address and port to serve HTTP on; [::1]:8080 for IPv6, localhost:8080 for 127.0.0.1 and ::1, *:8080 for all IPv4 and IPv6 addresses") \
    OPTION(gateway, operator_http, ADDRESS, "127.0.0.1:+10", LENGTH(0, 255), "address and port of /metrics, /livez and /readyz; HOST:+N is N above the port of gateway/http; empty: none") \
    OPTION(gateway, public_metrics, FLAG, 0, BETWEEN(0, 1), "1: gateway/http also serves /metrics, to every client") \
    OPTION(gateway, cors_origins, TEXT, "", LENGTH(0, 255), "web origins whose pages may call the API from a browser, separated by commas, such as https://shop.example,http://localhost:3000; *: all; empty: none, and answers have no CORS headers") \
    OPTION(gateway, threads, NUMBER, 1, BETWEEN(1, 64), "event loops, each on its own thread") \
    OPTION(gateway, requests, ENDPOINT, "", LENGTH(0, 255), "the issuer's endpoint for requests; empty: issuer/local_requests, otherwise issuer/requests") \
    OPTION(gateway, admin_token, SECRET, "", LENGTH(0, 255), "bearer token required to create and change coupons and read their history, to revoke and list issues, to erase users, and for status, dead letters, verification and rehearsals; empty: none is required") \
    OPTION(gateway, admin_token_file, SECRET_FILE, "", LENGTH(0, 255), "file to read gateway/admin_token from") \
    OPTION(gateway, identity, CHOICE, "off", ONE_OF("off", "on"), "on: requests need a token, an API key or gateway/admin_token, and may do what the roles of their principal allow; off: any client may act as any user") \
    OPTION(gateway, jwk_set_file, PATH, "", LENGTH(0, 255), "file with the JWK set whose keys sign tokens; it is read again when it changes; empty: none") \
    OPTION(gateway, jwk_set_url, TEXT, "", LENGTH(0, 255), "URL of that JWK set instead of a file, with https://, or http:// on this machine, such as https://auth.example/realms/shop/protocol/openid-connect/certs; empty: none") \
    OPTION(gateway, jwk_set_ca, PATH, "", LENGTH(0, 255), "PEM file with the certificate authorities to trust for gateway/jwk_set_url; empty: the system's") \
    OPTION(gateway, jwk_set_refresh_s, DURATION, 300, BETWEEN(1, 86400), "time between two reads of gateway/jwk_set_url; a token with an unknown key causes one earlier, at most every five seconds") \
    OPTION(gateway, token_issuer, TEXT, "", LENGTH(0, 255), "iss that a token must have; empty: any") \
    OPTION(gateway, token_audience, TEXT, "", LENGTH(0, 255), "audience that a token's aud must name; empty: any") \
    OPTION(gateway, token_leeway_s, DURATION, 30, BETWEEN(0, 600), "how far the clock of a token's issuer may differ: a token is accepted so long after exp and before nbf and iat") \
    OPTION(gateway, token_user_claim, TEXT, "sub", LENGTH(1, 64), "claim with the id of the user: a user_id, or an integer") \
    OPTION(gateway, token_roles_claim, TEXT, "roles", LENGTH(1, 64), "claim with the roles: user, seller, service, viewer, admin, as an array or separated by spaces; a token without it has the role user") \
    OPTION(gateway, token_segments_claim, TEXT, "segments", LENGTH(1, 64), "claim with the segments that the user is in, as an array or separated by spaces") \
    OPTION(gateway, token_cache, NUMBER, 65536, BETWEEN(8, 16777216), "maximum credentials per thread that are remembered after they were checked, at about 120 bytes each") \
    OPTION(gateway, api_keys_file, PATH, "", LENGTH(0, 255), "file with a row for each API key: name, role, hash, as coupond keygen --api-key prints it; it is read again when it changes; empty: none") \
    OPTION(gateway, connections_max, NUMBER, 16384, BETWEEN(1, 1000000), "maximum open connections per thread; further ones are answered 503 and closed") \
    OPTION(gateway, watchers_max, NUMBER, 10000, BETWEEN(0, 1000000), "maximum open streams of events (GET /v1/coupons/{id}/live) per thread, which count among its connections, too; further ones are answered 503") \
    OPTION(gateway, heartbeat_ms, DURATION, 10000, BETWEEN(100, 3600000), "longest silence of a stream of events; then a comment is sent, so that proxies keep it open") \
    OPTION(gateway, in_flight_max, NUMBER, 65536, BETWEEN(1, 1000000), "maximum requests per thread that wait for the issuer; further ones are answered 503") \
    OPTION(gateway, unread_bytes_max, SIZE, 67108864, BETWEEN(4096, 1099511627776), "maximum bytes per thread of answers that clients have not read; beyond it lists, /metrics, /openapi.json and /docs are answered 503") \
    OPTION(gateway, user_rate, NUMBER, 0, BETWEEN(0, 10000), "requests per second of a user on average; further ones are answered 429; 0: no limit") \
    OPTION(gateway, user_burst, NUMBER, 10, BETWEEN(1, 10000), "requests that a user may send at once before gateway/user_rate applies") \
    OPTION(gateway, address_rate, NUMBER, 0, BETWEEN(0, 10000), "requests per second of a client address on average, of an IPv6 network of 64 bits; further ones are answered 429; 0: no limit") \
    OPTION(gateway, address_burst, NUMBER, 100, BETWEEN(1, 10000), "requests that an address may send at once before gateway/address_rate applies") \
    OPTION(gateway, trusted_proxies, TEXT, "", LENGTH(0, 255), "addresses and ranges of proxies, separated by commas, such as 10.0.0.0/8,::1; only what they report about their client is believed; empty: none") \
    OPTION(gateway, proxy_header, CHOICE, "x-forwarded-for", ONE_OF("x-forwarded-for", "forwarded"), "header to which every trusted proxy appends the address of its client; the other one is ignored, because a client can send it") \
    OPTION(gateway, traces_url, TEXT, "", LENGTH(0, 255), "URL at which an OpenTelemetry collector takes traces as OTLP/HTTP in JSON, such as http://127.0.0.1:4318/v1/traces; empty: none, and no request is traced") \
    OPTION(gateway, traces_ca, PATH, "", LENGTH(0, 255), "PEM file with the certificate authorities to trust for gateway/traces_url; empty: the system's") \
    OPTION(gateway, traces_header, SECRET, "", LENGTH(0, 255), "header to send to the collector, such as Authorization: Bearer TOKEN; empty: none") \
    OPTION(gateway, traces_header_file, SECRET_FILE, "", LENGTH(0, 255), "file to read gateway/traces_header from") \
    OPTION(gateway, traces_per_million, NUMBER, 0, BETWEEN(0, 1000000), "of a million requests without a valid traceparent header, how many are traced; a request with one is traced if its sampled flag is set") \
    OPTION(gateway, traces_rate, NUMBER, 100, BETWEEN(1, 100000), "requests traced per second at most, because clients set the sampled flag") \
    OPTION(gateway, header_bytes_max, SIZE, 16384, BETWEEN(256, 1048576), "maximum bytes of the request line and headers of a request") \
    OPTION(gateway, body_bytes_max, SIZE, 16384, BETWEEN(64, 1048576), "maximum bytes of the body of a request") \
    OPTION(gateway, header_timeout_ms, DURATION, 10000, BETWEEN(10, 3600000), "time limit from the first to the last byte of a request") \
    OPTION(gateway, idle_timeout_ms, DURATION, 75000, BETWEEN(10, 3600000), "time limit between two requests of a connection; set it longer than the idle timeout of a load balancer in front") \
    OPTION(gateway, issuer_timeout_ms, DURATION, 2000, BETWEEN(10, 3600000), "how long a request waits for the issuer before the answer is 503 outcome_unknown; with cluster/members at least gateway/hold_ms") \
    OPTION(gateway, hold_ms, DURATION, 3000, BETWEEN(0, 60000), "with cluster/members, how long requests wait while no member decides their partition; then they are answered 503 issuer_unavailable; 0: at once") \
    OPTION(gateway, store_threads, NUMBER, 2, BETWEEN(0, 64), "threads that read the store for lists of issues, histories of coupons, dead letters, requests with a code, and details of older changes, each with its own connection; 0: none; all but the last are then answered 503 store_unavailable") \
    OPTION(gateway, store_queue, NUMBER, 256, BETWEEN(1, 65536), "maximum requests that wait for one of these threads; further lists and codes are answered 503 overloaded, other answers lack the details of older changes") \
    OPTION(gateway, store_timeout_ms, DURATION, 5000, BETWEEN(100, 3600000), "how long a request waits for the store; then a list or a code is answered 503 store_unavailable, and other answers lack the details of older changes") \
    OPTION(gateway, rehearsal_users_max, NUMBER, 0, BETWEEN(0, 10000000), "largest crowd of a rehearsal that an admin starts over the API, which puts real load on this system; 0: none can be started") \
    OPTION(gateway, drain_timeout_ms, DURATION, 10000, BETWEEN(0, 3600000), "how long a stop by SIGTERM waits for requests in flight") \
    OPTION(gateway, policy_ttl_ms, DURATION, 1000, BETWEEN(0, 60000), "maximum age of a cached coupon; 0: every read asks the issuer") \
    OPTION(gateway, drain_delay_ms, DURATION, 0, BETWEEN(0, 3600000), "how long the gateway still accepts connections after SIGTERM while /readyz answers 503, so that a load balancer notices") \
    OPTION(gateway, memory_mb_max, SIZE, 0, BETWEEN(0, 1048576), "maximum memory of the gateway in MiB; close to it, requests that arrive in several pieces are refused, and with even less left, new connections; 0: the limit of its control group or process") \
    OPTION(gateway, redis, URL, "", LENGTH(0, 255), "redis://USER:PASSWORD@HOST:PORT/DATABASE (only the host is required), rediss:// for TLS, or unix://PATH; gateways share cached coupons and announce changes there; use it for these gateways only; empty: no Redis") \
    OPTION(gateway, redis_password, SECRET, "", LENGTH(0, 255), "password for Redis, if gateway/redis contains none; empty: none") \
    OPTION(gateway, redis_password_file, SECRET_FILE, "", LENGTH(0, 255), "file to read gateway/redis_password from") \
    OPTION(gateway, redis_tls_ca, PATH, "", LENGTH(0, 255), "PEM file with the certificate authorities to trust for rediss://; empty: the system's") \
    OPTION(issuer, requests, ENDPOINT, "tcp://127.0.0.1:7100", LENGTH(1, 255), "endpoint that gateways connect to; partition N adds N to the port, or -N to an ipc path") \
    OPTION(issuer, local_requests, ENDPOINT, "", LENGTH(0, 255), "shm://PATH: a UNIX socket over which gateways on the same machine share memory with the issuer; partition N adds -N; empty: none") \
    OPTION(issuer, events, ENDPOINT, "tcp://127.0.0.1:7200", LENGTH(1, 255), "endpoint that persisters pull events from") \
    OPTION(issuer, acks, ENDPOINT, "tcp://127.0.0.1:7300", LENGTH(1, 255), "endpoint that persisters push acknowledgements to") \
    OPTION(issuer, member, TEXT, "", LENGTH(0, 64), "name of this issuer in cluster/members") \
    OPTION(issuer, ack, CHOICE, "standby", ONE_OF("journal", "standby"), "when an answer leaves, with cluster/members; standby: when the standby has it on its disk, too; journal: when this issuer has it, so that the loss of its machine loses the last answers") \
    OPTION(issuer, alone, CHOICE, "refuse", ONE_OF("refuse", "answer"), "what an owner without a standby does, with issuer/ack standby; refuse: requests are answered 503 until there is one; answer: it answers as if it were a single issuer") \
    OPTION(issuer, standby_timeout_ms, DURATION, 500, BETWEEN(50, 60000), "how long a standby may be silent before its owner replaces it; answers wait meanwhile") \
    OPTION(issuer, takeover_ms, DURATION, 1500, BETWEEN(100, 600000), "how long an owner may be silent before its standby takes over") \
    OPTION(issuer, partitions, NUMBER, 1, BETWEEN(1, 64), "number of partitions that coupons are distributed over; fixed for the life of a journal, and the same for every role") \
    OPTION(issuer, journal_dir, PATH, "./var/journal", LENGTH(1, 255), "directory of the journal, with one folder per partition") \
    OPTION(issuer, sync, CHOICE, "always", ONE_OF_OR(1, 60000, "always", "os"), "when the journal is synced to disk; always: before every answer; a number: at this interval in milliseconds; os: once a second, before records go to persisters") \
    OPTION(issuer, memory_mb_max, SIZE, 0, BETWEEN(0, 1048576), "maximum memory of the issuer in MiB; close to it, new issues, changes of issues and new coupons are refused; 0: the limit of its control group or process") \
    OPTION(issuer, segment_mb, SIZE, 64, BETWEEN(2, 4096), "size of a journal segment in MiB") \
    OPTION(issuer, snapshot_mb, SIZE, 256, BETWEEN(0, 1048576), "minimum growth in MiB of a partition's journal between two snapshots, which shorten recovery; 0: no snapshots") \
    OPTION(issuer, snapshot_mb_per_s, SIZE, 50, BETWEEN(0, 1048576), "maximum rate in MiB per second at which a snapshot is written; 0: no limit") \
    OPTION(issuer, keep_minutes, DURATION, 60, BETWEEN(0, 525600), "how long journal segments are kept after the store has acknowledged all their records, in case the store loses them; each start restarts the time") \
    OPTION(issuer, keep_segments, FLAG, 0, BETWEEN(0, 1), "1: keep journal segments even when two snapshots and the store have their records") \
    OPTION(issuer, check_store, FLAG, 1, BETWEEN(0, 1), "1: refuse to start when another journal filled the store, or the store has records that the journal lacks; 0: do not check, for an issuer that cannot reach the store; with cluster/members, the row of the partition in the store says whose journal counts instead") \
    OPTION(issuer, require_store, FLAG, 0, BETWEEN(0, 1), "1: at every start, wait for the store and compare the journal with it before deciding anything; 0: only a new journal waits; an issuer whose journal has records starts even if the store is unavailable") \
    OPTION(issuer, store_id, TEXT, "", LENGTH(0, 32), "id of the store to fill, as in table schema_version; empty: that of the configured store/…, or, with check_store 0, that of the first store that answers") \
    OPTION(issuer, batch_requests_max, NUMBER, 4096, BETWEEN(1, 4096), "maximum requests that are decided and synced together") \
    OPTION(issuer, stream_rows_max, NUMBER, 65536, BETWEEN(1, 65536), "maximum records in a batch to a persister; a single journal batch is never split") \
    OPTION(issuer, stream_in_flight_max, NUMBER, 4, BETWEEN(1, 64), "maximum unacknowledged batches per partition") \
    OPTION(issuer, stream_gather_ms, DURATION, 50, BETWEEN(0, 10000), "minimum time between two batches to a persister that are not full; longer gives fewer and larger transactions") \
    OPTION(issuer, resend_ms, DURATION, 3000, BETWEEN(10, 3600000), "how long a batch waits for its acknowledgement before it is resent, and as long again for each unacknowledged batch before it; doubles with each attempt up to ten times this value") \
    OPTION(issuer, clock_settle_ms, DURATION, 30000, BETWEEN(100, 86400000), "how long a step of the wall clock that the monotonic clock contradicts must last before the issuer follows it") \
    OPTION(issuer, verification_timeout_ms, DURATION, 3600000, BETWEEN(100, 86400000), "time limit for a verification that is started over the API") \
    OPTION(issuer, http, ADDRESS, "127.0.0.1:9101", LENGTH(0, 255), "address and port of /metrics, /livez and /readyz; empty: none") \
    OPTION(persister, events, ENDPOINT, "", LENGTH(0, 255), "endpoint to pull events from; empty: issuer/events; ignored with cluster/members, all of which are asked") \
    OPTION(persister, acks, ENDPOINT, "", LENGTH(0, 255), "endpoint to push acknowledgements to; empty: issuer/acks; ignored with cluster/members, all of which are answered") \
    OPTION(persister, threads, NUMBER, 1, BETWEEN(1, 64), "writers, each with its own connection to the store") \
    OPTION(persister, retry_min_ms, DURATION, 50, BETWEEN(1, 60000), "first wait after a temporary fault of the store; doubles, with jitter") \
    OPTION(persister, retry_max_ms, DURATION, 5000, BETWEEN(1, 3600000), "longest wait after a temporary fault of the store") \
    OPTION(persister, http, ADDRESS, "127.0.0.1:9102", LENGTH(0, 255), "address and port of /metrics, /livez and /readyz; empty: none") \
    OPTION(store, type, CHOICE, "sqlite", ONE_OF("sqlite", "mysql"), "database that stores the issues; mysql also stands for MariaDB") \
    OPTION(store, path, PATH, "./var/coupond.db", LENGTH(1, 255), "file of the sqlite store") \
    OPTION(store, host, TEXT, "127.0.0.1", LENGTH(0, 255), "host of the mysql store; several, separated by commas, each HOST or HOST:PORT: coupond uses the first that takes writes, beginning with the one that worked last") \
    OPTION(store, port, NUMBER, 3306, BETWEEN(1, 65535), "port of the mysql store, where store/host has none") \
    OPTION(store, socket, PATH, "", LENGTH(0, 107), "UNIX socket of the mysql store; if set, replaces host and port") \
    OPTION(store, user, TEXT, "coupond", LENGTH(0, 80), "user of the mysql store") \
    OPTION(store, password, SECRET, "", LENGTH(0, 255), "password of the mysql store") \
    OPTION(store, password_file, SECRET_FILE, "", LENGTH(0, 255), "file to read store/password from") \
    OPTION(store, database, TEXT, "coupond", LENGTH(1, 64), "database of the mysql store; it must exist") \
    OPTION(store, tls, CHOICE, "preferred", ONE_OF("off", "preferred", "required", "verify"), "encryption of the connection to the mysql store; verify also checks certificate and host name") \
    OPTION(store, tls_ca, PATH, "", LENGTH(0, 255), "PEM file with the certificate authorities to trust; empty: the system's") \
    OPTION(store, connect_timeout_ms, DURATION, 5000, BETWEEN(1000, 600000), "time limit for connecting to the mysql store") \
    OPTION(store, io_timeout_ms, DURATION, 30000, BETWEEN(1000, 3600000), "time limit for each answer of the mysql store") \
    OPTION(process, core_dumps, FLAG, 0, BETWEEN(0, 1), "1: allow core dumps, and debuggers of the same user; a core dump contains secrets and the issues of users") \
    OPTION(log, level, CHOICE, "info", ONE_OF("debug", "info", "warn", "error"), "lines below this level are not logged") \
    OPTION(log, format, CHOICE, "text", ONE_OF("text", "logfmt", "json"), "format of log lines; json writes one object per line") \
    OPTION(log, requests, FLAG, 0, BETWEEN(0, 1), "1: the gateway logs a line per request: method, route, coupon, status, duration, request id, trace id")
/* clang-format on */
