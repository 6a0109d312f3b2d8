// node test/real/environments.ts FOLDER [name…]: runs skeleton.py and look.py where admins run them, with secrets in
// every option, and prints a table row for each place. Creates in FOLDER what is missing: virtual environments with pip
// and, with debootstrap (as root, on Debian), file systems with Debian's own package or the layout of upstream's.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askedByLook, lookScript } from '../../src/advice/check/look.ts';
import type { Answer } from '../../src/answer.ts';
import { compare } from '../../src/deployment/version.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { lookWords, skeletonWords } from '../../src/messages/check-scripts.ts';
import { broken, filesWith, kinds, leaks, lookLine, secret, word, workerName } from './planted.ts';
import { SYNAPSE } from './synapse.ts';

const data = new URL('../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(data);
const options = openCode(data).options();
const asked = askedByLook(knowledge, { from: '0.0.1', to: SYNAPSE, profile: new Map() });
const skeleton = readFileSync(new URL('skeleton.py', data), 'utf8');
const look = lookScript(readFileSync(new URL('look.py', data), 'utf8'), asked, options);

/**
 * Where the scripts run. `outside` is the folder into which they are written, `inside` the same folder as seen by a
 * shell in that place.
 */
type Place = {
	name: string;
	install: string;
	outside: string;
	inside: string;
	shell: (line: string) => string;
	/** The Python in the command that the bot's answers contain. */
	python: string;
};

const base = resolve(process.argv[2] ?? '.');
const wanted = process.argv.slice(3);

function must(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
	const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env, maxBuffer: 100_000_000 });
	if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${`${stdout}${stderr}`.slice(-1500)}`);
	return stdout;
}

function shellIn(prefix: readonly string[], cwd: string): (line: string) => string {
	return line => {
		const [command = '', ...args] = [...prefix, 'sh', '-c', `cd ${cwd} && ${line}`];
		const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 100_000_000 });
		return `${stdout}${stderr}`;
	};
}

/** `~/synapse/env` from upstream's installation guide, with a configuration that the release generates. */
function byPip(release: string, minor: string): Place {
	const home = join(base, `pip-${release}-python${minor}`);
	const env = { ...process.env, PYENV_VERSION: minor };
	if (!existsSync(join(home, 'ready'))) {
		rmSync(home, { recursive: true, force: true });
		mkdirSync(home, { recursive: true });
		must(`python${minor}`, ['-m', 'venv', join(home, 'env')], env);
		const pip = join(home, 'env', 'bin', 'pip');
		must(pip, ['install', '--quiet', '--upgrade', 'pip', 'setuptools<81'], env);
		// What the bot's answers say to pin in a new environment with such a release.
		const pins = compare(release, '1.146.0') < 0 ? ['prometheus-client<0.24'] : [];
		must(pip, ['install', '--quiet', '--prefer-binary', `matrix-synapse==${release}`, ...pins], env);
		const generated = must(join(home, 'env', 'bin', 'generate_config'), [
			...['--config-dir', home, '--data-dir', home, '--server-name', `${secret.toLowerCase()}.example`],
			...['--generate-secrets', '--report-stats', 'no'],
		]);
		writeFileSync(join(home, 'homeserver.yaml'), generated);
		writeFileSync(join(home, 'ready'), '');
	}
	return {
		name: `pip, Synapse ${release}`,
		install: 'pip',
		outside: home,
		inside: home,
		shell: shellIn([], home),
		python: 'env/bin/python',
	};
}

function root(name: string, suite: string, packages: readonly string[]): string {
	const folder = join(base, name);
	if (!existsSync(join(folder, 'ready'))) {
		rmSync(folder, { recursive: true, force: true });
		must('debootstrap', ['--variant=minbase', `--include=${packages.join(',')}`, suite, folder]);
		writeFileSync(join(folder, 'ready'), '');
	}
	mkdirSync(join(folder, 'root', 'look'), { recursive: true });
	// Add this machine's authorities, because it may reach the package index through a proxy.
	const authorities = '/etc/ssl/certs/ca-certificates.crt';
	if (existsSync(authorities)) {
		mkdirSync(join(folder, 'etc/ssl/certs'), { recursive: true });
		cpSync(authorities, join(folder, authorities), { dereference: true });
	}
	return folder;
}

/** Debian's own package, installed by apt. */
function byDistribution(suite: string): Place {
	const folder = root(`distro-${suite}`, suite, ['ca-certificates', 'debconf', 'adduser']);
	if (!existsSync(join(folder, 'etc/matrix-synapse/homeserver.yaml'))) {
		const policy = join(folder, 'usr/sbin/policy-rc.d');
		writeFileSync(policy, '#!/bin/sh\nexit 101\n');
		chmodSync(policy, 0o755);
		const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
		must('chroot', [folder, 'apt-get', 'install', '--yes', '--no-install-recommends', 'matrix-synapse'], env);
	}
	return placeIn(folder, `Debian's own package (${suite})`, 'distro', 'python3');
}

