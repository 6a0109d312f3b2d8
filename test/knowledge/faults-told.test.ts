// Every stable release since 1.0 as a target: severe faults are reported to those affected, in data and in words,
// and to no one else. docs/faults.md has the counts as a table.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faultsOf } from '../../src/advice/upgrade/faults.ts';
import { plan } from '../../src/advice/upgrade/plan.ts';
import { type Profile, parseTerm, profileOf, unknownDeployment } from '../../src/deployment/facts.ts';
import { compare, isCandidate, isWithin } from '../../src/deployment/version.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import type { Fault } from '../../src/knowledge/schema/synapse.ts';
import { firstScreen } from '../../src/messages/first-screen.ts';

const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const targets = knowledge.releases.filter(
	({ version, withdrawn }) => !withdrawn && !isCandidate(version) && compare(version, '1.0.0') >= 0,
);
const severe = knowledge.faults.filter(({ severity }) => severity === 'severe');
const has = (fault: Fault, version: string) => fault.broken.some(range => isWithin(version, range));

/** A deployment that the fault affects: with every fact of `all`, or the first of `any`. */
function hit({ applies }: Fault): Profile {
	if (!applies) return unknownDeployment;
	const said = 'all' in applies ? applies.all : applies.any.slice(0, 1);
	const profile = profileOf(said.flatMap(text => parseTerm(text.replace(/>=|<=/, '=')) ?? []));
	if (!(profile instanceof Map)) throw new Error(`${said} contradict each other`);
	return profile;
}

/** The newest release below the target from which the fault occurs. */
function originOf(fault: Fault, target: string): string | undefined {
	return targets.findLast(
		({ version }) => compare(version, target) < 0 && (fault.from === undefined || isWithin(version, fault.from)),
	)?.version;
}

/** The first and the last release with the fault. */
function endsOf(fault: Fault): string[] {
	const own = targets.filter(({ version }) => has(fault, version)).map(({ version }) => version);
	return [...new Set([own[0], own.at(-1)].flatMap(version => version ?? []))];
}

test('reports a severe fault for its first and last release to an affected deployment', () => {
	const silent = severe.flatMap(fault =>
		endsOf(fault).flatMap(to => {
			const from = originOf(fault, to);
			if (from === undefined) return [];
			const answer = firstScreen(plan({ from, to, profile: hit(fault), today: '2026-11-29' }, knowledge), []);
			const words = JSON.stringify([answer.title, answer.lead, answer.sections]);
			return words.includes(JSON.stringify(fault.title).slice(1, -1)) ? [] : [`${fault.id} in ${from} → ${to}`];
		}),
	);
	expect(silent).toEqual([]);
});

test('reports no fault that a release does not have, or that the deployment rules out', () => {
	const wrong = targets.flatMap(({ version }) => {
		const told = faultsOf(version, { at: 'target', profile: unknownDeployment, from: '1.0.0' }, knowledge);
		return told.flatMap(({ id }) => {
			const fault = knowledge.faults.find(other => other.id === id);
			return fault && has(fault, version) ? [] : [`${id} of ${version}`];
		});
	});
	expect(wrong).toEqual([]);
	const excluded = profileOf(
		['install=docker', 'sqlite', 'no-workers', 'no-modules'].flatMap(text => parseTerm(text) ?? []),
	);
	if (!(excluded instanceof Map)) throw new Error('the facts contradict each other');
	const foreign = targets.flatMap(({ version }) =>
		faultsOf(version, { at: 'target', profile: excluded }, knowledge).flatMap(({ id, applies }) => {
			const all = applies && 'all' in applies ? applies.all : [];
			return all.some(term => /^(workers|modules|postgres|database=postgres|install=(?!docker))/.test(term))
				? [`${id} of ${version}`]
				: [];
		}),
	);
	expect(foreign).toEqual([]);
});

/** The rows for `1.0–1.9` and so on: the number of releases, and the range of faults reported for each kind. */
function countsByTen(): string[] {
	const tens = Map.groupBy(targets, ({ version }) => Math.floor(Number(version.split('.')[1]) / 10));
	return [...tens].map(([, some]) => {
		const counts = some.map(({ version }) => {
			const faults = faultsOf(version, { at: 'target', profile: unknownDeployment }, knowledge);
			const bad = faults.filter(({ severity }) => severity === 'severe');
			return [
				bad.filter(({ concerned }) => concerned === true).length,
				bad.filter(({ concerned }) => concerned !== true).length,
				faults.length - bad.length,
			];
		});
		const span = (i: number) => {
			const numbers = counts.map(row => row[i] ?? 0);
			const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
			return least === most ? `${least}` : `${least}–${most}`;
		};
		const lines = some.map(({ version }) => Number(version.split('.')[1]));
		return `| 1.${Math.min(...lines)}–1.${Math.max(...lines)} | ${some.length} | ${span(0)} | ${span(1)} | ${span(2)} |`;
	});
}

test('docs/faults.md has the right counts', () => {
	const page = readFileSync(new URL('../../docs/faults.md', import.meta.url), 'utf8');
	const table = page.split('\n').filter(line => /^\| 1\.\d+–1\.\d+ \| \d+ \|/.test(line));
	expect(table).toEqual(countsByTen());
});
