// Follows a guide on a simulated machine: the commands of every stage, the ways back, and users who must find
// everything again.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Guided, GuidedStep } from '../../../src/advice/guide/guide.ts';
import { guideFor, leftBehind, wayBackFrom } from '../../../src/advice/guide/guide.ts';
import { parseTerm, profileOf } from '../../../src/deployment/facts.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { guideRefusalWords } from '../../../src/messages/guide.ts';
import { readInSecret, type Secret, writeInSecret } from './encrypted.ts';
import { build, buildLate } from './layouts.ts';
import { localesAreKept, localesOf } from './locales.ts';
import { answering, type Left, lookAround, moveIn, oneTimeKeys } from './people.ts';
import { buildPlaybook } from './playbook-machine.ts';
import { bridgeUnit, hasBridge, type Job, type Played, prepare, sh, surroundingsOf } from './played.ts';
import { backUp, provokeProofs } from './proofs.ts';
import { provokeAll } from './provoked.ts';
import { icuGoesUnseen } from './provoked-damage.ts';
import { brokenOff, curedChecksums } from './provoked-packages.ts';
import { brokenDumpGoesUnseen } from './provoked-playbook.ts';
import { edit, openReader, type Reader } from './reader.ts';
import { lateCameAlong, settingsCameAlong } from './settings.ts';
import type { Result } from './trial.ts';

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Job;
const results: Result[] = [];
process.once('exit', () => writeFileSync(job.results, JSON.stringify(results)));

async function known(): Promise<Guide> {
	const { guides } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const guide = guides.find(({ id }) => id === job.guide);
	if (!guide) throw new Error(`no guide ${job.guide}`);
	return guide;
}

/** The guide as the simulated administrator reads it; `more` are further parameters they state. */
function guidedBy(guide: Guide, more: Record<string, string> = {}): Guided {
	const profile = profileOf(job.facts.flatMap(fact => parseTerm(fact) ?? []));
	if (!(profile instanceof Map)) throw new Error(`the facts contradict each other: ${job.facts.join(' ')}`);
	const stated = new Map(Object.entries({ ...job.stated, ...more }));
	const guided = guideFor(guide, { stated, profile }, []);
	if (guided.refused.length) throw new Error(guided.refused.map(guideRefusalWords).join(' '));
	return guided;
}

/** The existing users, and the encrypted messages of two of them. */
type Before = { left: Left; secret: Secret };

async function peopled(): Promise<Before> {
	await answering();
	return { left: await moveIn(), secret: await writeInSecret() };
}

async function follow(guided: Guided, played: Played): Promise<void> {
	const before = await peopled();
	const locales = job.locale && localesOf(job, played);
	const reader = openReader(played, results, job.locale && job.stated.layout === 'compose' ? ['look'] : []);
	reader.token = before.left.people[0]?.token ?? '';
	const { stages, cleanUp } = guided;
	const start = stages.find(({ down }) => down === 'ends');
	if (!start) throw new Error('no stage ends the downtime');
	const untilStart = stages.slice(0, stages.indexOf(start));
	for (const [index, stage] of untilStart.entries()) {
		await reader.follow(stage);
		if (stage.id === 'look' && job.stated.layout !== 'managed') buildLate(job, played);
		const isLast = index === untilStart.length - 1;
		if (job.flow === 'each' || (job.flow === 'back' && isLast)) await backAndAgain(guided, index, before, reader);
	}
	await reader.follow(start);
	for (const stage of stages.slice(stages.indexOf(start) + 1)) await reader.follow(stage);
	await inUse(before);
	if (locales) localesAreKept(job, locales, localesOf(job, played));
	if (job.guide === 'postgres-major' && job.stated.layout === 'compose') settingsCameAlong(job, played);
	if (stages.some(({ id }) => id === 'look') && job.stated.layout !== 'managed') lateCameAlong(job, played);
	if (job.flow === 'back') await backLate(guided, before, { played, reader });
	else for (const stage of cleanUp) await reader.follow(stage);
	if (job.flow !== 'back') await inUse(before);
}

