// Prints what a room would have been told about a server in the past, and which of upstream's promises it would have
// been told about in time. With --figures, only the totals.
import { existsSync, readFileSync } from 'node:fs';
import { Refusal } from '../../src/answer.ts';
import { readProfile, sortWords } from '../../src/arguments/words.ts';
import { isVersion } from '../../src/deployment/version.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { titleOf } from '../../src/messages/conditions.ts';
import { readArguments } from '../arguments.ts';
import { policyFrom, policyOf } from './history.ts';
import { promises, replay } from './replay.ts';

const usage = `
  npm run replay -- [FACT…] [--from DAY] [--to DAY]   what a room would have been told about a server in the past
                    [--policy never | monthly | latest | FILE]
                    [--figures]                       only the totals

For example: npm run replay -- docker postgres=14 --from 2022-01-01`;
const text = { type: 'string' } as const;
const { values, positionals: facts } = readArguments(usage, {
	from: text,
	to: text,
	policy: text,
	figures: { type: 'boolean' },
});

try {
	const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
	const { from = '2019-06-01', to = knowledge.read, policy: name = 'monthly', figures } = values;
	for (const day of [from, to]) {
		if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new Refusal(`A day looks like 2019-06-01, not ${day}.`);
	}
	readProfile(sortWords(facts, 'npm run replay -- docker postgres=14').terms);
	const known = ['never', 'monthly', 'latest'].includes(name);
	if (!known && !existsSync(name)) throw new Refusal(`${name} is neither a policy nor a file.`);
	const policy = known ? policyOf(name, from, knowledge.releases) : policyFrom(readFileSync(name, 'utf8'));
	const strange = policy(to);
	if (strange === undefined || !isVersion(strange)) throw new Refusal(`According to ${name}, nothing runs on ${to}.`);
	const life = { from, to, policy, facts };
	const heard = replay(life, knowledge);
	if (!figures) {
		for (const { day, alerts } of heard) {
			for (const alert of alerts) {
				const { severity, kind, rule, stage } = alert;
				const title = titleOf(alert, 'example.org');
				console.log(`${day}  ${severity.padEnd(7)}  ${kind.padEnd(8)}  ${rule} ${stage}: ${title}`);
			}
		}
	}
	const months = Math.max(1, (Date.parse(to) - Date.parse(from)) / (30.44 * 24 * 3600_000));
	const kept = promises(life, heard, knowledge);
	const count = (verdict: string) => kept.filter(one => one.verdict === verdict).length;
	const alerts = heard.reduce((sum, one) => sum + one.alerts.length, 0);
	console.log(
		`${from} to ${to}, ${name}${facts.length ? `, ${facts.join(' ')}` : ''}: ${heard.length} messages (${(heard.length / months).toFixed(1)} a month), ${alerts} alerts in them`,
	);
	console.log(
		`${kept.length} promises came true: ${count('in time')} told at least 14 days ahead, ${count('too short')} as soon as upstream announced them, ${count('before')} announced before the watch began, ${count('late')} told late, ${count('never')} never told`,
	);
	for (const one of kept.filter(({ verdict }) => verdict === 'late' || verdict === 'never')) {
		console.log(
			`  ${one.verdict}: ${one.id} (${one.subject}), announced ${one.announced}, landed ${one.landed.day} in ${one.landed.release}${one.heard ? `, told ${one.heard}` : ''}`,
		);
	}
} catch (error) {
	if (!(error instanceof Refusal)) throw error;
	console.error(error.message);
	process.exitCode = 1;
}
