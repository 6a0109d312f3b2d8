#!/bin/sh
# Runs `npm ci && npm test` on a fresh clone as on a new machine: nothing on the PATH but Node.js, npm, Python 3, git and
# the basic commands of a Unix; an empty HOME, so no cache. With a Node.js that is too old by itself, it checks first that
# each way to start without npm's own Node.js ends in one sentence. Takes about 20 minutes and needs the network.
#
# Usage: test/clean-machine.sh [node]     `node`: the Node.js to use, with npm beside it; otherwise that of the PATH
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
node=$(readlink -f "$(command -v "${1:-node}")")
npm=$(dirname "$node")/npm
python=$(readlink -f "$(python3 -c 'import sys; print(sys.executable)')")
place=$(mktemp -d "${TMPDIR:-/tmp}/glia-clean.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 1' INT TERM HUP

# For root, PostgreSQL runs as another user, who must reach its programs there.
chmod 755 "$place"
mkdir "$place/bin" "$place/home" "$place/tmp"
ln -s "$node" "$place/bin/node"
ln -s "$(readlink -f "$npm")" "$place/bin/npm"
ln -s "$python" "$place/bin/python3"
# The second line is what the blocks of the guides call, which the tests paste into bash: Debian always has it.
for command in git sh cat chmod cp dirname env grep head id kill ln ls mkdir mv printf rm sed sleep sort tail touch tr uname wc \
	awk basename bash cmp comm cut date df diff du find gunzip gzip realpath rmdir seq setsid stat uniq xargs; do
	path=$(command -v "$command")
	case $path in /*) ln -s "$path" "$place/bin/$command" ;; esac
done

# What a network behind a proxy needs; nothing else of this environment.
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

# one_sentence COMMAND...: it must end with status 1 and print exactly one line, which says what Node.js is needed.
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
