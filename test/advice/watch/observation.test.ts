import { expect, test } from 'vitest';
import { readBuild } from '../../../src/advice/watch/build.ts';
import type { Observation } from '../../../src/advice/watch/observation.ts';
import { observationWords } from '../../../src/messages/observation.ts';

test.each([
	['1.150.0', '1.150.0'],
	['1.150.0rc1', '1.150.0rc1'],
	['1.98.0 (b=matrix-org-hotfixes,4e7b1)', '1.98.0'],
	['1.57.1+dfsg-1', '1.57.1'],
	['1.150.0~rc1-2', '1.150.0rc1'],
	['1.150.0rc1+dirty', '1.150.0rc1'],
	['v1.150.0', '1.150.0'],
	['1.150', '1.150.0'],
	['0.33.3.1', '0.33.3.1'],
	['0.99.5.2', '0.99.5.2'],
	['0.6.1c', '0.6.1c'],
	['1.150.0.post1', '1.150.0'],
	['1.150.0beta', '1.150.0'],
	['1.150.0foo', undefined],
	['1', undefined],
	['', undefined],
	['unknown', undefined],
	['99999999.1.1', undefined],
])('%s → %s', (written, version) => {
	expect(readBuild(written)?.version).toBe(version);
});

const at = '2026-01-01T00:00:00.000Z';
const by = (trouble: (Observation & { kind: 'unreached' })['trouble']): Observation => ({
	server: 'a.test',
	at,
	kind: 'unreached',
	trouble,
});

// The exact result for operators: each says what was observed.
test.each<[Observation, string]>([
	[
		{ server: 'a.test', at, kind: 'running', version: '1.150.0', written: '1.150.0', through: 'federation' },
		'`a.test` runs Synapse 1.150.0',
	],
	[
		{ server: 'a.test', at, kind: 'running', version: '1.57.1', written: '1.57.1+dfsg-1', through: 'federation' },
		'`a.test` runs Synapse 1.57.1, which calls itself `1.57.1+dfsg-1`',
	],
	[
		{ server: 'a.test', at, kind: 'other', software: 'Dendrite', written: '0.13.7' },
		'`a.test` runs `Dendrite` `0.13.7`, not Synapse',
	],
	[
		{ server: 'a.test', at, kind: 'unparsable', written: 'x' },
		'`a.test` runs Synapse, with a version I cannot read: `x`',
	],
	[{ server: 'a.test', at, kind: 'hidden', status: 403 }, '`a.test` runs Matrix, but hides its version'],
	[
		{ server: 'a.test', at, kind: 'not-matrix', status: 200, what: 'page' },
		'`a.test` responds, but not with Matrix: a web page, status 200',
	],
	[{ server: 'a.test', at, kind: 'limited', waitSeconds: 600 }, '`a.test` asks me to wait, 10 minutes'],
	[{ server: 'a.test', at, kind: 'failing', status: 502 }, '`a.test` is not working: status 502'],
	[{ server: 'a.test', at, kind: 'excluded' }, '`a.test` is not checked: my configuration excludes it'],
	[{ server: 'a b', at, kind: 'misnamed' }, '`a b` is not a valid homeserver name'],
	[by({ is: 'no-such-name', name: 'a.test' }), '`a.test` could not be reached: the name `a.test` does not exist'],
	[by({ is: 'refused', at: 'a.test:8448' }), '`a.test` could not be reached: `a.test:8448` refuses the connection'],
	[
		by({ is: 'timeout', at: 'a.test:8448', during: 'connection' }),
		'`a.test` could not be reached: nothing accepted the connection in time (`a.test:8448`)',
	],
	[
		by({ is: 'tls', at: 'a.test:8448', fault: 'expired' }),
		'`a.test` could not be reached: its certificate has expired at `a.test:8448`',
	],
	[
		by({ is: 'tls', at: 'a.test:8448', fault: 'wrong-name', names: 'b.test' }),
		'`a.test` could not be reached: its certificate is for another name (`b.test`) at `a.test:8448`',
	],
	[
		by({ is: 'tls', at: 'a.test:8448', fault: 'chain' }),
		'`a.test` could not be reached: its certificate chain leads to no authority I know at `a.test:8448`',
	],
	[
		by({ is: 'forbidden', name: 'a.test' }),
		'`a.test` could not be reached: `a.test` resolves to an address I do not connect to',
	],
])('%o', (observation, result) => {
	expect(observationWords(observation).result).toBe(result);
});

test('says where a delegation leads if the target has a problem', () => {
	const target = { at: 'm.test:443', by: 'well-known', delegated: 'm.test:443' } as const;
	const words = observationWords({ ...by({ is: 'refused', at: 'm.test:443' }), target });
	expect(words.advice).toContain('Its `.well-known/matrix/server` points to `m.test:443`.');
});
