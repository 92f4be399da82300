# One image for all roles: docker build -t coupond . && docker run --rm -p 127.0.0.1:8080:8080 coupond
FROM debian:bookworm-slim AS web
WORKDIR /web
# build/web is what ./dev pages has installed; without it npm installs the same here.
COPY build/we[b] web/package.json web/package-lock.json ./
RUN cmp -s package-lock.json installed \
    || { apt-get update \
        && apt-get install -y --no-install-recommends ca-certificates npm \
        && npm ci --no-audit --no-fund --ignore-scripts; }

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY packages.txt .
RUN apt-get update \
    && awk '$1 == "build" { print $2 }' packages.txt | xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
COPY . .
COPY --from=web /web/node_modules build/web/node_modules
RUN cmake --preset release \
    && cmake --build --preset release --target coupond \
    && cmake --install build/release --prefix /usr/local --strip

FROM debian:bookworm-slim
# The libraries of the program, and the certificate authorities that store/tls = verify trusts.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        libcurl4 \
        libczmq4 \
        libhiredis0.14 \
        libhttp-parser2.9 \
        libjansson4 \
        libmariadb3 \
        libmicrohttpd12 \
        libsodium23 \
        libsqlite3-0 \
        libssl3 \
        libsystemd0 \
        libuv1 \
        libxxhash0 \
        libzmq5 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 coupond \
    && useradd --uid 10001 --gid coupond --home-dir /var/lib/coupond --no-create-home --shell /usr/sbin/nologin coupond \
    && install -d -o coupond -g coupond -m 0750 /var/lib/coupond /etc/coupond
COPY --from=build /usr/local/bin/coupond /usr/local/bin/coupond
USER 10001:10001
WORKDIR /var/lib/coupond
VOLUME /var/lib/coupond
EXPOSE 8080
STOPSIGNAL SIGTERM
# For `coupond dev`; docker-compose.yml sets the check of each role.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["coupond", "health", "gateway", "--set", "gateway/http=0.0.0.0:8080"]
ENTRYPOINT ["coupond"]
CMD ["dev", "--dir", "/var/lib/coupond", "--http", "0.0.0.0:8080"]
