import { expect, test } from 'vitest';
import type { Claim } from '../../../tools/verify/recipe.ts';
import { recordOf } from '../../../tools/verify/record.ts';

const claim: Claim = {
	id: 'fault/1.0.0/owls/broken',
	kind: 'fault',
	of: '1.0.0/owls',
	says: '1.0.0 fails',
	recipe: { database: 'sqlite', before: [], last: { release: '1.0.0', settle: false } },
	expects: 'refuses',
	message: "name 'Iterable'",
};

test('records what a release said without paths of this machine', () => {
	const error =
		"cannot import name 'Iterable' (/home/me/.pyenv/versions/3.10.13/lib/python3.10/collections/__init__.py) in /tmp/glia-verify-aB1/trial_3/tried.py";
	expect(recordOf(claim, { outcome: 'refuses', error }, '2026-11-29')).toMatchObject({
		holds: true,
		error: "cannot import name 'Iterable' (…/lib/python3.10/collections/__init__.py) in …/trial_3/tried.py",
	});
});

test('rejects another message or another outcome', () => {
	const tried = (outcome: 'refuses' | 'starts', error?: string) =>
		recordOf(claim, { outcome, ...(error !== undefined && { error }) }, '2026-11-29').holds;
	expect(tried('refuses', 'something else')).toBe(false);
	expect(tried('starts')).toBe(false);
});
