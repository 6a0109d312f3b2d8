// Tests claims of the knowledge on real releases, and writes the outcomes to knowledge/synapse/verified.json. Exits
// with 1 if a claim does not hold or a test fails to run. Other first words run something else: see guide/main.ts for
// `guide`, configurations/ for `configurations` (main.ts), `samples`, `starts`, `values`, `agreement` and `conditions`,
// recipes.ts for `recipes`, and migrations.ts for `migrations`.
import { writeFileSync } from 'node:fs';
import { isCandidate } from '../../src/deployment/version.ts';
import { readFiles, readKnowledge } from '../../src/knowledge/load.ts';
import type { Verified } from '../../src/knowledge/schema/synapse.ts';
import { readArguments, refuse } from '../arguments.ts';
import { claimsOf } from './claim.ts';
import { Unavailable } from './machine/environment.ts';
import { type Claim, recipeHash } from './recipe.ts';
import { recordOf, verifiedText } from './record.ts';
import { bench } from './trial.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const file = new URL('synapse/verified.json', folder);

const usage = `
  npm run verify -- [CLAIM…]         test claims on real releases; without a name, those not tested in their current form
                    [--all]          even if they were tested
                    [--changed]      of those named, only those not tested in their current form
                    [--list]         print their names instead
  npm run verify -- guide NAME [WORD…] [--playbook FOLDER]
  npm run verify -- migrations [CASE…]
  npm run verify -- configurations | samples | starts | values | agreement [RELEASE…]
  npm run verify -- conditions | recipes

For example: npm run verify -- refusal/1.66.0`;

const { values, positionals } = readArguments(usage, {
	all: { type: 'boolean' },
	changed: { type: 'boolean' },
	list: { type: 'boolean' },
	playbook: { type: 'string' },
});
if (positionals[0] === 'guide') {
	const { verifyGuide } = await import('./guide/main.ts');
	process.exit(await verifyGuide(positionals[1] ?? '', positionals.slice(2), values));
}
if (positionals[0] === 'configurations') {
	const { tryConfigurations } = await import('./configurations/main.ts');
	process.exit(await tryConfigurations(positionals.slice(1)));
}
if (positionals[0] === 'samples') {
	const { trySamples } = await import('./configurations/samples.ts');
	process.exit(await trySamples(positionals.slice(1)));
}
if (positionals[0] === 'starts') {
	const { startSamples } = await import('./configurations/starts.ts');
	process.exit(await startSamples(positionals.slice(1)));
}
if (positionals[0] === 'values') {
	const { measureValues } = await import('./configurations/values.ts');
	process.exit(await measureValues(positionals.slice(1), values.all === true));
}
if (positionals[0] === 'conditions') {
	const { decidable, decidableWords, skeletonScript } = await import('./configurations/conditions.ts');
	for (const line of decidableWords(decidable(readKnowledge(folder), skeletonScript()))) console.log(line);
	process.exit();
}
if (positionals[0] === 'agreement') {
	const { compareValues } = await import('./configurations/agreement.ts');
	process.exit(await compareValues(positionals.slice(1)));
}
if (positionals[0] === 'recipes') {
	const { verifyRecipes } = await import('./recipes.ts');
	process.exit(await verifyRecipes());
}
if (positionals[0] === 'migrations') {
	const { measureMigrations } = await import('./migrations.ts');
	process.exit(await measureMigrations(positionals.slice(1)));
}
const { files } = readFiles(folder);
const known = readKnowledge(folder);
const claims = claimsOf(known, {
	refusals: files.claims.flatMap(({ value }) => value.refusals),
	faults: files.claims.flatMap(({ value }) => value.faults),
});
const results = new Map(files.verified.map(result => [result.claim, result]));

/**
 * The requested claims, by name or prefix, or all of them. With --changed, or if none is named, only those that have
 * not been tested in their current form.
 */
function chosen(): Claim[] {
	const named = claims.filter(
		({ id }) => !positionals.length || positionals.some(name => id === name || id.startsWith(`${name}/`)),
	);
	const again = values.all || (positionals.length > 0 && !values.changed);
	return again ? named : named.filter(claim => results.get(claim.id)?.recipe !== recipeHash(claim));
}

for (const name of positionals)
	if (!claims.some(({ id }) => id === name || id.startsWith(`${name}/`)))
		refuse(`No claim is called ${name}. To see their names: npm run verify -- --all --list`);

const wanted = chosen();
if (values.list) {
	for (const { id, says } of wanted) console.log(`${id}\n  ${says}`);
	console.log(`${wanted.length} of ${claims.length} claims`);
	process.exit();
}

const failed: Verified[] = [];
const untried: string[] = [];
const place = bench(
	known.releases.filter(({ version, withdrawn }) => !withdrawn && !isCandidate(version)),
	console.log,
);
const today = new Date().toISOString().slice(0, 10);
process.once('SIGINT', () => process.exit(130));
try {
	for (const [i, claim] of wanted.entries()) {
		console.log(`[${i + 1}/${wanted.length}] ${claim.says}`);
		try {
			const result = recordOf(claim, await place.attempt(claim), today);
			results.set(claim.id, result);
			if (!result.holds) failed.push(result);
			console.log(
				`  ${result.holds ? 'holds' : 'DOES NOT HOLD'}: ${result.outcome}${result.error ? `, “${result.error}”` : ''}`,
			);
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			if (!(error instanceof Unavailable)) untried.push(`${claim.id}: ${why}`);
			console.log(`  ${error instanceof Unavailable ? 'cannot be tried here' : 'FAILED'}: ${why}`);
		}
		// After each one, so that an hour of work is not lost.
		writeFileSync(file, verifiedText(claims, results));
	}
} finally {
	await place.close();
}
for (const { claim, says, outcome, error } of failed)
	console.log(`\nDoes not hold: ${claim}\n  ${says}\n  ${outcome}: ${error ?? ''}`);
for (const line of untried) console.log(`\nCould not be tried: ${line}`);
console.log(`\n${wanted.length} tried, ${failed.length} do not hold, ${untried.length} could not be tried`);
process.exitCode = failed.length || untried.length ? 1 : 0;
