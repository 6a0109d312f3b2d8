// Conditions in the data only use options that exist.
import { expect, test } from 'vitest';
import { optionsOfCondition } from '../../src/advice/check/young.ts';
import { type Condition, decide } from '../../src/configuration/condition.ts';
import { configurationOf } from '../../src/configuration/files.ts';
import { compare } from '../../src/deployment/version.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const { notes, effects, faults } = await openKnowledge(folder);
const { byPath } = openCode(folder).options();

/** The top-level name must be known. Deeper ones may belong to a module, or may never have been listed. */
function isKnown(path: string, until: string): boolean {
	const top = path.replace(/(\.|\[).*$/, '');
	return [...byPath.values()].some(
		({ key, changes }) =>
			(key === top || key.startsWith(`${top}.`) || key.startsWith(`${top}[`)) &&
			changes.some(([from]) => compare(from, until) <= 0),
	);
}

/** Removed before the first release whose options were read, or from a file other than homeserver.yaml. */
const older = new Set([
	'metrics_port',
	'no_tls',
	'verbose',
	'structured',
	'handlers',
	'ldap_config',
	'worker_log_file',
]);

test.each(
	notes.flatMap(({ id, release, found, refusesIf }) =>
		[found, refusesIf].flatMap(condition => (condition ? [[id, release, condition] as const] : [])),
	),
)('%s', (_, release, condition) => {
	const until = compare(release, '1.0.0') < 0 ? '1.0.0' : release;
	const paths = optionsOfCondition(condition).filter(path => !older.has(path.replace(/(\.|\[).*$/, '')));
	const since = firstReleases(condition);
	expect(paths.filter(path => !isKnown(path, since.get(path) ?? until))).toEqual([]);
});

/** The first releases that a condition itself gives for its options. */
function firstReleases(condition: Condition): ReadonlyMap<string, string> {
	const since = new Map<string, string>();
	JSON.stringify(condition, (_, value) => {
		if (value?.since) since.set(value.option, value.since);
		return value;
	});
	return since;
}

// Options without effect include names in the wrong place.
test.each(effects.filter(({ kind }) => kind === 'refuses').map(effect => [effect.option, effect] as const))(
	'effect on %s',
	(_, { found, until }) => {
		expect(optionsOfCondition(found).filter(path => !isKnown(path, until ?? '999.0.0'))).toEqual([]);
	},
);

test('conditions on the configuration are in the data, or say where else to look', () => {
	const open = notes.filter(
		({ onlyIf, found, foundIn }) => onlyIf?.includes('`homeserver.yaml`') && !found && !foundIn,
	);
	expect(open.map(({ id }) => id)).toEqual([]);
});

test('the note on booleans as times or sizes in 1.77 names every option that 1.81 refused them for', () => {
	const { found } = notes.find(({ id }) => id === '1.77.0/no-booleans-as-durations') ?? {};
	const named = new Set(found ? optionsOfCondition(found) : []);
	const refused = openCode(folder)
		.values()
		.entries.filter(({ changes }) => {
			const { refuses } = changes.find(([release]) => release === '1.81.0')?.[1] ?? { refuses: [] };
			const isAmount = !refuses.includes('duration') || !refuses.includes('size');
			return refuses.includes('true') && refuses.includes('text') && !refuses.includes('integer') && isAmount;
		});
	expect(refused.length).toBeGreaterThan(25);
	expect(refused.map(({ key }) => key).filter(key => !named.has(key))).toEqual([]);
});

test.each([
	['preferred', true],
	['picture', false],
])('the fault of `picture_claim` looks for the claim %s where Synapse reads it', (claim, is) => {
	const { found } = faults.find(({ id }) => id === '1.73.0/oidc-picture-claim') ?? {};
	const text = `oidc_providers:\n  - user_mapping_provider:\n      config: { picture_claim: ${claim} }\n`;
	const configuration = configurationOf([{ name: 'homeserver.yaml', text }]);
	expect(found && decide(found, { configuration, defaultOf: () => undefined, release: '1.73.0' }).is).toBe(is);
});
