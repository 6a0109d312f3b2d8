// Follows a guide on a played machine: every stage's own commands, and whether they show what the guide says.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Guided, GuidedStage, GuidedStep } from '../../../src/advice/guide/guide.ts';
import { guideFor } from '../../../src/advice/guide/guide.ts';
import { parseTerm, profileOf } from '../../../src/deployment/facts.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { guideRefusalWords } from '../../../src/messages/guide.ts';
import { build } from './layouts.ts';
import { answering, type Left, lookAround, moveIn, oneTimeKeys } from './people.ts';
import { databasePassword, type Job, type Played, prepare, sh, surroundingsOf } from './played.ts';
import { provokeAll } from './provoked.ts';
import { curedChecksums } from './provoked-packages.ts';
import { openShell, type Shell } from './shell.ts';
import type { Result } from './trial.ts';

/** What came of one stage or failure; the caller adds the day, the versions and the hash. */

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Job;
const results: Result[] = [];
process.once('exit', () => writeFileSync(job.results, JSON.stringify(results)));

async function known(): Promise<Guide> {
	const { guides } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const guide = guides.find(({ id }) => id === job.guide);
	if (!guide) throw new Error(`no guide ${job.guide}`);
	return guide;
}

/** The guide as the played administrator reads it. */
async function read(): Promise<Guided> {
	const guide = await known();
	const profile = profileOf(job.facts.flatMap(fact => parseTerm(fact) ?? []));
	if (!(profile instanceof Map)) throw new Error(`no guide ${job.guide} for ${job.facts.join(' ')}`);
	const stated = new Map(Object.entries(job.stated));
	const guided = guideFor(guide, { stated, profile }, []);
	if (guided.refused.length) throw new Error(guided.refused.map(guideRefusalWords).join(' '));
	return guided;
}

let shell: Shell | undefined;
/** What the administrator copies out of a client. */
let adminToken = '';

/** Pastes what a step says into the one shell of this trial. Returns all it said. */
function type(script: string, played: Played): Promise<string> {
	shell ??= openShell(played.cwd, surroundingsOf(played));
	// What programs ask for is a password, twice when it is a new one, once for each role.
	if (/^read -rsp/.test(script)) return shell.paste(script, { typed: `${adminToken}\n` });
	const answers = /--pwprompt/.test(script) ? Array<string>(2 * ownersIn(played)).fill(databasePassword) : [];
	return shell.paste(script, { answers });
}

/** How many roles the list of databases names; one where there is no list yet. */
function ownersIn({ cwd }: Played): number {
	const list = join(cwd, 'databases.txt');
	if (!existsSync(list)) return 1;
	const owners = readFileSync(list, 'utf8')
		.split('\n')
		.flatMap(line => line.split('|')[1] ?? []);
	return new Set(owners).size || 1;
}

/** Changes lines of a file that is there, as the diff says; fails where one of them is not there. */
function edit(file: string, diff: string): void {
	const lines = readFileSync(file, 'utf8').split('\n');
	let at = 0;
	// By how much the file is indented more than the diff.
	let deeper = 0;
	for (const line of diff.split('\n').filter(text => text.trim() !== '')) {
		const [sign, text] = [line[0], line.slice(1)];
		if (sign === '+') {
			lines.splice(at++, 0, ' '.repeat(Math.max(0, indentOf(text) + deeper)) + text.trim());
			continue;
		}
		const found = lines.findIndex((other, i) => i >= at && other.trim() === text.trim());
		if (found < 0) throw new Error(`${file} has no line “${text}”`);
		deeper = indentOf(lines[found] ?? '') - indentOf(text);
		if (sign === '-') lines.splice(found, 1);
		at = sign === '-' ? found : found + 1;
	}
	writeFileSync(file, lines.join('\n'));
}

/** What a reader puts a password of his own for. */
const chosen = 'CHOSEN-SECRET';

/** The file that a guide means; Synapse’s configuration lies in a folder of its own. */
function placeOf(file: string, { cwd }: Played): string {
	return file === 'homeserver.yaml' ? join(cwd, 'files', file) : resolve(cwd, file);
}

function indentOf(line: string): number {
	return line.length - line.trimStart().length;
}

async function does(step: GuidedStep, stage: GuidedStage, played: Played): Promise<void> {
	if (step.concerned === 'unknown') throw new Error(`${stage.id}: it is not known whether a step concerns this layout`);
	if (step.edit) edit(placeOf(step.edit.file, played), step.edit.diff.replaceAll(chosen, databasePassword));
	if (step.file) writeFileSync(join(played.cwd, step.file.name), step.file.text);
	if (!step.commands || step.language !== 'bash') return;
	const said = await type(step.commands, played);
	for (const wanted of step.shows) {
		const pieces = wanted.split('…');
		let from = 0;
		for (const piece of pieces) {
			const at = said.indexOf(piece, from);
			if (at < 0) throw new Error(`${stage.id}: expected “${wanted}” in what was shown:\n${said.slice(-3000)}`);
			from = at + piece.length;
		}
	}
	if (/Nothing must be printed/.test(step.see ?? '') && said.trim() !== '')
		throw new Error(`${stage.id}: expected nothing to be printed, got:\n${said}`);
	if (/FAILED/.test(said)) throw new Error(`${stage.id}: a part failed:\n${said}`);
}

