import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { located } from '../../../src/advice/upgrade/paths.ts';
import { plan } from '../../../src/advice/upgrade/plan.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import { worded } from '../../../src/messages/switch.ts';
import { deployed } from '../../deployed.ts';

const whole = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
const { installs, notes } = whole;

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

test('where pip is not how Python packages come, it is said after its command', () => {
	const pip = shell('pip install -U some-module');
	expect(at('distro', pip)).toMatch(/some-module\n```\n\nThe distribution's Synapse also gets/);
	expect(at('docker', pip)).toContain('has to be in the image');
	expect(at('pip', pip)).not.toContain('\n\nThe distribution');
	expect(at('distro', 'Take pip install for granted.')).toBe('Take pip install for granted.');
});

test('commands of pip are those of the virtual environment, which is opened first, once for each block', () => {
	const opened = (line: string) => shell(`cd ~/synapse\nsource env/bin/activate\n${line}`);
	expect(at('pip', shell('pip install -U a'))).toBe(opened('pip install -U a'));
	expect(at('pip', shell('# both:\npip install a\npip show a'))).toBe(opened('# both:\npip install a\npip show a'));
	const two = `${shell('ls')}\n\n${shell('pip show a')}`;
	expect(at('pip', two)).toBe(`${shell('ls')}\n\n${opened('pip show a')}`);
	for (const other of ['ls pip', '~/synapse/env/bin/pip install a', 'echo "pip install a"'])
		expect(at('pip', shell(other))).toBe(shell(other));
	expect(at('debian', shell('pip install a'))).not.toContain('activate');
});

test.each(['sqlite', 'postgres workers'])(
	'no step of a plan for pip with %s uses its environment before it is open',
	more => {
		const profile = deployed(`pip ${more}`);
		const { steps } = worded(plan({ from: '1.40.0', to: '1.163.2', profile, today: '2026-11-29' }, whole));
		// `synctl` lies there, too. What one step has opened stays open in its later blocks.
		const using = steps.flatMap(({ text }) => {
			const blocks = [...text.matchAll(/```(?:bash|sh)\n([\s\S]*?)```/g)].map(([, lines = '']) => lines);
			return blocks.find(lines => /^\s*(pip3?|synctl) /m.test(lines)) ?? [];
		});
		expect(using.length).toBeGreaterThan(5);
		for (const lines of using) expect(lines).toMatch(/^cd ~\/synapse\nsource env\/bin\/activate\n/);
	},
);

describe('a plan names no path of another way to install', () => {
	const roots: Record<string, readonly string[]> = {
		debian: ['/etc/matrix-synapse', '/var/lib/matrix-synapse', '/opt/venvs'],
		distro: ['/etc/matrix-synapse', '/var/lib/matrix-synapse'],
		docker: ['/data/'],
		mdad: ['/matrix/synapse', '/data/'],
		ess: ['/data/', '/conf/'],
		pip: [],
		source: [],
		nix: ['/var/lib/matrix-synapse'],
	};
	const all = [...new Set(Object.values(roots).flat())];

	test.each(Object.keys(roots))('%s', install => {
		const profile = deployed(install);
		const { steps } = worded(plan({ from: '0.99.0', to: '1.163.2', profile, today: '2026-11-29' }, whole));
		expect(steps.length).toBeGreaterThan(50);
		const foreign = all.filter(root => !roots[install]?.includes(root));
		const found = steps.flatMap(({ id, text }) =>
			text.split('\n').flatMap(line => (foreign.some(root => line.includes(root)) ? [`${id}: ${line.trim()}`] : [])),
		);
		expect(found).toEqual([]);
	});
});

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
