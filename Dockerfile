# The image: zonekeeper, the authorities it trusts, and an example. No shell, and nothing to load a library with.
#
#   docker build --tag zonekeeper .
#   docker run --rm zonekeeper sandbox --once        # a first look: no account, no cluster
#   docker run --rm zonekeeper plan --help
#
# A release is labelled with --build-arg VERSION=0.1.0.
#
# A private authority (a proxy that inspects TLS, an endpoint of your own) comes as a mounted PEM file which
# SSL_CERT_FILE names; it then takes the place of the bundle in the image.

# The version is that of rust-toolchain.toml. Alpine is musl throughout: what Cargo builds there is linked statically.
FROM rust:1.95.0-alpine AS build
WORKDIR /zonekeeper
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/zonekeeper/target \
    cargo build --locked --release --package zonekeeper && cp target/release/zonekeeper /usr/local/bin/

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY examples/shop /examples/shop
COPY --from=build /usr/local/bin/zonekeeper /
# Nobody's account, and by number: `runAsNonRoot` cannot judge a name.
USER 65532:65532
ENTRYPOINT ["/zonekeeper"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="zonekeeper" \
      org.opencontainers.image.description="A DNS controller for Kubernetes: one Route 53 zone, never deletes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
