import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { located } from '../../../src/advice/upgrade/paths.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const { installs, notes } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));

function at(install: string, text: string): string {
	const recipe = installs[install];
	if (!recipe) throw new Error(`no recipe for ${install}`);
	return located(text, recipe);
}
const shell = (line: string) => `Look:\n\n\`\`\`bash\n${line}\n\`\`\``;

test('a name alone in code gets its path', () => {
	expect(at('docker', 'Delete it from `homeserver.yaml`.')).toBe('Delete it from `/data/homeserver.yaml`.');
	expect(at('debian', '`homeserver.yaml`')).toBe('`/etc/matrix-synapse/homeserver.yaml`');
});

test('a part of a longer name, a path or other words stays', () => {
	for (const text of [
		'homeserver.yaml',
		'`worker_app: homeserver.yaml`',
		'`/x/homeserver.yaml`',
		'`homeserver.yaml.old`',
	])
		expect(at('debian', text)).toBe(text);
	for (const line of ['ls /x/homeserver.yaml', 'ls my-homeserver.yaml', 'ls homeserver.yaml.bak'])
		expect(at('debian', shell(line))).toBe(shell(line));
});

test('a plain installation has plain names', () =>
	expect(at('pip', '`homeserver.yaml`, `conf.d`')).toBe('`homeserver.yaml`, `conf.d`'));

describe('commands', () => {
	test('get it on the host, on lines that a phone shows', () => {
		expect(at('debian', shell('grep -n a homeserver.yaml'))).toContain(
			'grep -n a /etc/matrix-synapse/homeserver.yaml\n',
		);
		const long = at('debian', shell('grep -rn msc4108 homeserver.yaml conf.d/'));
		expect(long).toContain(
			'grep -rn msc4108 \\\n  /etc/matrix-synapse/homeserver.yaml \\\n  /etc/matrix-synapse/conf.d/\n',
		);
	});
	test('do not get what lies inside a container', () =>
		expect(at('docker', shell('grep -n a homeserver.yaml'))).toBe(shell('grep -n a homeserver.yaml')));
	test('look at what the playbook made, where nothing is edited', () => {
		expect(at('mdad', shell('ls homeserver.yaml'))).toContain('ls /matrix/synapse/config/homeserver.yaml');
		expect(at('mdad', 'Write it into `homeserver.yaml`.')).toBe('Write it into `homeserver.yaml`.');
	});
	test('in other languages stay', () => {
		const yaml = '```yaml\n# homeserver.yaml\n```';
		expect(at('debian', yaml)).toBe(yaml);
	});
});

test('every command of every note is one that a shell still reads', () => {
	const blocks = (text: string) =>
		[...text.matchAll(/```(?:bash|sh)\n([\s\S]*?)\n```/g)].map(([, lines = '']) => lines);
	for (const { id, text } of notes) {
		const before = blocks(text);
		const after = blocks(at('debian', text));
		expect(after.length, id).toBe(before.length);
		for (const [i, lines] of after.entries())
			if (lines !== before[i]) expect(() => execFileSync('sh', ['-n', '-c', lines]), id).not.toThrow();
	}
});
