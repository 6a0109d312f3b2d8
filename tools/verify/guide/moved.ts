// The move itself, in separate namespaces: an old server in the official layout with users on it, the guide's own
// commands, Synapse with the playbook's homeserver.yaml, each known error once, and the way back with all messages.
// Long because everything here shares one machine, one shell and one list of results.
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guided, GuidedStage } from '../../../src/advice/guide/guide.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { build, buildSqliteBeside } from './layouts.ts';
import { has, shortened } from './move.ts';
import { moveErrors } from './moved-errors.ts';
import { masBack, masClone, masThere } from './moved-mas.ts';
import { ansibleScript, dockerScript, rsyncScript, sshScript } from './moved-programs.ts';
import { moveSqlite } from './moved-sqlite.ts';
import type { Moving } from './moving.ts';
import { answering, type Left, lookAround, moveIn, password } from './people.ts';
import { addresses, type Played, prepare, sh, surroundingsOf } from './played.ts';
import { systemctlScript } from './played-systemctl.ts';
import { typedFor } from './reader.ts';
import { openShell, type Shell } from './shell.ts';
import { promisesSilence } from './silence.ts';
import { guidedFor } from './vars.ts';

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Moving;
const { root } = job;
const matrix = join(root, 'matrix');
const results: { of: string; saw?: string; with?: Record<string, string> }[] = [];
process.once('exit', () => writeFileSync(job.results, JSON.stringify(results)));

/** The old server occupies the usual port on every address, so a new one has another port. */
const port = job.stated.server === 'external' ? '5432' : '5433';

/** The folder for the dumps on the new machine, if that is not the old one. */
const newDump = job.stated.place === 'new' ? join(root, 'new-move') : job.dump;

/** The units that the playbook has installed. */
const units: Record<string, string> = {
	...(job.stated.server !== 'external' && { 'matrix-postgres': `bash ${root}/new-postgres.sh` }),
	'matrix-synapse': `${job.python} -m synapse.app.homeserver -c ${root}/new.yaml`,
};

