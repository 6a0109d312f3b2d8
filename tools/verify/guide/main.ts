// npm run verify -- guide <name> [word…]: follows a guide's own commands on simulated machines with real PostgreSQL and
// Synapse, and writes what was seen to knowledge/guides/tried.json. Words choose cases: `compose`, `15-17`, `failures`.
import {
	chmodSync,
	existsSync,
	mkdtempSync,
	readFileSync,
	readlinkSync,
	rmdirSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareNumbers } from '../../../src/deployment/facts.ts';
import { isCandidate } from '../../../src/deployment/version.ts';
import { recipeOf } from '../../../src/knowledge/guide-hash.ts';
import { readFiles, readKnowledge } from '../../../src/knowledge/load.ts';
import type { Guide, Knowledge, Release, Tried } from '../../../src/knowledge/schema/synapse.ts';
import { environment, Unavailable } from '../machine/environment.ts';
import { type Case, casesOf } from './cases.ts';
import { deployments, filledIn } from './deployments.ts';
import { renderedFor, settingIn } from './moving.ts';
import { inNamespaces } from './namespace.ts';
import { openPlaybook, type Playbook } from './playbook.ts';
import type { Job, PlaybookOf } from './played.ts';
import { icuServer, server } from './servers.ts';
import { tableOf } from './table.ts';
import type { Result, Trial } from './trial.ts';
import { guidedFor, varsOf } from './vars.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const file = new URL('guides/tried.json', folder);

/** Follows the guide in all cases, or in those with all the words. Resolves to the exit status. */
export async function verifyGuide(
	name: string,
	words: readonly string[],
	{ playbook }: { playbook?: string | undefined } = {},
): Promise<number> {
	const known = readKnowledge(folder);
	if (name === 'table') {
		writeFileSync(new URL('../docs/guides-stages.md', folder), tableOf(known.guides, readFiles(folder).files.tried));
		return 0;
	}
	const guide = known.guides.find(({ id }) => id === name);
	if (guide && name === 'mdad') {
		const { verifyMove } = await import('./move.ts');
		return told(await verifyMove(guide, known, { playbook, words }, trials => keepTrials(guide, trials)));
	}
	const cases = casesOf(name).filter(({ id }) => words.every(word => id.split(' ').includes(word)));
	if (!guide || !cases.length) {
		const names = known.guides.map(({ id }) => id).join(', ');
		console.error(
			`No case matches ${[name, ...words].join(' ')}. Guides: ${names}. Cases: ${casesOf(name)
				.map(({ id }) => id)
				.join('; ')}`,
		);
		return 1;
	}
	if (process.getuid?.() !== 0) {
		console.error('The simulated machines run in separate namespaces, which needs root.');
		return 1;
	}
	const failed: string[] = [];
	for (const [i, one] of cases.entries()) {
		console.log(`[${i + 1}/${cases.length}] ${name} ${one.id}`);
		try {
			await play(guide, one, known, playbook);
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			if (!(error instanceof Unavailable)) failed.push(`${one.id}: ${why}`);
			console.log(`  ${error instanceof Unavailable ? 'cannot be tried here' : 'FAILED'}: ${why}`);
		}
	}
	console.log(`\n${cases.length} cases`);
	return told(failed);
}

/** Prints the failures. Returns the exit status. */
function told(failed: readonly string[]): number {
	for (const line of failed) console.log(`\nFailed: ${line}`);
	console.log(`\n${failed.length} failed`);
	return failed.length ? 1 : 0;
}

/** The newest release of Synapse that starts on this major version of PostgreSQL. */
function releaseOn(major: string, releases: readonly Release[]): Release {
	const fitting = releases.filter(
		({ version, withdrawn, postgresql }) =>
			!withdrawn && !isCandidate(version) && (!postgresql || compareNumbers(postgresql, major) <= 0),
	);
	const release = fitting.at(-1);
	if (!release) throw new Unavailable(`no release of Synapse runs on PostgreSQL ${major}`);
	return release;
}

/** The clone, with a vars.yml as the guide of the move writes it. */
function playbookFor(known: Knowledge, { dir, roles, missing, ansible, synapse }: Playbook): PlaybookOf {
	const move = known.guides.find(({ id }) => id === 'mdad');
	const [deployment] = deployments;
	if (!move || !deployment) throw new Error('there is no guide mdad');
	const guided = guidedFor(move, deployment, synapse);
	return {
		dir,
		roles: roles.filter(role => !missing.includes(role)),
		ansible: ansible.bin,
		vars: filledIn(varsOf(guided)),
		host: `matrix.${deployment.name}.example.org`,
	};
}