/** What upstream's debian/build_virtualenv and postinst create, with wheels instead of what they build. */
function likeUpstream(suite: string, debian: string): Place {
	const packages = ['ca-certificates', 'debconf', 'adduser', 'perl', 'python3', 'python3-venv', 'libpq5', 'libicu-dev'];
	const folder = root(`upstream-${suite}`, suite, packages);
	const inRoot = (...words: string[]) => must('chroot', [folder, ...words]);
	if (!existsSync(join(folder, 'configured'))) {
		const interpreter = inRoot('readlink', '-e', '/usr/bin/python3').trim();
		inRoot(interpreter, '-m', 'venv', '/opt/venvs/matrix-synapse');
		for (const path of ['/etc/pip.conf', join(process.env.HOME ?? '', '.config/pip/pip.conf')])
			if (existsSync(path)) cpSync(path, join(folder, 'etc/pip.conf'));
		const pip = Object.entries(process.env).flatMap(([name, value]) => (/^PIP_/.test(name) ? `${name}=${value}` : []));
		inRoot(
			'env',
			...pip,
			'/opt/venvs/matrix-synapse/bin/pip',
			'install',
			'--quiet',
			`matrix-synapse[redis,oidc,url-preview,jwt]==${SYNAPSE}`,
			'psycopg2-binary',
		);
		for (const path of [
			'etc/matrix-synapse',
			'var/lib/matrix-synapse',
			'var/log/matrix-synapse',
			'opt/venvs/matrix-synapse/lib',
		])
			mkdirSync(join(folder, path), { recursive: true });
		// The unchanged lines of build_virtualenv that create both of the package's configuration files.
		const recipe = readFileSync(join(debian, 'build_virtualenv'), 'utf8');
		const made = recipe.slice(
			recipe.indexOf('# build the config file'),
			recipe.indexOf('# add a dependency on the right'),
		);
		writeFileSync(
			join(folder, 'root/configure.sh'),
			`set -e\nVIRTUALENV_DIR=/opt/venvs/matrix-synapse\nTARGET_PYTHON=$VIRTUALENV_DIR/bin/python\nPACKAGE_BUILD_DIR=\n${made}`,
		);
		inRoot('bash', '/root/configure.sh');
		cpSync(join(debian, 'manage_debconf.pl'), join(folder, 'opt/venvs/matrix-synapse/lib/manage_debconf.pl'));
		chmodSync(join(folder, 'opt/venvs/matrix-synapse/lib/manage_debconf.pl'), 0o755);
		cpSync(join(debian, 'matrix-synapse-py3.postinst'), join(folder, 'root/postinst'));
		chmodSync(join(folder, 'root/postinst'), 0o755);
		// debconf finds templates next to the script. The package build removes the underscores of translatable fields.
		const templates = readFileSync(join(debian, 'templates'), 'utf8').replace(/^_/gm, '');
		writeFileSync(join(folder, 'root/templates'), templates);
		const answer = `matrix-synapse-py3 matrix-synapse/server-name string ${secret.toLowerCase()}.example\nmatrix-synapse-py3 matrix-synapse/report-stats boolean false\n`;
		writeFileSync(join(folder, 'root/answers'), answer);
		inRoot(
			'sh',
			'-c',
			'debconf-set-selections /root/answers && env DEBIAN_FRONTEND=noninteractive DPKG_MAINTSCRIPT_PACKAGE=matrix-synapse-py3 /root/postinst configure',
		);
		writeFileSync(join(folder, 'configured'), '');
	}
	return placeIn(
		folder,
		`the layout of upstream's package (${suite}), Synapse ${SYNAPSE}`,
		'debian',
		'/opt/venvs/matrix-synapse/bin/python',
	);
}

