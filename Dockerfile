# Glia in a container, for amd64 and arm64. The program is one file of JavaScript and WebAssembly, the same for every
# processor, so it is built on the build machine's platform; only Node.js comes from the target's base image.
#   docker build -t glia .          podman build --format docker -t glia .
# Only /data, the store, has to be writable. See compose.yaml and docs/operating.md.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /opt/glia
COPY package.json package-lock.json ./
COPY crypto ./crypto
# Includes the bundler, a development dependency. Install scripts are not needed: the base image already has Node.js.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY src ./src
COPY commands ./commands
COPY knowledge ./knowledge
COPY tools/build ./tools/build
COPY tools/prepare.js ./tools/
RUN node tools/prepare.js && node tools/build/main.ts /opt/glia.cjs

FROM ${NODE_IMAGE}
# npm, yarn and corepack are not needed at run time.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
	/usr/local/bin/yarn /usr/local/bin/yarnpkg \
	&& mkdir -m 0700 /data && chown 1000:1000 /data
WORKDIR /opt/glia
COPY --from=build /opt/glia.cjs ./
COPY LICENSE config.sample.yaml ./
# Node.js stores compiled modules under the ID of the user that runs them. They are compiled here, because the container
# cannot write next to the program, and without them, each start would take twice as long. `say` loads one half of the
# modules, a bot without a homeserver the other.
RUN ln -s /opt/glia/glia.cjs /usr/local/bin/glia && mkdir glia.cjs.cache && chown 1000:1000 glia.cjs.cache \
	&& user='setpriv --reuid=1000 --regid=1000 --clear-groups' \
	&& $user glia say '!upgrade 1.98 1.150' > /dev/null \
	&& { GLIA_MATRIX_HOMESERVER=http://127.0.0.1:9 GLIA_MATRIX_USER=@glia:localhost GLIA_MATRIX_PASSWORD=none GLIA_MATRIX_ALLOW=localhost \
		GLIA_STORE_PATH=/tmp/none $user glia --config config.sample.yaml 2>&1 | grep -q 'nothing is listening'; } \
	&& rm -r /tmp/none && chown -R 0:0 glia.cjs.cache && chmod -R a+rX glia.cjs.cache \
	&& NODE_DEBUG_NATIVE=COMPILE_CACHE $user glia --version 2>&1 | grep -q 'main.cjs was accepted'
ENV NODE_ENV=production GLIA_STORE_PATH=/data GLIA_HEALTH_LISTEN=127.0.0.1:9090 GLIA_LOG_FORMAT=json
VOLUME /data
USER 1000:1000
# Uses the port from the variable, whatever the address.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m --retries=3 \
	CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.GLIA_HEALTH_LISTEN.split(':').pop() + '/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=4", "/opt/glia/glia.cjs"]
CMD ["--config", "/etc/glia/config.yaml"]