/** The homeserver.yaml that the playbook renders from such a vars.yml, with the simulated server's secrets. */
function configurationBy(known: Knowledge, playbook: Playbook, root: string): string {
	const move = known.guides.find(({ id }) => id === 'mdad');
	if (!move) throw new Error('there is no guide mdad');
	return renderedFor(move, playbook, { ...settingIn(root), pepper: '' }, playbook.synapse).homeserver;
}

type Played = { results: Result[]; one: Case; versions: Record<string, string> };

/** Runs one case in separate namespaces. Throws an error that says what failed. */
async function play(guide: Guide, one: Case, known: Knowledge, playbook: string | undefined): Promise<void> {
	const { stated, facts, flow } = one;
	const release = releaseOn(one.oldest ?? '18', known.releases);
	const opened = stated.layout === 'mdad' ? await openPlaybook(playbook) : undefined;
	const servers = Object.fromEntries(
		await Promise.all(
			one.servers.map(
				async major =>
					[major, await (one.locale === 'icu' ? icuServer(major) : server(major, flow !== 'failures'))] as const,
			),
		),
	);
	const root = mkdtempSync(join(tmpdir(), 'glia-guide-'));
	chmodSync(root, 0o755);
	const results = join(root, 'results.json');
	const python = await environment(release);
	const job: Job = {
		guide: guide.id,
		stated:
			guide.id === 'sqlite-postgres' && stated.layout === 'debian'
				? { ...stated, venv: join(root, 'synapse') }
				: stated,
		facts,
		flow,
		python,
		release: release.version,
		servers,
		root,
		node: process.execPath,
		results,
		outside: readlinkSync('/proc/self/ns/mnt'),
		...(one.locale && { locale: one.locale }),
		...(opened && { playbook: playbookFor(known, opened) }),
		...(opened && guide.id === 'backup' && { homeserver: configurationBy(known, opened, root) }),
	};
	// Only such a case mounts its files over this folder; another case running at the same time must not remove it.
	const laid = stated.layout === 'mdad' ? '/matrix' : '/data';
	const had = existsSync(laid) || (laid === '/data' && guide.id === 'postgres-major');
	const note = join(root, 'job.json');
	writeFileSync(note, JSON.stringify(job));
	try {
		const { status, said } = await inNamespaces(new URL('session.ts', import.meta.url), [note]);
		const seen = existsSync(results) ? (JSON.parse(readFileSync(results, 'utf8')) as Result[]) : [];
		// Errors count one by one; a stage counts only if everything after it succeeded too.
		if (status === 0 || flow === 'failures')
			keep(guide, { results: seen, one, versions: versionsOf(one, servers, release.version) });
		if (status !== 0) throw new Error(`${said.slice(-4000)}${logs(root)}`);
	} finally {
		// Inside, it was a mount. Outside, only an empty folder is left.
		if (!had && existsSync(laid)) rmdirSync(laid);
		if (!process.env.GLIA_KEEP) rmSync(root, { recursive: true, force: true });
	}
}

function logs(root: string): string {
	const files = [
		'containers/db.log',
		'containers/synapse.log',
		'containers/proof-synapse.log',
		'proof/synapse.log',
		'synapse.log',
		'matrix-postgres.log',
		'matrix-synapse.log',
	].map(name => join(root, name));
	return files
		.filter(name => existsSync(name))
		.map(name => `\n--- ${name.slice(root.length + 1)}\n${readFileSync(name, 'utf8').slice(-1500)}`)
		.join('');
}

function versionsOf(
	{ stated, flow }: Case,
	servers: Record<string, { version: string }>,
	synapse: string,
): Record<string, string> {
	const [from, to] = [servers[stated.from ?? '']?.version, servers[stated.to ?? '']?.version];
	if (flow === 'failures')
		return {
			postgresql: Object.values(servers)
				.map(({ version }) => version)
				.join(', '),
			synapse,
		};
	return { postgresql: [from, to].filter(Boolean).join(' → '), synapse };
}

function keep(guide: Guide, { results, one, versions }: Played): void {
	const played = one.played === undefined ? {} : { played: one.played };
	keepTrials(
		guide,
		results.map(({ of, saw }) => ({ of, with: one.with, versions, ...played, ...(saw && { saw }) })),
	);
}

/** Adds the trials to the file, replacing earlier ones with the same part and parameters. */
function keepTrials(guide: Guide, added: readonly Trial[]): void {
	const { files } = readFiles(folder);
	const today = new Date().toISOString().slice(0, 10);
	const trials = added.map(
		(trial): Tried => ({ guide: guide.id, ...trial, date: today, recipe: recipeOf(guide, trial) ?? '' }),
	);
	const key = (trial: Tried) => JSON.stringify([trial.guide, trial.of, trial.with]);
	const all = new Map([...files.tried, ...trials].map(trial => [key(trial), trial]));
	const sorted = [...all.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
	writeFileSync(file, `{"tried":[\n${sorted.map(trial => JSON.stringify(trial)).join(',\n')}\n]}\n`);
}
