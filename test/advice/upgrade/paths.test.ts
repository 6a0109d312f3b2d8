import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { located, locatedIn } from '../../../src/advice/upgrade/paths.ts';
import { plan } from '../../../src/advice/upgrade/plan.ts';
import { concern } from '../../../src/deployment/condition.ts';
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

test('adds the path to a file name that stands alone in code', () => {
	expect(at('docker', 'Delete it from `homeserver.yaml`.')).toBe('Delete it from `/data/homeserver.yaml`.');
	expect(at('debian', '`homeserver.yaml`')).toBe('`/etc/matrix-synapse/homeserver.yaml`');
});

test('leaves parts of longer names, paths and other words alone', () => {
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

test('adds no path for pip', () =>
	expect(at('pip', '`homeserver.yaml`, `conf.d`')).toBe('`homeserver.yaml`, `conf.d`'));

test('adds a remark to pip commands if Python packages are installed another way', () => {
	const pip = shell('pip install -U some-module');
	expect(at('docker', pip)).toMatch(/some-module\n```\n\nIn a container, such a package has to be in the image/);
	expect(at('pip', pip)).not.toContain('such a package');
	expect(at('docker', 'Take pip install for granted.')).toBe('Take pip install for granted.');
});

describe('without pip, a text has the packages instead of the commands', () => {
	const said =
		"The distribution's Synapse also gets its Python packages from the distribution (`python3-…`), not from pip.";

	test.each([
		[
			'completes the sentence before a block',
			`${shell("pip install -U \\\n  'some-module>=2'")}\nThen.`,
			'Look: `some-module>=2`.\n\nThen.',
		],
		['ends the sentence if the block installs nothing', shell('pip uninstall -y a'), 'Look.'],
		[
			'keeps the other commands of a block',
			shell("ls\npip show a\n~/synapse/env/bin/pip install a 'b<3'\ncat b"),
			`${shell('ls\ncat b')}\n\nThe Python packages: \`a\` and \`b<3\`.`,
		],
		[
			'adds a sentence for a block without an introduction',
			'Some.\n\n```sh\npip install a\n```\n\nMore.',
			'Some.\n\nThe Python package: `a`.\n\nMore.',
		],
		[
			'does not prepare an environment',
			shell(
				'virtualenv -p python3 env\nsource env/bin/activate\npython3 -m venv x\nenv/bin/pip install matrix-synapse',
			),
			'Look.',
		],
		[
			'replaces a command that a sentence says to run',
			"Run `pip install 'a<2' 'b[c]'` there, or run `pip install -U d`.",
			'Install `a<2` and `b[c]` there, or install `d`.',
		],
		[
			'replaces a command in parentheses with its packages',
			'Upgrade it (`pip install --upgrade a`).',
			'Upgrade it (`a`).',
		],
		[
			'leaves out pip commands that show a version',
			'Twisted is older than 21.2 (`pip show twisted`).',
			'Twisted is older than 21.2.',
		],
	])('%s', (_, text, expected) => {
		const own = at('distro', text).trim();
		expect(own.endsWith(said) ? own.slice(0, -said.length).trim() : own).toBe(expected);
		expect(own.endsWith(said)).toBe(/pip install/.test(text));
	});

	test.each(['Take pip install for granted.', 'A fresh `pip install` gets it.', shell('pipx ls')])(
		'leaves %j alone',
		text => {
			expect(at('distro', text)).toBe(text);
		},
	);

	const without = Object.keys(installs).filter(install => installs[install]?.withoutPip);
	/** Matches a sentence left over from a removed block, or a pip command outside a Dockerfile. */
	const leftOver =
		/:\s*(\n\n(?!```|[*] |\d)|(?![\s\S]))|(^|`)(\S*\/)?pip3? (install|show|uninstall|freeze|download|list) |\bvirtualenv |-m venv/m;

	test.each(without)('in every note and fault that concerns %s', install => {
		const concerning = [...notes, ...whole.faults].filter(
			({ applies }) => concern(applies, deployed(install)).is !== false,
		);
		const pip = concerning.filter(({ text }) => /pip3? install/.test(text));
		expect(pip.length).toBeGreaterThan(4);
		const recipe = installs[install];
		if (!recipe) throw new Error(install);
		const found = concerning.flatMap(note => {
			const { id, text, onlyIf = '' } = locatedIn(note, recipe);
			return leftOver.test(text) || leftOver.test(onlyIf) ? [`${id}: ${onlyIf} ${text}`] : [];
		});
		expect(found).toEqual([]);
	});

	test('in the faults of a plan', () => {
		const profile = deployed('distro');
		const { faults } = plan({ from: '1.57.0', to: '1.80.0', profile, today: '2026-11-29' }, whole);
		const texts = faults.map(({ text }) => text).join('\n');
		expect(texts).toContain('Install `pydantic<2`');
		expect(texts).not.toMatch(/pip install /);
	});
});

test("upstream's package has its own environment", () =>
	expect(at('debian', shell('pip install a'))).toContain(
		'```bash\nPATH=/opt/venvs/matrix-synapse/bin:$PATH\npip install a\n```',
	));

test('activates the virtual environment once per block, before pip', () => {
	const opened = (line: string) => shell(`cd ~/synapse\nsource env/bin/activate\n${line}`);
	expect(at('pip', shell('pip install -U a'))).toBe(opened('pip install -U a'));
	expect(at('pip', shell('# both:\npip install a\npip show a'))).toBe(opened('# both:\npip install a\npip show a'));
	const two = `${shell('ls')}\n\n${shell('pip show a')}`;
	expect(at('pip', two)).toBe(`${shell('ls')}\n\n${opened('pip show a')}`);
	for (const other of ['ls pip', '~/synapse/env/bin/pip install a', 'echo "pip install a"'])
		expect(at('pip', shell(other))).toBe(shell(other));
	expect(at('debian', shell('pip install a'))).not.toContain('activate');
});

test.each(['sqlite', 'postgres workers'])('activates the environment before a pip plan with %s uses it', more => {
	const profile = deployed(`pip ${more}`);
	const { steps } = worded(plan({ from: '1.40.0', to: '1.163.2', profile, today: '2026-11-29' }, whole));
	// `synctl` is in the environment too. Once a step has activated it, its later blocks need not do so again.
	const using = steps.flatMap(({ text }) => {
		const blocks = [...text.matchAll(/```(?:bash|sh)\n([\s\S]*?)```/g)].map(([, lines = '']) => lines);
		return blocks.find(lines => /^\s*(pip3?|synctl) /m.test(lines)) ?? [];
	});
	expect(using.length).toBeGreaterThan(5);
	for (const lines of using) expect(lines).toMatch(/^cd ~\/synapse\nsource env\/bin\/activate\n/);
});

describe('a plan has no command for another installation method', () => {
	const pip = /^\s*(\S*\/)?pip3? |\bvenv\b(?!s)|virtualenv /;
	const foreign: Record<string, RegExp> = {
		pip: /^\s*(apt-get install \.|docker|kubectl|helm|just) /,
		source: /^\s*(apt-get install \.|docker|kubectl|helm|just) /,
		debian: /\bvenv\b(?!s)|virtualenv |^\s*(docker|kubectl|helm|just|synctl|git) /,
		distro: new RegExp(`${pip.source}|^\\s*(docker|kubectl|helm|just|synctl|git) |packages\\.matrix\\.org`),
		docker: /\bvenv\b(?!s)|virtualenv |^\s*(apt-get|systemctl|kubectl|helm|just|synctl|git) /,
		mdad: new RegExp(`${pip.source}|^\\s*(apt-get|kubectl|helm|synctl|docker compose) `),
		ess: new RegExp(`${pip.source}|^\\s*(apt-get|systemctl|docker|just|synctl|git) `),
		nix: new RegExp(`${pip.source}|^\\s*(apt-get|docker|kubectl|helm|just|synctl|git) `),
	};

	test.each(
		Object.keys(foreign).flatMap(install => ['0.99.0', '1.40.0', '1.98.0'].map(from => [install, from] as const)),
	)('%s, from %s', (install, from) => {
		const profile = deployed(`${install} workers postgres`);
		const { steps } = worded(plan({ from, to: '1.163.2', profile, today: '2026-11-29' }, whole));
		const found = steps.flatMap(({ id, text }) =>
			[...text.matchAll(/```\w*\n([\s\S]*?)```/g)].flatMap(([, lines = '']) =>
				lines.split('\n').flatMap(line => (foreign[install]?.test(line) ? [`${id}: ${line}`] : [])),
			),
		);
		expect(found).toEqual([]);
	});
});

describe('names no path of another installation method', () => {
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
	test('get the path on the host, in lines that fit on a phone', () => {
		expect(at('debian', shell('grep -n a homeserver.yaml'))).toContain(
			'grep -n a /etc/matrix-synapse/homeserver.yaml\n',
		);
		const long = at('debian', shell('grep -rn msc4108 homeserver.yaml conf.d/'));
		expect(long).toContain(
			'grep -rn msc4108 \\\n  /etc/matrix-synapse/homeserver.yaml \\\n  /etc/matrix-synapse/conf.d/\n',
		);
	});
	test('do not get a path inside a container', () =>
		expect(at('docker', shell('grep -n a homeserver.yaml'))).toBe(shell('grep -n a homeserver.yaml')));
	test('look at what the playbook generated, if nothing is edited', () => {
		expect(at('mdad', shell('ls homeserver.yaml'))).toContain('ls /matrix/synapse/config/homeserver.yaml');
		expect(at('mdad', 'Write it into `homeserver.yaml`.')).toBe('Write it into `homeserver.yaml`.');
	});
	test('in other languages are left alone', () => {
		const yaml = '```yaml\n# homeserver.yaml\n```';
		expect(at('debian', yaml)).toBe(yaml);
	});
});

test('keeps every command in every note valid for a shell', () => {
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
