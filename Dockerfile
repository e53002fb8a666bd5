# Two images: zonekeeper, the authorities it trusts, and nothing else; and the sandbox for a first look.
#
#   docker build --tag zonekeeper .
#   docker run --rm zonekeeper plan --help
#
#   docker build --tag zonekeeper-sandbox --target sandbox --build-arg FEATURES=sandbox .
#   docker run --rm zonekeeper-sandbox               # no account, no cluster
#
# A release is labelled with --build-arg VERSION=0.1.0. release/build.sh replaces the stage `build` with a folder, which
# holds the program for one architecture. So a release has no compiler of a registry's image in it.
#
# A private authority (a proxy that inspects TLS, an endpoint of your own) comes as a mounted PEM file. SSL_CERT_FILE
# names this file, which then takes the place of the bundle in the image.

# The version is that of rust-toolchain.toml. Alpine is musl throughout: what Cargo builds there is linked statically.
FROM rust:1.95.0-alpine AS build
# The emulator of Route 53 is only in the sandbox. A controller never needs it.
ARG FEATURES=
WORKDIR /zonekeeper
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/zonekeeper/target \
    cargo build --locked --release --package zonekeeper --no-default-features --features "$FEATURES" \
    && cp target/release/zonekeeper /usr/local/bin/

# No shell, and nothing to load a library with.
FROM scratch AS controller
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/bin/zonekeeper /
# Nobody's account, and by number: `runAsNonRoot` cannot judge a name.
USER 65532:65532
ENTRYPOINT ["/zonekeeper"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="zonekeeper" \
      org.opencontainers.image.description="A DNS controller for Kubernetes: one Route 53 zone, never deletes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

FROM controller AS sandbox
COPY examples/shop /examples/shop
CMD ["sandbox", "--once"]

# The default.
FROM controller
