// The messages with which releases refuse to start are recognised when filled in, wrapped and inside a traceback.
import { expect, test } from 'vitest';
import { diagnose } from '../../../src/advice/why/diagnose.ts';
import { stateAt } from '../../../src/configuration/timeline.ts';
import { isCandidate } from '../../../src/deployment/version.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);

const values = [
	'/etc/matrix-synapse/keys/signing.key',
	'fed-sender-2',
	"['alpha', 'beta', 'gamma']",
	'oidc_providers',
	'b00b1e5',
	'17',
	'matrix.example.org',
];

function filledIn(template: string, seed: number): string {
	let next = seed;
	return template
		.replace(/\{\}|%\(\w+\)[sdr]|%[sdr]/g, () => values[next++ % values.length] ?? '')
		.replaceAll('{{', '{')
		.replaceAll('}}', '}');
}

/** Wraps the text like a terminal of this width: between words if possible, otherwise within a word. */
function wrapped(text: string, width: number): string {
	const lines: string[] = [];
	for (const line of text.split('\n')) {
		let rest = line;
		while (rest.length > width) {
			const space = rest.lastIndexOf(' ', width);
			const at = space > width / 3 ? space : width;
			lines.push(rest.slice(0, at));
			rest = rest.slice(at).trimStart();
		}
		lines.push(rest);
	}
	return lines.join('\n');
}

/** Without placeholders, punctuation and case, so that messages that differ only in those compare as equal. */
const bare = (template: string) => template.replace(/\{\}|%\(\w+\)[sdr]|%[sdr]|[^a-z0-9_]/gi, '').toLowerCase();

function traceback(file: string, inside: string, raises: string, message: string): string {
	return [
		'Traceback (most recent call last):',
		'  File "/usr/lib/python3.11/runpy.py", line 198, in _run_module_as_main',
		'    return _run_code(code, main_globals, None,',
		'  File "/opt/venvs/matrix-synapse/lib/python3.11/site-packages/synapse/app/homeserver.py", line 348, in main',
		'    homeserver_config = setup(sys.argv[1:])',
		`  File "/opt/venvs/matrix-synapse/lib/python3.11/site-packages/${file}", line 88, in ${inside}`,
		'    raise error',
		`${raises === 'quit_with_error' ? 'ERROR' : `synapse.errors.${raises}`}: ${message}`,
	].join('\n');
}

const { read, entries } = code.refusals();
const stable = read.filter(version => !isCandidate(version));
const releases = [...new Set([...stable.filter((_, i) => i % 10 === 0), read.at(-1) ?? ''])];

test('recognises at least 99 % of the refusals of every tenth release', { timeout: 120_000 }, () => {
	const missed: string[] = [];
	let asked = 0;
	for (const [round, release] of releases.entries()) {
		for (const [i, { key, changes }] of entries.entries()) {
			const state = stateAt(changes, release);
			if (!state) continue;
			asked++;
			const [file = '', ...words] = key.split(' ');
			const template = words.join(' ');
			const message = filledIn(template, i + round);
			const text = wrapped(traceback(file, state.in, state.raises, message), 80);
			const [best] = diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches;
			const refusal = best?.entry.of === 'refusal' ? best.entry : best?.refusal;
			if (bare(refusal?.refusal.text ?? '') !== bare(template)) missed.push(`${release} ${key} → ${best?.entry.id}`);
		}
	}
	expect(asked).toBeGreaterThan(2000);
	expect(missed.length / asked, missed.slice(0, 20).join('\n')).toBeLessThanOrEqual(0.01);
});
