#!/bin/sh
# Runs `npm ci && npm test` on a fresh clone, as on a new machine: the PATH only has Node.js, npm, Python 3, git and
# basic Unix commands, and HOME is empty, so there is no cache. If that Node.js is too old, it first checks that every
# way to start without the Node.js that npm installs ends in one sentence. Takes about 20 minutes and needs the network.
#
# Usage: test/clean-machine.sh [node]
# `node`: the Node.js to use, with npm in the same folder; by default the one on the PATH
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
node=$(readlink -f "$(command -v "${1:-node}")")
npm=$(dirname "$node")/npm
python=$(readlink -f "$(python3 -c 'import sys; print(sys.executable)')")
place=$(mktemp -d "${TMPDIR:-/tmp}/glia-clean.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 1' INT TERM HUP

# If this runs as root, the tests run PostgreSQL as another user, who must be able to reach its programs here.
chmod 755 "$place"
mkdir "$place/bin" "$place/home" "$place/tmp"
ln -s "$node" "$place/bin/node"
ln -s "$(readlink -f "$npm")" "$place/bin/npm"
ln -s "$python" "$place/bin/python3"
# The second line has the commands in the guides' blocks, which the tests paste into bash. Debian always has them.
for command in git sh cat chmod cp dirname env grep head id kill ln ls mkdir mv printf rm sed sleep sort tail touch tr uname wc \
	awk basename bash cmp comm cut date df diff du find gunzip gzip realpath rmdir seq setsid stat uniq xargs; do
	path=$(command -v "$command")
	case $path in /*) ln -s "$path" "$place/bin/$command" ;; esac
done

# Of this environment, pass on only what a network behind a proxy needs.
set -- "HOME=$place/home" "PATH=$place/bin" "TMPDIR=$place/tmp" LANG=C.UTF-8
for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS SSL_CERT_FILE PIP_CERT; do
	value=$(printenv "$name" || true)
	[ -z "$value" ] || set -- "$@" "$name=$value"
done
clean() {
	env -i "$@"
}

git clone -q --no-hardlinks "$source" "$place/glia"
cd "$place/glia"
echo "Node.js $("$node" --version), npm $(clean "$@" npm --version), $("$python" --version), git; on the PATH: $(ls "$place/bin" | tr '\n' ' ')"

# one_sentence COMMAND...: it must exit with status 1 and print exactly one line, which says which Node.js is needed.
one_sentence() {
	status=0
	output=$("$@" 2>&1) || status=$?
	if [ "$status" != 1 ] || [ "$(printf '%s\n' "$output" | wc -l)" != 1 ] || ! printf '%s\n' "$output" | grep -q '^Glia needs Node.js '; then
		printf 'not one sentence (status %s):\n%s\n' "$status" "$output"
		exit 1
	fi
	printf '%s\n' "$output"
}

if ! "$node" src/node-version.cjs 2>/dev/null; then
	one_sentence clean "$@" node src/main.ts
	one_sentence clean "$@" npm -s start
	for flag in --omit=optional --ignore-scripts; do
		clean "$@" npm ci --silent "$flag"
		one_sentence clean "$@" node src/main.ts --version
		one_sentence clean "$@" npm -s start -- --version
		one_sentence clean "$@" npm -s test
		rm -rf node_modules
	done
	rm -rf "$place/home" && mkdir "$place/home"
fi

clean "$@" npm ci
clean "$@" npm test