function placeIn(folder: string, name: string, install: string, python: string): Place {
	const inside = '/root/look';
	return { name, install, outside: join(folder, inside), inside, shell: shellIn(['chroot', folder], inside), python };
}

/** The command in an answer for this installation method. */
function told(answer: Answer): string {
	const run = answer.sections.find(({ title }) => title === 'Run it')?.markdown ?? '';
	return (/```bash\n([\s\S]*?)\n```/.exec(run)?.[1] ?? '').replace(/^sudo /, '');
}

function tried({ name, install, outside, inside, shell, python }: Place): string {
	const put = (file: string, text: string) => writeFileSync(join(outside, file), text);
	put('skeleton.py', skeleton);
	put('look.py', look);
	const faults: string[] = [];
	const version = shell(`${python} -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])'`).trim();
	const around = { script: skeleton, sha256: '', install, name: undefined, isRoom: true };
	const own = shell(told(skeletonWords(around)));
	if (!own.startsWith('--- # file 1\n') || /: (?:cannot be read|is not valid YAML|empty)/.test(own))
		faults.push(`its own configuration: ${own.slice(0, 200)}`);
	if (own.toLowerCase().includes(secret.toLowerCase())) faults.push('its own name is shown');
	const line = shell(told(lookWords(look, asked.length, { again: '', install }))).trim();
	if (!/^look python=3\.\d+ /.test(line) || !lookLine.test(line)) faults.push(`the look: ${line.slice(0, 300)}`);
	let runs = 0;
	for (const [kind, { yaml, hidden }] of Object.entries(kinds)) {
		const files = filesWith(yaml, options);
		for (const [file, text] of Object.entries(files)) put(`planted-${file}`, text);
		const given = Object.keys(files)
			.map(file => `${inside}/planted-${file}`)
			.join(' ');
		const kept = shell(`${python} skeleton.py ${given}`);
		const said = shell(`${python} look.py ${given}`).trim();
		runs += 2;
		if (kept.length < 20_000) faults.push(`${kind}: the skeleton says too little: ${kept.slice(0, 200)}`);
		for (const word_ of [secret, word, workerName])
			if (kept.includes(word_)) faults.push(`${kind}: ${word_} in the skeleton`);
		faults.push(...leaks(kept, hidden).map(line => `${kind}: ${line}`));
		if (!lookLine.test(said)) faults.push(`${kind}: the look says ${said.slice(0, 200)}`);
	}
	for (const [what, text] of broken) {
		put('planted-broken.yaml', text);
		for (const script of ['skeleton.py', 'look.py']) {
			runs++;
			const said = shell(`${python} ${script} ${inside}/planted-broken.yaml`);
			if (said.includes(secret) || said.includes(word)) faults.push(`${what}: ${script} repeats it`);
		}
	}
	for (const fault of faults) console.error(`${name}: ${fault}`);
	const shown = line.replace(/ (\?\S+)/g, '').slice(0, 160);
	return `| ${name} | ${version} | ${own.split('\n').filter(one => one.startsWith('--- # file')).length} | ${shown} | ${runs} | ${faults.length} |`;
}

const places: Record<string, () => Place> = {
	'pip-3.6': () => byPip('1.47.1', '3.6'),
	'pip-3.7': () => byPip('1.81.0', '3.7'),
	'pip-3.8': () => byPip('1.98.0', '3.8'),
	'pip-3.9': () => byPip('1.120.2', '3.9'),
	'pip-3.10': () => byPip('1.136.0', '3.10'),
	'pip-3.11': () => byPip('1.163.2', '3.11'),
	'pip-3.12': () => byPip('1.163.2', '3.12'),
	'pip-3.13': () => byPip('1.163.2', '3.13'),
	'distro-sid': () => byDistribution('sid'),
	'upstream-bookworm': () => likeUpstream('bookworm', process.env.SYNAPSE_DEBIAN ?? ''),
	'upstream-sid': () => likeUpstream('sid', process.env.SYNAPSE_DEBIAN ?? ''),
};
console.log(
	'| where | Python | files of its own | the look, with what it decides | runs with secrets | faults |\n| --- | --- | --- | --- | --- | --- |',
);
for (const [name, place] of Object.entries(places))
	if (!wanted.length || wanted.includes(name)) console.log(tried(place()));
