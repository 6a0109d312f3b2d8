// Claims about faults: a release with the fault fails when it is provoked; the fixed and the previous release do not.
import { isAbove, isWithin, type Version } from '../../src/deployment/version.ts';
import type { Fault, FaultTrial, Release } from '../../src/knowledge/schema/synapse.ts';
import { anyPostgresql, type Claim, type Outcome, type Recipe } from './recipe.ts';

const does: Record<Outcome, string> = {
	starts: 'starts',
	refuses: 'fails to start',
	misbehaves: 'misbehaves',
	stuck: 'never finishes its background updates',
};

/** The claims that one trial tests; none if its fault is unknown or affects no release that can be tried. */
export function faultClaims(trial: FaultTrial, releases: readonly Release[], faults: readonly Fault[]): Claim[] {
	const { fault: of, message, since } = trial;
	const fault = faults.find(({ id }) => id === of);
	const first = releases.find(({ version }) => fault?.broken.some(range => isWithin(version, range)))?.version;
	const broken = trial.broken ?? first;
	if (!fault || broken === undefined) return [];
	const cured = trial.cured ?? fault.fixed;
	const before = releases.filter(({ version }) => isAbove(fault.release, version)).at(-1)?.version;
	const bad: Outcome = trial.settle ? 'stuck' : trial.asks || trial.runs ? 'misbehaves' : 'refuses';
	const good = bad === 'refuses' ? 'starts' : bad === 'stuck' ? 'finishes its background updates' : 'works';
	const claim = (name: string, release: Version, expects: Outcome): Claim => ({
		id: `fault/${of}/${name}`,
		kind: 'fault',
		of,
		says: `${release} ${expects === 'starts' ? good : does[expects]} in a setup that ${of} affects`,
		recipe: recipeOf(name === 'cured' ? { ...trial, attempt: { ...trial.attempt, ...trial.repair } } : trial, release),
		expects,
		...(expects !== 'starts' && { message }),
	});
	return [
		claim('broken', broken, bad),
		...(cured === undefined ? [] : [claim('cured', cured, 'starts')]),
		...(since && before !== undefined ? [claim('before', before, 'starts')] : []),
	];
}

function recipeOf(
	{ after, attempt, message, postgresql, settle, sql, asks, runs }: FaultTrial,
	release: Version,
): Recipe {
	return {
		database: postgresql || attempt.locale !== undefined ? anyPostgresql : 'sqlite',
		// A worker does not create the tables, so the main process must have run before.
		before: [...after, ...(attempt.worker ? [release] : [])].map(version => ({ release: version, settle: false })),
		last: { release, settle: settle ?? false },
		attempt,
		...(attempt.python && { python: attempt.python }),
		...(sql && { sql }),
		...(asks && { asks }),
		...(runs && { runs }),
		...((asks || runs) && { watch: message }),
	};
}
