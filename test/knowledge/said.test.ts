// What a script gets by piping commands into `say --json -`: plans without gaps, and the floor of every rollback.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { compare, finalOf, isAbove, isCandidate } from '../../src/deployment/version.ts';
import type { Passage, Release } from '../../src/knowledge/schema/synapse.ts';
import { program } from '../program.ts';

// Hundreds of answers from one process, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const folder = new URL('../../knowledge/synapse/', import.meta.url);
const { releases }: { releases: Release[] } = JSON.parse(readFileSync(new URL('releases.json', folder), 'utf8'));
const { passages }: { passages: Passage[] } = JSON.parse(readFileSync(new URL('upstream.json', folder), 'utf8'));

/** The answers that the process prints, one per command. */
function say<Answer>(commands: readonly string[]): Answer[] {
	const lines = execFileSync(process.execPath, [program, 'say', '--json', '-'], {
		input: commands.join('\n'),
		encoding: 'utf8',
		maxBuffer: 2 ** 30,
	})
		.trimEnd()
		.split('\n');
	expect(lines).toHaveLength(commands.length);
	return lines.map(line => JSON.parse(line));
}

type Sources = { sources: { document: string; section: string; heading?: string; under?: string; bullet?: string }[] };
type Plan = {
	format: number;
	from: string;
	to: string;
	steps: ({ id: string; leg: number } & Sources)[];
	hidden: ({ because: string[] } & Sources)[];
	unread: unknown[];
	gaps: unknown[];
	rollback: { release: string; to: string; canReturn: boolean };
};

const some = [
	...['0.34.0', '0.99.5.2', '1.0.0', '1.18.0', '1.37.1', '1.56.0', '1.69.0', '1.81.0', '1.100.0', '1.120.2'],
	...['1.143.0', '1.163.2'],
];
const pairs = some.flatMap((from, i) => some.slice(i + 1).map(to => ({ from, to })));

test.each(['', ' docker postgres=13 no-workers sso', ' source sqlite workers no-email'])(
	'lists every heading, shown or hidden, in plans between releases of all ages%s',
	facts => {
		const plans = say<Plan>(pairs.map(({ from, to }) => `!upgrade ${from} ${to}${facts}`));
		for (const [i, { from, to }] of pairs.entries()) {
			const way = `${from} → ${to}`;
			const plan = plans[i];
			expect(plan, way).toMatchObject({ format: 1, from, to, unread: [], gaps: [] });
			expect(plan?.rollback, way).toMatchObject({ release: to, to: from });
			// Every leg ends with its switch, the last one at the target.
			const switches = plan?.steps.filter(({ id }) => id.endsWith('/switch')) ?? [];
			expect(switches.at(-1)?.id, way).toBe(`${to}/switch`);
			expect(
				switches.map(({ leg }) => leg),
				way,
			).toEqual(switches.map((_, leg) => leg));
			const told = [...(plan?.steps ?? []), ...(plan?.hidden ?? [])].flatMap(({ sources }) => sources);
			const key = (section?: string, heading?: string, under?: string) => [section, heading, under].join(' › ');
			const known = new Set(
				told
					.filter(({ document }) => document === 'upgrade.md')
					.map(({ section, heading, under }) => key(section, heading, under)),
			);
			const between = passages.filter(
				({ document, release }) =>
					document === 'upgrade.md' && isAbove(finalOf(release), from) && compare(finalOf(release), to) <= 0,
			);
			const lost = between.map(({ section, heading, under }) => key(section, heading, under));
			expect(
				lost.filter(name => !known.has(name)),
				way,
			).toEqual([]);
			expect(plan?.hidden.filter(({ because }) => !because.length)).toEqual([]);
		}
	},
);

/**
 * The first release of each run that shares a floor, from SCHEMA_VERSION and SCHEMA_COMPAT_VERSION in the tags of
 * upstream's repository, read and counted by other means than Glia's.
 */
const floors: [string, string][] = [
	['1.0.0', '1.0.0'],
	['1.3.0', '1.3.0'],
	['1.9.0', '1.9.0'],
	['1.13.0', '1.13.0'],
	// By their schema numbers, 1.22 to 1.25 can go back to 1.13.0, but they drop tables that releases before 1.18 read.
	['1.22.0', '1.18.0'],
	['1.26.0', '1.26.0'],
	['1.38.0', '1.37.0'],
	['1.45.0', '1.38.0'],
	['1.48.0', '1.39.0'],
	['1.52.0', '1.49.0'],
	['1.58.0', '1.57.0'],
	['1.62.0', '1.61.0'],
	['1.64.0', '1.62.0'],
	['1.70.0', '1.68.0'],
	['1.83.0', '1.77.0'],
	['1.85.0', '1.83.0'],
	['1.92.1', '1.90.0'],
	['1.98.0', '1.96.1'],
	['1.105.1', '1.100.0'],
];
/** The newest release whose tag was read for this list. */
const counted = '1.163.2';

test('rolls every stable release since 1.0.0 back to the floor that its code enforces', () => {
	const stable = releases
		.filter(({ version, withdrawn }) => !withdrawn && !isCandidate(version))
		.map(({ version }) => version)
		.filter(version => compare(version, '1.0.0') >= 0 && compare(version, counted) <= 0);
	expect(stable.length).toBe(239);
	const found = say<{ release: string; floor: string; floorWhy: string }>(
		stable.map(version => `!rollback ${version}`),
	);
	const expected = stable.map(version => ({
		release: version,
		floor: floors.findLast(([first]) => compare(first, version) <= 0)?.[1],
	}));
	expect(found.map(({ release, floor }) => ({ release, floor }))).toEqual(expected);
	expect(found.filter(({ floorWhy }) => !floorWhy)).toEqual([]);
});

test('answers no just below a floor, and yes at the floor', () => {
	const stable = releases
		.filter(({ version, withdrawn }) => !withdrawn && !isCandidate(version))
		.map(({ version }) => version);
	const sides = floors.flatMap(([first, floor]) => {
		const below = stable[stable.indexOf(floor) - 1];
		return [
			...(floor === first ? [] : [{ from: first, to: floor, canReturn: true }]),
			...(below === undefined ? [] : [{ from: first, to: below, canReturn: false }]),
		];
	});
	const found = say<{ canReturn: boolean }>(sides.map(({ from, to }) => `!rollback ${from} ${to}`));
	expect(found.map(({ canReturn }, i) => ({ ...sides[i], canReturn }))).toEqual(sides);
});
