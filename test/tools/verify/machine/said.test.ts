import { describe, expect, test } from 'vitest';
import { lastWords } from '../../../../tools/verify/machine/said.ts';

const stars = '*'.repeat(75);

/** Real output from releases of different times, and the message in it. */
const outputs: [when: string, output: string, words: string][] = [
	[
		'a mistake in the configuration',
		"Error in configuration at 'form_secret':\n  Config option must be a string\n",
		"Error in configuration at 'form_secret': Config option must be a string",
	],
	[
		'between stars',
		`2021-11-21 10:00:00,000 - root - 350 - WARNING - main - Server hostname: test\n\n${stars}\n Error during initialisation:\n    Cannot use this database\n\n There may be more information in the logs.\n${stars}\n`,
		'Cannot use this database',
	],
	[
		'a traceback between stars',
		`${stars}\n Error during initialisation:\n    Traceback (most recent call last):\n      File "/env/synapse/a.py", line 1, in setup\n        hs.setup()\n    synapse.storage.X: too new\n There may be more information in the logs.\n${stars}\n`,
		'synapse.storage.X: too new',
	],
	[
		'a bare traceback',
		'Traceback (most recent call last):\n  File "/env/synapse/a.py", line 1, in setup\n    hs.setup()\n    ^^^^^^^^^^\nsqlite3.OperationalError: no such table: a\n',
		'sqlite3.OperationalError: no such table: a',
	],
	[
		'one exception after another',
		'Traceback (most recent call last):\n  File "/env/a.py", line 1, in a\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "/env/a.py", line 2, in b\nValueError: b\n',
		'ValueError: b',
	],
	[
		'written line by line to the log',
		'2019-11-21 10:00:00,000 - twisted - 254 - ERROR -  - Traceback (most recent call last):\n2019-11-21 10:00:00,000 - twisted - 254 - ERROR -  -   File "/env/a.py", line 1, in a\n2019-11-21 10:00:00,000 - twisted - 254 - ERROR -  -     raise ValueError(\n2019-11-21 10:00:00,000 - twisted - 254 - ERROR -  - ValueError: too new\n',
		'ValueError: too new',
	],
	[
		'several lines without a frame',
		'Synapse 1.0 needs a<2, but got a==2\nMissing Requirements: "a"\nTo install run:\n    pip install a\n',
		'Synapse 1.0 needs a<2, but got a==2 Missing Requirements: "a" To install run: pip install a',
	],
	['a path of this machine', 'Unable to read /tmp/trial/log.yaml\n', 'Unable to read …/log.yaml'],
];

describe('the last words of a release', () => {
	test.each(outputs)('%s', (_, output, words) => {
		expect(lastWords(output, ['/tmp/trial'])).toBe(words);
	});
});
