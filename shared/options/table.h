/*
 * Every option of coupond, a row each. The parser, --help-config, docs/configuration.md and its test read this.
 * OPTION(section, name, kind, default, bounds, help)
 *   kind: how a value is checked, shown and documented (options/kind.c):
 *     CHOICE       ONE_OF("a", "b"), or ONE_OF_OR(1, 9, "a", "b") with whole numbers beside the words
 *     NUMBER       a whole number BETWEEN(1, 9)
 *     DURATION     the same, of the unit that ends its name: _ms, _minutes
 *     FLAG         0 or 1
 *     ADDRESS      HOST:PORT to listen on; as all of the following, text of a LENGTH(0, 255)
 *     ENDPOINT     where roles meet: tcp://, ipc://, shm://
 *     URL          of Redis; may hold a password, which is never shown
 *     PATH         a file or folder
 *     SECRET       never shown
 *     SECRET_FILE  NAME_file: the file to read the secret NAME from, if there is an option NAME
 *     TEXT         anything else
 */
/* clang-format off */
#define OPTION_TABLE(OPTION) \
    OPTION(cluster, secret_file, SECRET_FILE, "", LENGTH(0, 255), "file with the secret that all roles of a cluster share, made by coupond keygen: sockets between roles are encrypted and admit nobody without it; empty: anybody who reaches them is believed") \
    OPTION(gateway, http, ADDRESS, "127.0.0.1:8080", LENGTH(1, 255), "address and port to serve HTTP on; [::1]:8080 for IPv6, localhost:8080 for 127.0.0.1 and ::1, *:8080 for all addresses of IPv4 and IPv6") \
    OPTION(gateway, operator_http, ADDRESS, "127.0.0.1:+10", LENGTH(0, 255), "address and port of /metrics, /livez and /readyz; HOST:+N is N above the port of gateway/http; empty: none") \
    OPTION(gateway, public_metrics, FLAG, 0, BETWEEN(0, 1), "1: gateway/http answers /metrics, too, to whoever reaches it") \
    OPTION(gateway, cors_origins, TEXT, "", LENGTH(0, 255), "origins whose web pages may use the API from a browser, with commas between them, such as https://shop.example,http://localhost:3000; *: all; empty: none, and no answer speaks of origins") \
    OPTION(gateway, threads, NUMBER, 1, BETWEEN(1, 64), "event loops, each on a thread of its own") \
    OPTION(gateway, requests, ENDPOINT, "", LENGTH(0, 255), "where the issuer takes requests; empty: issuer/local_requests, else issuer/requests") \
    OPTION(gateway, admin_token, SECRET, "", LENGTH(0, 255), "bearer token that creating and changing coupons needs; empty: none") \
    OPTION(gateway, admin_token_file, SECRET_FILE, "", LENGTH(0, 255), "file to read gateway/admin_token from") \
    OPTION(gateway, connections_max, NUMBER, 16384, BETWEEN(1, 1000000), "open connections of one thread; more are answered 503 and closed") \
    OPTION(gateway, in_flight_max, NUMBER, 65536, BETWEEN(1, 1000000), "requests of one thread that wait for the issuer; more are answered 503") \
    OPTION(gateway, unread_bytes_max, NUMBER, 67108864, BETWEEN(4096, 1099511627776), "answers of one thread that clients have not read, in bytes; beyond it lists and /metrics are answered 503") \
    OPTION(gateway, header_bytes_max, NUMBER, 16384, BETWEEN(256, 1048576), "request line and headers of one request, in bytes") \
    OPTION(gateway, body_bytes_max, NUMBER, 16384, BETWEEN(64, 1048576), "body of one request, in bytes") \
    OPTION(gateway, header_timeout_ms, DURATION, 10000, BETWEEN(10, 3600000), "from the first byte of a request to its last") \
    OPTION(gateway, idle_timeout_ms, DURATION, 75000, BETWEEN(10, 3600000), "between two requests of a connection; longer than a load balancer in front keeps an idle one") \
    OPTION(gateway, issuer_timeout_ms, DURATION, 2000, BETWEEN(10, 3600000), "how long a request waits for the issuer before 503 outcome_unknown") \
    OPTION(gateway, drain_timeout_ms, DURATION, 10000, BETWEEN(0, 3600000), "how long SIGTERM waits for requests in flight") \
    OPTION(gateway, policy_ttl_ms, DURATION, 1000, BETWEEN(0, 60000), "maximum age of a cached coupon; 0: the issuer is asked every time") \
    OPTION(gateway, drain_delay_ms, DURATION, 0, BETWEEN(0, 3600000), "how long SIGTERM goes on accepting connections while /readyz already says 503, for a load balancer to notice") \
    OPTION(gateway, memory_mb_max, NUMBER, 0, BETWEEN(0, 1048576), "MiB of memory that the gateway may take; near it requests that come in pieces are refused, and when even less is left, new connections too; 0: as much as its control group and its process limits allow") \
    OPTION(gateway, redis, URL, "", LENGTH(0, 255), "redis://USER:PASSWORD@HOST:PORT/DATABASE (all but the host may be left out), rediss:// with TLS, or unix://PATH: where gateways share what they know of coupons and hear of changes; for these gateways alone; empty: none") \
    OPTION(gateway, redis_password, SECRET, "", LENGTH(0, 255), "password of Redis, if it is not in gateway/redis; empty: none") \
    OPTION(gateway, redis_password_file, SECRET_FILE, "", LENGTH(0, 255), "file to read gateway/redis_password from") \
    OPTION(gateway, redis_tls_ca, PATH, "", LENGTH(0, 255), "PEM file with the authorities to trust for rediss://; empty: the system's") \
    OPTION(issuer, requests, ENDPOINT, "tcp://127.0.0.1:7100", LENGTH(1, 255), "endpoint that gateways connect to; partition N adds N to the port, or -N to an ipc path") \
    OPTION(issuer, local_requests, ENDPOINT, "", LENGTH(0, 255), "shm://PATH: gateways of the same machine connect to this UNIX socket and share memory with the issuer; partition N adds -N; empty: none") \
    OPTION(issuer, events, ENDPOINT, "tcp://127.0.0.1:7200", LENGTH(1, 255), "endpoint that persisters pull events from") \
    OPTION(issuer, acks, ENDPOINT, "tcp://127.0.0.1:7300", LENGTH(1, 255), "endpoint that persisters push acknowledgements to") \
    OPTION(issuer, partitions, NUMBER, 1, BETWEEN(1, 64), "partitions that coupons are spread over; fixed for the life of a journal, the same for every role") \
    OPTION(issuer, journal_dir, PATH, "./var/journal", LENGTH(1, 255), "directory of the journal, one folder a partition") \
    OPTION(issuer, sync, CHOICE, "always", ONE_OF_OR(1, 60000, "always", "os"), "always: before every answer; a number: every so many milliseconds; os: only ahead of the stream") \
    OPTION(issuer, memory_mb_max, NUMBER, 0, BETWEEN(0, 1048576), "MiB of memory that the issuer may take; near it new users and coupons are refused; 0: as much as its control group and its process limits allow") \
    OPTION(issuer, segment_mb, NUMBER, 64, BETWEEN(2, 4096), "size of one journal segment, in MiB") \
    OPTION(issuer, snapshot_mb, NUMBER, 256, BETWEEN(0, 1048576), "MiB that a partition's journal grows by, at the least, between two snapshots, which shorten recovery; 0: none") \
    OPTION(issuer, snapshot_mb_per_s, NUMBER, 50, BETWEEN(0, 1048576), "MiB a second at which a snapshot is written; 0: as fast as the disk takes it") \
    OPTION(issuer, keep_minutes, DURATION, 60, BETWEEN(0, 525600), "how long journal segments stay after the store has acknowledged all of their records, should that have been wrong; each start begins anew") \
    OPTION(issuer, keep_segments, FLAG, 0, BETWEEN(0, 1), "1: keep journal segments whose records are in two snapshots and in the store") \
    OPTION(issuer, check_store, FLAG, 1, BETWEEN(0, 1), "1: refuse to start beside a store that another journal filled, or that knows more than the journal; 0: the issuer cannot reach the store") \
    OPTION(issuer, require_store, FLAG, 0, BETWEEN(0, 1), "1: wait for the store at every start, to compare the journal with it before anything is decided; 0: only a new journal waits, one with records goes on without a store that is away") \
    OPTION(issuer, store_id, TEXT, "", LENGTH(0, 32), "id of the store to fill, as schema_version has it; empty: the one that the issuer finds at store/…, or, with check_store 0, the one that answers first") \
    OPTION(issuer, batch_requests_max, NUMBER, 4096, BETWEEN(1, 4096), "requests decided and synced together at the most") \
    OPTION(issuer, stream_rows_max, NUMBER, 65536, BETWEEN(1, 65536), "records in one batch to a persister; a single journal batch is never split") \
    OPTION(issuer, stream_in_flight_max, NUMBER, 4, BETWEEN(1, 64), "batches of a partition that wait for their acknowledgement") \
    OPTION(issuer, stream_gather_ms, DURATION, 50, BETWEEN(0, 10000), "from one batch to a persister to the next that is not full: fewer and larger transactions") \
    OPTION(issuer, resend_ms, DURATION, 3000, BETWEEN(10, 3600000), "how long a batch waits for its acknowledgement before it is sent again, and as long again for each one under way before it; doubles each time up to ten times this") \
    OPTION(issuer, clock_settle_ms, DURATION, 30000, BETWEEN(100, 86400000), "how long a step of the machine's clock that the monotonic clock contradicts must last before it is believed") \
    OPTION(issuer, http, ADDRESS, "127.0.0.1:9101", LENGTH(0, 255), "address and port of /metrics, /livez and /readyz; empty: none") \
    OPTION(persister, events, ENDPOINT, "", LENGTH(0, 255), "where to pull events from; empty: issuer/events") \
    OPTION(persister, acks, ENDPOINT, "", LENGTH(0, 255), "where to push acknowledgements to; empty: issuer/acks") \
    OPTION(persister, threads, NUMBER, 1, BETWEEN(1, 64), "writers, each with a connection to the store of its own") \
    OPTION(persister, retry_min_ms, DURATION, 50, BETWEEN(1, 60000), "first wait after a passing fault of the store; doubles, with jitter") \
    OPTION(persister, retry_max_ms, DURATION, 5000, BETWEEN(1, 3600000), "longest wait after a passing fault of the store") \
    OPTION(persister, http, ADDRESS, "127.0.0.1:9102", LENGTH(0, 255), "address and port of /metrics, /livez and /readyz; empty: none") \
    OPTION(store, type, CHOICE, "sqlite", ONE_OF("sqlite", "mysql"), "where issues are stored; mysql is MariaDB, too") \
    OPTION(store, path, PATH, "./var/coupond.db", LENGTH(1, 255), "file of the sqlite store") \
    OPTION(store, host, TEXT, "127.0.0.1", LENGTH(0, 255), "host of the mysql store") \
    OPTION(store, port, NUMBER, 3306, BETWEEN(1, 65535), "port of the mysql store") \
    OPTION(store, socket, PATH, "", LENGTH(0, 107), "UNIX socket of the mysql store; used instead of host and port when set") \
    OPTION(store, user, TEXT, "coupond", LENGTH(0, 80), "user of the mysql store") \
    OPTION(store, password, SECRET, "", LENGTH(0, 255), "password of the mysql store") \
    OPTION(store, password_file, SECRET_FILE, "", LENGTH(0, 255), "file to read store/password from") \
    OPTION(store, database, TEXT, "coupond", LENGTH(1, 64), "database of the mysql store; it must exist") \
    OPTION(store, tls, CHOICE, "preferred", ONE_OF("off", "preferred", "required", "verify"), "encryption to the mysql store; verify checks certificate and host name") \
    OPTION(store, tls_ca, PATH, "", LENGTH(0, 255), "PEM file with the authorities to trust; empty: the system's") \
    OPTION(store, connect_timeout_ms, DURATION, 5000, BETWEEN(1000, 600000), "limit for connecting to the mysql store") \
    OPTION(store, io_timeout_ms, DURATION, 30000, BETWEEN(1000, 3600000), "limit for one answer of the mysql store") \
    OPTION(process, core_dumps, FLAG, 0, BETWEEN(0, 1), "1: a crash may leave a core, and debuggers of the same user may attach; a core holds the secrets and who has which coupon") \
    OPTION(log, level, CHOICE, "info", ONE_OF("debug", "info", "warn", "error"), "lines below this level are not logged") \
    OPTION(log, format, CHOICE, "text", ONE_OF("text", "logfmt", "json"), "how log lines look; json is an object a line") \
    OPTION(log, requests, FLAG, 0, BETWEEN(0, 1), "1: the gateway logs a line for each request: method, route, coupon, status, duration, request id, trace id")
/* clang-format on */