/** What stages require besides commands: users log in, find everything, and write something. */
async function inUse({ left, secret }: Before): Promise<void> {
	await answering();
	await lookAround(left);
	await readInSecret(secret);
	if (hasBridge(job)) sh(`systemctl is-active ${bridgeUnit}`, surroundingsOf(played));
}

/** Follows the way back from this stage, lets users use the server, and repeats what was undone. */
async function backAndAgain(guided: Guided, reached: number, before: Before, reader: Reader): Promise<void> {
	const { stages } = guided;
	const back = wayBackFrom(guided, reached);
	if (!back.length) return;
	for (const stage of back) await reader.follow(stage);
	await inUse(before);
	for (const stage of leftBehind(guided, reached)) await reader.follow(stage);
	console.log('  … and forward again');
	const undone = stages.findIndex(({ id }) => id === back[0]?.from);
	// Once the server has run again, the earlier counts and dumps are out of date.
	const begins = stages.findIndex(({ down }) => down === 'begins');
	for (const stage of stages.slice(Math.min(undone, begins), reached + 1)) await reader.follow(stage, false);
}

/** Goes back after the new server was in use: the old state returns, and no key is handed out a second time. */
async function backLate(
	guided: Guided,
	before: Before,
	{ played, reader }: { played: Played; reader: Reader },
): Promise<void> {
	const whole = guided.wayBack.after.find(({ id }) => id === 'back-sqlite-late');
	const back = guided.wayBack.before.at(-1);
	const late = guided.wayBack.after.find(({ id }) => id === 'back-late');
	if (whole) await reader.follow(whole);
	else if (!back || !late) return;
	else {
		const services: Record<string, [stop: string, start: string, told?: string]> = {
			compose: ['docker compose stop', 'docker compose up -d'],
			debian: ['xargs systemctl stop < units.txt', 'xargs systemctl start < units.txt'],
			managed: ['systemctl stop matrix-synapse', 'systemctl start matrix-synapse'],
			mdad: ['systemctl stop matrix-synapse', 'systemctl start matrix-synapse', 'just start-all'],
		};
		const { [job.stated.layout ?? '']: found } = services;
		if (!found) throw new Error(`no command is known that stops ${job.stated.layout}`);
		const [stop, start, told = start] = found;
		await reader.paste(stop);
		const starts = (step: GuidedStep) => step.commands?.trim() === told;
		if (!back.steps.some(starts)) throw new Error(`${back.id} does not start anything with “${told}”`);
		if (job.stated.layout === 'managed')
			edit(join(played.cwd, 'files/homeserver.yaml'), '-    host: new.example\n+    host: old.example');
		for (const step of back.steps.filter(step => !starts(step))) await reader.does(step, back);
		await reader.follow(late);
		await reader.paste(start);
	}
	await inUse(before);
	const keys = await oneTimeKeys(before.left);
	if (keys !== 0) throw new Error(`${keys} one-time keys from before would be handed out again`);
}

/** Creates a backup, then restores, checks and removes the copy, while the server keeps running. */
async function prove(guide: Guide, played: Played): Promise<void> {
	const before = await peopled();
	const guided = guidedBy(guide, backUp(job, played));
	const reader = openReader(played, results);
	for (const stage of [...guided.stages, ...guided.cleanUp]) await reader.follow(stage);
	await inUse(before);
}

async function everyError(guide: Guide, played: Played): Promise<void> {
	if (guide.id === 'backup') {
		build(job, played);
		await peopled();
		return provokeProofs(job, played, more => guidedBy(guide, more), results);
	}
	await provokeAll(job, played, guide, results);
	if (job.stated.layout === 'debian') {
		curedChecksums(played);
		brokenOff(played, guidedBy(guide, { way: 'dump' }));
	}
	if (job.guide === 'postgres-major' && job.stated.layout === 'compose') icuGoesUnseen(job, played);
	if (job.guide === 'postgres-major' && job.stated.layout === 'mdad') brokenDumpGoesUnseen(job, played);
}

const played = prepare(job);
const guide = await known();
if (job.flow === 'failures') await everyError(guide, played);
else {
	if (job.stated.layout === 'mdad') buildPlaybook(job, played);
	else build(job, played);
	if (job.guide === 'backup') await prove(guide, played);
	else await follow(guidedBy(guide), played);
}
process.exit();
