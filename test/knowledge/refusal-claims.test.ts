// The configurations in claims.yaml, which the releases of the notes were started with, meet or miss the notes' conditions.
import { expect, test } from 'vitest';
import { asksForPackage, type Condition, decide } from '../../src/configuration/condition.ts';
import { configurationOf } from '../../src/configuration/files.ts';
import { plainDefaults } from '../../src/configuration/options.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { readFiles, readKnowledge } from '../../src/knowledge/load.ts';
import type { TrialSetup } from '../../src/knowledge/schema/synapse.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const { notes } = readKnowledge(folder);
const claims = readFiles(folder).files.claims.flatMap(({ value }) => value.refusals);
const defaultOf = plainDefaults(openCode(folder).options());

/** The files that the start was made of, as far as a condition can be about them. */
function filesOf({ config = {}, worker, files = {} }: TrialSetup) {
	const main = { server_name: 'verify.test', public_baseurl: 'http://127.0.0.1/', report_stats: false, ...config };
	return [
		{ name: 'homeserver.yaml', text: JSON.stringify(main) },
		...(worker
			? [{ name: 'worker.yaml', text: JSON.stringify({ worker_app: 'synapse.app.generic_worker', ...worker }) }]
			: []),
		...Object.entries(files).flatMap(([name, text]) => (/\.(yaml|config)$/.test(name) ? [{ name, text }] : [])),
	];
}

/** Decided by what no configuration shows: files in a folder, packages that are missing. The last is another refusal. */
const elsewhere = ['1.13.0/sso-templates', '1.62.0/jwt-authlib', '1.66.0/email-delegation required-address'];

const decidable = claims.flatMap(claim => {
	const note = notes.find(({ id }) => id === claim.note);
	const isElsewhere = [claim.note, `${claim.note} ${claim.case}`].some(name => elsewhere.includes(name));
	return note?.found && !asksForPackage(note.found as Condition) && !isElsewhere
		? [{ ...claim, note, name: `${claim.note} ${claim.case ?? ''}`.trim() }]
		: [];
});

test.each(decidable)('$name', ({ note: { release, found, refusesIf }, refused, accepted }) => {
	const condition = (refusesIf ? { all: [found, refusesIf] } : found) as Condition;
	const is = (setup: TrialSetup) =>
		decide(condition, { configuration: configurationOf(filesOf(setup)), defaultOf, release }).is;
	expect([is(refused), is(accepted)]).toEqual([true, false]);
});

test('are many', () => expect(decidable.length).toBeGreaterThan(30));
