// Refusals announced in passages that no curator has read.
import { expect, test } from 'vitest';
import { warningIn } from '../../../src/advice/upgrade/unread.ts';

test.each([
	['Synapse will now refuse to start if `owls` is set.', 'Synapse will now refuse to start if owls is set.'],
	['Grey. Synapse refuses to start without owls. More.', 'Synapse refuses to start without owls.'],
	[
		'- Owls are gone.\n- Synapse will now fail if they are configured.',
		'Synapse will now fail if they are configured.',
	],
	['**Workers fail to start** when two share a name.', 'Workers fail to start when two share a name.'],
	['The server will not start on Python 3.9.', 'The server will not start on Python 3.9.'],
	['With it Synapse can no longer start.', 'With it Synapse can no longer start.'],
	['This raises a `ConfigError`.', 'This raises a ConfigError.'],
	['Owls must be fed before upgrading.', 'Owls must be fed before upgrading.'],
	['Invalid owls are a hard error.', 'Invalid owls are a hard error.'],
	['It prevents Synapse from starting.', 'It prevents Synapse from starting.'],
])('%s', (text, warning) => expect(warningIn(text)).toBe(warning));

test.each(['Owls are grey.', 'Add a failing test.', 'Start the owls.', 'Fix a bug where owls could fail.', ''])(
	'finds no warning in %s',
	text => expect(warningIn(text)).toBeUndefined(),
);

test('cuts a long sentence, and takes linear time on hostile text', () => {
	expect([...(warningIn(`Synapse will now fail ${'x '.repeat(300)}`) ?? '')].length).toBe(160);
	const start = process.cpuUsage();
	for (const sign of ['refuse ', 'be ', 'must be ', 'start-up ', 'will now ', '. ', '\n', 'a', ' '])
		warningIn(sign.repeat(20_000));
	expect(process.cpuUsage(start).user).toBeLessThan(500_000);
});
