// The past, replayed: only what was known then is known, and what came true was announced in time.
import { expect, test } from 'vitest';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { knownOn, policyFrom, policyOf } from '../../tools/replay/history.ts';
import { promises, replay } from '../../tools/replay/replay.ts';

const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const facts = ['docker', 'postgres=15', 'workers', 'email', 'sso', 'oidc', 'modules', 'media', 'admin-api', 'metrics'];

test('on a past day, knows nothing of what came later', () => {
	const then = knownOn('2022-05-17', knowledge);
	expect(then.releases.at(-1)?.version).toMatch(/^1\.(59|60)\./);
	expect(then.notes.filter(({ release }) => release.startsWith('1.163.'))).toEqual([]);
	const landed = then.notes.flatMap(({ deadline }) => deadline?.landed ?? []);
	expect(landed.filter(version => !then.releases.some(release => release.version === version))).toEqual([]);
	expect(then.advisories.filter(({ published }) => published > '2022-05-17')).toEqual([]);
});

test('follows each upgrade policy', () => {
	const { releases } = knowledge;
	expect(policyOf('never', '2022-05-17', releases)('2026-01-01')).toBe('1.59.0');
	expect(policyOf('monthly', '2022-05-17', releases)('2022-05-31')).toBe('1.59.0');
	expect(policyOf('monthly', '2022-05-17', releases)('2022-06-30')).toBe(
		policyOf('latest', '', releases)('2022-06-01'),
	);
	const own = policyFrom('# mine\n2022-06-01 1.60.0\n2022-01-01 1.50.0\n');
	expect([own('2021-12-31'), own('2022-05-31'), own('2022-06-01')]).toEqual([undefined, '1.50.0', '1.60.0']);
	expect(() => policyFrom('soon 1.60.0')).toThrow('upgrade 1');
});

test.each(['never', 'monthly', 'latest'])(
	'%s: announces what came true from 2022 on 14 days ahead, if upstream did, in few messages',
	name => {
		const [from, to] = ['2022-01-01', '2024-01-01'];
		const life = { from, to, policy: policyOf(name, from, knowledge.releases), facts };
		const heard = replay(life, knowledge);
		const kept = promises(life, heard, knowledge);
		expect(kept.length).toBeGreaterThan(5);
		expect(kept.filter(({ verdict }) => verdict === 'late' || verdict === 'never')).toEqual([]);
		expect(heard.length / 24).toBeLessThan(6);
		const identities = heard.flatMap(({ alerts }) =>
			alerts.map(({ rule, subject, stage, episode }) => [rule, subject, stage, episode].join('|')),
		);
		expect(new Set(identities).size).toBe(identities.length);
	},
);
