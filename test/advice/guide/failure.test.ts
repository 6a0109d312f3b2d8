import { describe, expect, test } from 'vitest';
import { failureText } from '../../../src/advice/guide/failure.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import { allStages } from '../../../src/knowledge/guide-stages.ts';
import { placeholder } from '../../../src/knowledge/schema/parameter.ts';

const { guides } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
const major = guides.find(({ id }) => id === 'postgres-major');
if (!major) throw new Error('no guide postgres-major');

describe('a known error outside a session', () => {
	test.each(guides.map(guide => [guide.id, guide] as const))('in %s has no placeholder left', (_, guide) => {
		const failures = allStages(guide).flatMap(({ failures }) => failures);
		expect(failures.length).toBeGreaterThan(0);
		const texts = failures.map(({ id }) => Object.values(failureText(guide, id, new Map()) ?? {}).join(' '));
		expect(texts.filter(text => text === '' || new RegExp(placeholder.source).test(text))).toEqual([]);
	});

	test('uses the layout and way of its stage, not the defaults', () => {
		expect(failureText(major, 'password-failed-package', new Map())?.cure).toContain(
			"-p 5432 -c '\\password synapse_user'",
		);
		expect(failureText(major, 'disk-full-older', new Map())?.cure).toContain('`docker compose stop db`');
	});

	test('is absent if the guide has no such error', () => {
		expect(failureText(major, 'no-such-error', new Map())).toBeUndefined();
	});
});