/** Replaces the container's and the playbook's folders with folders below ours. */
const here = (text: string) =>
	text.replace(/(?<![\w.-])\/matrix\//g, `${matrix}/`).replace(/(?<![\w.-])\/run-postgres/g, `${root}/socket`);

const played = prepare(job);
const old = job.servers['15'];
const now = played.servers['18'];
if (!old || !now) throw new Error('a version of PostgreSQL is missing');
const oldPath = [...(played.servers['15']?.path ?? []), join(root, 'bin'), process.env.PATH].join(':');
const newPath = [...now.path, join(root, 'bin'), process.env.PATH].join(':');

function executable(name: string, text: string): void {
	writeFileSync(join(root, 'bin', name), `#!/bin/bash\n${text}\n`);
	chmodSync(join(root, 'bin', name), 0o755);
}

/** Writes stand-ins for the programs that the guide and the playbook call. */
function programs(): void {
	sh(`mv ${root}/bin/docker ${root}/bin/docker-services
printf '${addresses.new} matrix-postgres\\n' >> ${root}/hosts`);
	const { cwd } = played;
	const places = { root, matrix, port, path: newPath, cwd, dump: { old: job.dump, new: newDump } };
	executable('docker', dockerScript(job.python, places));
	mkdirSync(join(matrix, 'postgres/bin'), { recursive: true });
	symlinkSync(join(root, 'socket'), join(matrix, 'postgres/run'));
	mkdirSync(join(matrix, 'synapse/config'), { recursive: true });
	mkdirSync(join(matrix, 'synapse/storage/media-store'), { recursive: true });
	writeFileSync(join(matrix, 'postgres/env-postgres-psql'), `${job.restore.env}\nPGPORT=${port}\n`);
	executable(
		'cli',
		`mapfile -t settings < <(grep '^[A-Z]' ${matrix}/postgres/env-postgres-psql)\nPATH=${newPath} exec env "\${settings[@]}" psql -h ${root}/socket "$@"`,
	);
	sh(`cp ${root}/bin/cli ${matrix}/postgres/bin/cli-non-interactive`);
	writeFileSync(join(root, 'restore.sh'), here(job.restore.command).replaceAll(job.dump, newDump));
	executable('ansible-playbook', ansibleScript(places, Object.keys(units).join(' ')));
	executable('apt-get', 'exit 0');
	executable('rsync', rsyncScript(places));
	executable('ssh', sshScript(places));
	executable('systemctl', systemctlScript(root, units));
	writeFileSync(join(root, 'new.yaml'), configuration());
	writeFileSync(join(matrix, `synapse/config/${job.host}.log.config`), 'version: 1\nroot: { level: WARNING }\n');
}

/** The playbook's homeserver.yaml, with this machine's folders in place of the container's. */
function configuration(): string {
	return here(
		job.homeserver
			.replaceAll('/data/', '/matrix/synapse/config/')
			.replaceAll('/matrix-media-store-parent/', '/matrix/synapse/storage/')
			.replaceAll('/homeserver.pid', `${root}/new-homeserver.pid`)
			.replaceAll("- '::'", '- 127.0.0.1')
			.replace('port: 5432', `port: ${port}`),
	);
}

/** Adds the user that the playbook creates. */
function userMatrix(): void {
	sh(`for file in passwd group; do cp /etc/$file ${root}/$file; done
echo 'matrix:x:3991:3991::/:/usr/sbin/nologin' >> ${root}/passwd; echo 'matrix:x:3991:' >> ${root}/group
mount --bind ${root}/passwd /etc/passwd; mount --bind ${root}/group /etc/group`);
}

/** Does what the playbook's role does when it installs PostgreSQL. */
function newDatabase(): void {
	userMatrix();
	const password = /^PGPASSWORD=(.*)$/m.exec(job.restore.env)?.[1] ?? '';
	const data = join(root, 'new-data');
	const user = `setpriv --reuid ${played.user} --regid ${played.group} --clear-groups`;
	sh(
		`mkdir -p ${data} ${root}/socket && echo '${password}' > ${root}/password && chown ${played.user} ${data} ${root}/socket
${user} initdb -D ${data} -U matrix --pwfile=${root}/password --auth-local=scram-sha-256 --auth-host=scram-sha-256 --lc-collate C --lc-ctype C --encoding UTF8 > /dev/null
echo 'host all all all scram-sha-256' >> ${data}/pg_hba.conf`,
		{ ...process.env, PATH: newPath },
	);
	const settings = [
		`port=${port}`,
		`listen_addresses=${addresses.new}`,
		`unix_socket_directories=${root}/socket`,
		'fsync=off',
	];
	writeFileSync(
		join(root, 'new-postgres.sh'),
		`PATH=${newPath} exec ${user} postgres -D ${data} ${settings.map(one => `-c ${one}`).join(' ')}\n`,
	);
	type('systemctl start matrix-postgres');
	sh(
		`for i in $(seq 100); do pg_isready -q -p ${port} -h ${root}/socket && break; sleep 0.1; done
createdb -p ${port} -h ${root}/socket -U matrix matrix`,
		{ ...process.env, PATH: newPath, PGPASSWORD: password },
	);
	writeFileSync(join(root, 'managed.sql'), job.restore.managed);
	type(`${matrix}/postgres/bin/cli-non-interactive -v ON_ERROR_STOP=0 --file=${root}/managed.sql`);
}

let shell: Shell | undefined;
/** The administrator's access token, once there is one. */
let token = '';

/** Pastes into the one shell that all blocks of the guide are pasted into, with this machine's folders. */
function paste(block: string, mayFail: boolean, isOld = true): Promise<string> {
	shell ??= openShell(played.cwd, {
		...surroundingsOf(played),
		// Someone who keeps an external server has its client programs, and types its password.
		...(job.stated.server === 'external' ? { PATH: oldPath } : { PGPASSWORD: '' }),
	});
	const typed = block.startsWith('read -rsp') ? `${typedFor(block, { token, password })}\n` : '';
	const there = here(block);
	return shell.paste(isOld ? there : there.replaceAll(job.dump, newDump), { mayFail, typed });
}

/** Runs one of the test's own commands, in a separate shell. Returns its output; throws if it fails, unless it may. */
function type(script: string, { mayFail = false, at = played.cwd } = {}): string {
	const { status, output } = spawnSync('bash', ['-c', `set -eo pipefail\ncd '${at}'\nexec 2>&1\n${here(script)}`], {
		encoding: 'utf8',
		env: { ...surroundingsOf(played), PGPASSWORD: '' },
		timeout: 300_000,
		maxBuffer: 100_000_000,
	});
	const said = output.map(text => text ?? '').join('');
	if (status !== 0 && !mayFail) throw new Error(`ended with ${status}:\n${script}\n${said.slice(-3000)}`);
	return said;
}

async function raw(): Promise<Guide> {
	const { guides } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const found = guides.find(({ id }) => id === job.guide);
	if (!found) throw new Error(`there is no guide ${job.guide}`);
	return found;
}

async function guide(): Promise<Guided> {
	const { from: _, ...stated } = job.stated;
	return guidedFor(await raw(), { name: 'guide', stated, facts: job.facts }, job.release);
}

/** Runs the commands of a stage, and checks the output. `only` leaves out steps that cannot run here. */
async function follow(
	stage: GuidedStage,
	only: (commands: string) => boolean = () => true,
	by?: Record<string, string>,
): Promise<string> {
	console.log(`  ${stage.id}: ${stage.title}`);
	let all = '';
	for (const { text = '', commands, file, shows, check, concerned, see } of stage.steps) {
		if (concerned !== true) throw new Error(`${stage.id}: it is not known whether a step applies`);
		if (file) writeFileSync(join(played.cwd, file.name), file.text);
		if (!commands || !only(commands)) continue;
		const said = await paste(commands, check, /^[^.]*\bold machine\b/.test(text));
		if (promisesSilence({ see }) && said.trim() !== '')
			throw new Error(`${stage.id}: expected nothing to be printed, got:\n${said.slice(-2000)}`);
		for (const wanted of shows)
			if (!has(said, wanted)) throw new Error(`${stage.id}: expected “${wanted}” in:\n${said.slice(-2000)}`);
		all += said;
	}
	results.push({ of: stage.id, ...(by && { with: by }) });
	return all;
}

/** The move of a server on SQLite, on the same machine. */
async function moveFromSqlite(): Promise<void> {
	programs();
	buildSqliteBeside(played as Played);
	pepper();
	type('docker compose up -d synapse');
	await answering();
	const left = await moveIn();
	token = left.people[0]?.token ?? '';
	const { stages, wayBack, cleanUp } = await guide();
	await moveSqlite(left, {
		cwd: played.cwd,
		type,
		install() {
			newDatabase();
			writeFileSync(join(matrix, 'synapse/config/homeserver.yaml'), job.homeserver);
		},
		follow: (id, only) => follow(stageOf([...stages, ...wayBack.before, ...wayBack.after, ...cleanUp], id), only),
		async followAgain() {
			for (const stage of wayBack.again) await follow(stage);
		},
	});
}

function stageOf(stages: readonly GuidedStage[], id: string): GuidedStage {
	const stage = stages.find(other => other.id === id);
	if (!stage) throw new Error(`the guide has no stage ${id} here`);
	return stage;
}

/** The three numbers that are compared after the restore. */
function counts(said: string): string {
	return /^\d+\|\d+\|\d+$/m.exec(said)?.[0] ?? `none in ${said.slice(-500)}`;
}

async function keysServed(): Promise<string> {
	const response = await fetch('http://127.0.0.1:8048/_matrix/key/v2/server');
	return Object.keys(((await response.json()) as { verify_keys: object }).verify_keys).join();
}

/** Starts Synapse with a changed configuration. Returns its output. */
function start(change: (config: string) => string, before = ''): string {
	writeFileSync(join(root, 'trial.yaml'), change(configuration()));
	return type(`timeout 60 ${before} ${job.python} -m synapse.app.homeserver -c ${root}/trial.yaml`, {
		mayFail: true,
		at: root,
	});
}

/** Causes each error that a reader of the guide may see. */
function provoke(texts: ReadonlyMap<string, string>): void {
	const tries = moveErrors({ job, matrix, type, here, start });
	for (const [id, attempt] of Object.entries(tries)) {
		const said = attempt();
		const wanted = texts.get(id);
		if (wanted === undefined) throw new Error(`the guide has no failure ${id}`);
		const seen = has(said, wanted);
		console.log(`  ${id}: ${seen ? 'seen' : `NOT SEEN in ${said.slice(-1500)}`}`);
		if (seen) results.push({ of: id, saw: shortened(said, wanted) });
		else unseen.push(id);
	}
}

/** Moves the database of Matrix Authentication Service there or back, if there is a clone of MAS. */
async function moveMas(isThere: boolean): Promise<void> {
	const clone = masClone();
	if (!clone) return;
	const cli = `${matrix}/postgres/bin/cli-non-interactive`;
	const hands = { root, clone, cli, type: (script: string) => type(script), paste };
	const { layout: _, from: __, ...stated } = job.stated;
	const facts = [...job.facts.filter(fact => fact !== 'no-oidc'), 'mas'];
	const { stages, wayBack } = guidedFor(await raw(), { name: 'guide', stated, facts }, job.release);
	await (isThere ? masThere(stages, hands) : masBack(wayBack.after, hands));
}

const unseen: string[] = [];

async function loginRefused(): Promise<string> {
	const response = await fetch('http://127.0.0.1:8008/_matrix/client/v3/login', {
		method: 'POST',
		body: JSON.stringify({ type: 'm.login.password', identifier: { type: 'm.id.user', user: 'ada' }, password }),
	});
	return await response.text();
}

/** Follows the stages from the stop to the restore. Resolves to the three numbers, which must not have changed. */
async function downUntilRestored({ stages }: Guided): Promise<string> {
	await follow(stageOf(stages, 'stop'));
	const before = counts(await follow(stageOf(stages, 'dump')));
	const after = counts(await follow(stageOf(stages, 'restore')));
	if (before !== after) throw new Error(`restore: ${before} before, ${after} after`);
	console.log(`  users, events, last position: ${after}`);
	return before;
}

/** Backs up an external database: the old server's own, over the network. */
async function backUpExternal(): Promise<void> {
	const { layout: _, from: __, ...stated } = job.stated;
	const external = { ...stated, server: 'external', 'db-host': addresses.old };
	const { stages } = guidedFor(await raw(), { name: 'guide', stated: external, facts: job.facts }, job.release);
	shell?.end();
	shell = openShell(played.cwd, { ...surroundingsOf(played), PATH: oldPath });
	const said = await follow(stageOf(stages, 'back-up'), undefined, { way: 'keep', login: 'synapse' });
	if (!(Number(/^\d+$/m.exec(said)?.[0]) > 100)) throw new Error(`back-up: expected hundreds of lines:\n${said}`);
	shell.end();
	shell = undefined;
}

/** Adds a pepper, as many old servers have one. */
function pepper(): void {
	appendFileSync(join(played.cwd, 'files/homeserver.yaml'), `password_config: { pepper: "${job.pepper}" }\n`);
}

async function populated(): Promise<Left> {
	programs();
	// A container that was started by hand is from a compose file here. In the other guide, `data` is PostgreSQL's
	// folder.
	build({ ...job, stated: { layout: 'compose', from: job.stated.from ?? '' } }, played as Played);
	type('docker compose stop synapse');
	pepper();
	type('docker compose up -d synapse');
	await answering();
	return await moveIn();
}

async function move(): Promise<void> {
	const left = await populated();
	const guided = await guide();
	const { stages, wayBack } = guided;
	const isWhole = job.stated.place !== 'new';
	// Leave out what needs public names or Docker's own folder.
	await follow(stageOf(stages, 'look'), commands => !/curl|\/var\/lib\/docker/.test(commands));
	newDatabase();
	writeFileSync(join(matrix, 'synapse/config/homeserver.yaml'), job.homeserver);
	await follow(stageOf(stages, 'keys'));
	const compared = await follow(stageOf(stages, 'compare'));
	if ((compared.match(/^same /gm) ?? []).length !== 4) throw new Error(`compare: expected four matches:\n${compared}`);
	await follow(stageOf(stages, 'media-first'));
	await follow(stageOf(wayBack.before, 'back-installed'));
	await lookAround(left);
	await downUntilRestored(guided);
	await follow(stageOf(wayBack.before, 'back-before'));
	await answering();
	await lookAround(left);
	console.log('  … and forward again');
	for (const stage of wayBack.again) await follow(stage);
	const before = await downUntilRestored(guided);
	if (isWhole) await moveMas(true);
	await follow(stageOf(stages, 'media-last'));
	await startNew(stages);
	await lookAround(left);
	const key = readFileSync(join(played.cwd, 'files/signing.key'), 'utf8').split(' ')[1];
	if ((await keysServed()) !== `ed25519:${key}`) throw new Error(`the key is ${await keysServed()}, expected ${key}`);
	console.log('  everyone logs in and finds everything, and the key is the old one');
	if (isWhole) await provokeEach();
	for (const stage of wayBack.after) await follow(stage);
	if (isWhole) await moveMas(false);
	await answering();
	await sleep(500);
	await lookAround(left);
	const said = counts(
		type(
			`docker compose exec -T db psql -U synapse -d synapse -Atc "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM events), (SELECT max(stream_ordering) FROM events)"`,
		),
	);
	console.log(`  back again: ${said}`);
	if (Number(said.split('|')[1]) <= Number(before.split('|')[1]))
		throw new Error('messages from after the move are lost');
	if (isWhole) {
		await backUpExternal();
		// These are the test's own, not the guide's.
		type(`rm ${job.dump}/owned.sql.gz ${job.dump}/unowned.sql.gz`);
	}
	// The rollback has started it again, but the clean-up is for a server that stayed off.
	type('docker compose stop synapse');
	for (const stage of guided.cleanUp) await follow(stage);
	if (unseen.length) throw new Error(`not seen: ${unseen.join(', ')}`);
}

/** The move of a server whose PostgreSQL stays: both servers use the same database. */
async function moveKeeping(): Promise<void> {
	const left = await populated();
	const { stages, wayBack, cleanUp } = await guide();
	const through = async (...ids: string[]) => {
		for (const id of ids) await follow(stageOf([...stages, ...wayBack.before, ...wayBack.after], id));
	};
	await follow(stageOf(stages, 'look'), commands => !/curl|\/var\/lib\/docker/.test(commands));
	userMatrix();
	writeFileSync(join(matrix, 'synapse/config/homeserver.yaml'), job.homeserver);
	await through('keys', 'compare', 'media-first', 'stop', 'back-up', 'back-before');
	await answering();
	await lookAround(left);
	console.log('  … and forward again');
	await through('stop', 'back-up', 'media-last');
	await startNew(stages);
	await lookAround(left);
	await through('back-after-stop', 'back-after-media');
	await answering();
	await lookAround(left);
	for (const stage of cleanUp) await follow(stage);
}

async function startNew(stages: readonly GuidedStage[]): Promise<void> {
	const started = await follow(stageOf(stages, 'start'), commands => /--tags=start|docker exec/.test(commands));
	if (!/^active$/m.test(started) || !started.includes('"versions"'))
		throw new Error(`start: Synapse does not respond:\n${started.slice(-2000)}`);
	await answering();
}

/** Causes every error that the guide knows. Afterwards, the new server runs as before. */
async function provokeEach(): Promise<void> {
	type('systemctl stop matrix-synapse');
	const failures = (await raw()).stages.flatMap(stage => stage.failures);
	provoke(new Map(failures.map(({ id, text }) => [id, text] as const)));
	writeFileSync(join(root, 'new.yaml'), configuration().replace(job.pepper, 'another pepper'));
	type('systemctl start matrix-synapse');
	await answering();
	const refused = await loginRefused();
	if (has(refused, 'Invalid username or password')) results.push({ of: 'empty-server', saw: refused.slice(0, 200) });
	else unseen.push('empty-server');
	type('systemctl stop matrix-synapse');
	writeFileSync(join(root, 'new.yaml'), configuration());
	type('systemctl start matrix-synapse');
	await answering();
}

if (job.facts.includes('sqlite')) await moveFromSqlite();
else await (job.stated.server === 'external' ? moveKeeping() : move());
process.exit();