async function follow(stage: GuidedStage, played: Played, counts = true): Promise<void> {
	console.log(`  ${stage.id}: ${stage.title}`);
	for (const step of stage.steps) await does(step, stage, played);
	if (counts) results.push({ of: stage.id });
}

async function session(played: Played): Promise<void> {
	const guided = await read();
	await answering();
	const left = await moveIn();
	adminToken = left.people[0]?.token ?? '';
	const { stages, cleanUp } = guided;
	const start = stages.find(({ down }) => down === 'ends');
	if (!start) throw new Error('no stage ends the time in which the server is down');
	const untilStart = stages.slice(0, stages.indexOf(start));
	for (const stage of untilStart) await follow(stage, played);
	if (job.flow === 'back') await backAndForth(guided, untilStart, left, played);
	await follow(start, played);
	for (const stage of stages.slice(stages.indexOf(start) + 1)) await follow(stage, played);
	await inUse(left);
	if (job.flow === 'back') await backLate(guided, left, played);
	else for (const stage of cleanUp) await follow(stage, played);
	if (job.flow !== 'back') await lookAround(left);
}

/** What the stage says to do besides its commands: people log in, find everything, and say something. */
async function inUse(left: Left): Promise<void> {
	await answering();
	await lookAround(left);
}

async function backAndForth(guided: Guided, stages: readonly GuidedStage[], left: Left, played: Played): Promise<void> {
	for (const stage of guided.wayBack.before) await follow(stage, played);
	await inUse(left);
	console.log('  … and once more onward');
	forget(guided, played);
	const again = stages.slice(stages.findIndex(({ down }) => down === 'begins'));
	for (const stage of again) await follow(stage, played, false);
}

/** Removes what a first attempt left, as whoever tries again has to. */
function forget({ parameters }: Guided, played: Played): void {
	const { cwd } = played;
	const value = (name: string) => parameters.find(parameter => parameter.name === name)?.value ?? '';
	const { layout, to = '', from = '' } = job.stated;
	if (job.guide === 'sqlite-postgres') {
		const again = `dropdb -U USER ${value('dbname')} && createdb -U USER -T template0 -E UTF8 --locale=C -O ${value('user')} ${value('dbname')}`;
		sh(
			layout === 'compose'
				? `cd ${cwd}; ${again.replaceAll('USER', 'synapse').replaceAll(/(dropdb|createdb)/g, 'docker compose exec -T db $1')}`
				: `cd /; ${again.replaceAll('-U USER ', '').replaceAll(/(dropdb|createdb)/g, 'runuser -u postgres -- $1')}`,
			surroundingsOf(played),
		);
		return;
	}
	if (layout === 'compose') sh(`cd ${cwd} && rm -rf ${value('new-data')} ${value('backup')}`);
	if (layout === 'debian')
		sh(`pg_dropcluster ${to} ${value('cluster')}; rm -rf ${value('backup')}; pg_lsclusters | grep ${from}`);
	if (layout === 'managed') {
		sh(`rm -rf ${join(cwd, value('backup'))}`);
		sh(
			`psql -X -h new.example -U boss -d postgres -c 'DROP DATABASE synapse' -c 'DROP DATABASE mas' -c 'DROP DATABASE bridge' -c 'DROP ROLE synapse' -c 'DROP ROLE mas' -c 'DROP ROLE bridge'`,
			{
				...process.env,
				PATH: `${job.root}/bin:${process.env.PATH}`,
				PGPASSWORD: databasePassword,
			},
		);
	}
}

/** Back after the new server was in use: the old state, and no key that was given out since is given out again. */
async function backLate(guided: Guided, left: Left, played: Played): Promise<void> {
	const whole = guided.wayBack.after.find(({ id }) => id === 'back-sqlite-late');
	if (whole) {
		await follow(whole, played);
		await inUse(left);
		if ((await oneTimeKeys(left)) !== 0) throw new Error('one-time keys of before would be given out once more');
		return;
	}
	const back = guided.wayBack.before[0];
	const late = guided.wayBack.after.find(({ id }) => id === 'back-late');
	if (!back || !late) return;
	if (job.stated.layout === 'compose') await type('docker compose stop', played);
	else await type('systemctl stop matrix-synapse', played);
	const starts = (step: GuidedStep) => /^(docker compose up -d|systemctl start \S+)$/.test(step.commands?.trim() ?? '');
	if (job.stated.layout === 'managed')
		edit(join(played.cwd, 'files/homeserver.yaml'), '-    host: new.example\n+    host: old.example');
	for (const step of back.steps.filter(step => !starts(step))) await does(step, back, played);
	await follow(late, played);
	await type(job.stated.layout === 'compose' ? 'docker compose up -d' : 'systemctl start matrix-synapse', played);
	await inUse(left);
	const keys = await oneTimeKeys(left);
	if (keys !== 0) throw new Error(`${keys} one-time keys of before would be given out once more`);
}

const played = prepare(job);
if (job.flow === 'failures') {
	const guide = await known();
	await provokeAll(job, played, guide, results);
	if (job.stated.layout === 'debian') curedChecksums(played);
} else {
	build(job, played);
	await session(played);
}
process.exit();
