# Glia in a container, for amd64 and arm64: no part of it is compiled for a processor, so the base image decides.
#   docker build -t glia .          podman build -t glia .
# Nothing has to be writable but /data, the store; see compose.yaml and docs/operating.md.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /opt/glia
COPY package.json package-lock.json ./
COPY crypto ./crypto
# The base image brings Node.js, so the one that npm would fetch is left out, and with it all else that is optional.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY src ./src
COPY commands ./commands
COPY knowledge ./knowledge
COPY tools/prepare.js ./tools/
# Compiled here, since the container may not write; without it each start would take a second longer.
RUN node tools/prepare.js && test -s knowledge/compiled.json && rm -r tools
COPY LICENSE config.sample.yaml ./
RUN node src/start.cjs say '!upgrade 1.98 1.150' > /dev/null

FROM ${NODE_IMAGE}
# npm and its like are not needed to run.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
	/usr/local/bin/yarn /usr/local/bin/yarnpkg \
	&& mkdir -m 0700 /data && chown 1000:1000 /data
COPY --from=build /opt/glia /opt/glia
WORKDIR /opt/glia
ENV NODE_ENV=production GLIA_STORE_PATH=/data GLIA_HEALTH_LISTEN=127.0.0.1:9090 GLIA_LOG_FORMAT=json
VOLUME /data
USER 1000:1000
# The port of the variable, whatever address it is listened at.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m --retries=3 \
	CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.GLIA_HEALTH_LISTEN.split(':').pop() + '/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=4", "src/start.cjs"]
CMD ["--config", "/etc/glia/config.yaml"]
