// The output of look.py decides conditions on the configuration, on the packages next to Synapse, and on its Python.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { upgrade } from '../../commands/upgrade.ts';
import { askedByLook, decidedByLook, lookScript } from '../../src/advice/check/look.ts';
import { takeLook } from '../../src/arguments/look.ts';
import { asked } from '../asked.ts';
import { known, knownCode, note } from '../known.ts';
import { wholePorts } from '../respondent.ts';

const ports = await wholePorts([check, upgrade], new Date('2026-11-29T12:00:00Z'));
const image = readFileSync(new URL('../configuration/samples/image/homeserver.yaml', import.meta.url), 'utf8');
type Step = { id: string; must: boolean; refuses: boolean; concerned: unknown; onlyIf?: string };
type PlanValue = { steps: Step[]; profile: Record<string, unknown>; hidden: { id: string }[] };

async function plan(text: string, files?: { name: string; text: string }[]): Promise<PlanValue> {
	const answer = await upgrade.run({ ...asked(text), ...(files && { files }) }, ports);
	return answer.value as unknown as PlanValue;
}

const musts = ({ steps }: PlanValue) => steps.filter(({ must }) => must);
/** Notes that a configuration or installed packages decide, unlike those about the database or admins' scripts. */
const decidable = new Set(ports.knowledge.notes.flatMap(({ id, found }) => (found ? [id] : [])));
const open = (value: PlanValue) =>
	musts(value).filter(({ id, onlyIf, concerned }) => concerned !== true || (onlyIf && decidable.has(id)));
const files = [{ name: 'homeserver.yaml', text: image }];

describe('a plan for pip', () => {
	test('has conditions that no file can decide, and none once the script has run', async () => {
		const before = await plan('1.98 1.163.2 pip postgres=15', files);
		expect(open(before).map(({ id }) => id)).toContain('1.163.0/txredisapi');
		const after = await plan('1.98 1.163.2 pip postgres=15 look python=3.11 none', files);
		expect(open(after)).toEqual([]);
		expect(musts(after).length).toBeLessThanOrEqual(8);
		expect(after.profile).toMatchObject({ python: '3.11' });
	});

	test.each(['1.90', '1.98', '1.120'])(
		'from %s has at most eight things to do, and no condition that could be decided',
		async from => {
			const value = await plan(`${from} 1.163.2 pip postgres=15 look python=3.11 none`, files);
			expect(open(value)).toEqual([]);
			expect(musts(value).length).toBeLessThanOrEqual(8);
			const docker = await plan(`${from} 1.163.2 docker postgres=15`, files);
			expect(open(docker)).toEqual([]);
			expect(musts(docker).length).toBeLessThanOrEqual(8);
		},
	);

	test('says for certain which installed packages are wrong', async () => {
		const value = await plan('1.98 1.163.2 pip postgres=15 look python=3.9 1.163.0/txredisapi ?1.150.0/systemd-extra');
		const step = value.steps.find(({ id }) => id === '1.163.0/txredisapi');
		expect(step).toMatchObject({ concerned: true, refuses: true });
		expect(step?.onlyIf).toBeUndefined();
		expect(open(value).map(({ id }) => id)).toContain('1.150.0/systemd-extra');
		expect(value.steps.find(({ id }) => id === '1.142.0/python-3-10')).toMatchObject({ concerned: true });
	});
});

test.each(['1.157.0/msc3681', '?1.157.0/msc3681', 'fault/1.85.0/nothing', '1.40.0/room-versions-1-to-5'])(
	'refuses %s, which the script for this plan does not print',
	async id => {
		await expect(plan(`1.98 1.163.2 pip look python=3.11 ${id}`)).rejects.toThrow(
			'is not output from the script for 1.98.0 to 1.163.2',
		);
	},
);

test('accepts what facts stated since then rule out', async () => {
	const { steps } = await plan('1.98 1.163.2 docker sqlite look 1.163.0/txredisapi 1.157.0/msc3861-removed');
	expect(steps.find(({ id }) => id === '1.157.0/msc3861-removed')).toMatchObject({ concerned: true });
});

test('lets the files decide what look.py left open', async () => {
	const id = '1.135.0/numeric-form-secret';
	const text = image.replace('"planted-form"', '12345');
	const left = `1.98 1.163.2 docker look python=3.13 ?${id}`;
	expect(open(await plan(left)).map(step => step.id)).toContain(id);
	const step = (await plan(left, [{ name: 'homeserver.yaml', text }])).steps.find(one => one.id === id);
	expect(step).toMatchObject({ concerned: true, refuses: true });
	expect(step?.onlyIf).toBeUndefined();
});

test.each([
	['is ignored for an image, which has its own', 'docker', undefined],
	['is overridden by what a person says', 'pip python=3.12', '3.12'],
	['is used if the environment is permanent', 'debian', '3.11'],
	['is ignored if nobody said how Synapse is installed', '', undefined],
])('the Python that the script ran on %s', async (_, facts, python) => {
	const value = await plan(`1.98 1.163.2 ${facts} look python=3.11 none`);
	expect(value.profile.python).toBe(python);
});

test('asks about faults too, under their own IDs', async () => {
	const { faults } = ports.knowledge;
	const fault = faults.find(({ id }) => id === '1.143.0/zope-interface');
	const questions = askedByLook(ports.knowledge, { from: '1.98.0', to: '1.144.0', profile: new Map() });
	expect(questions.map(({ printed }) => printed)).toContain(`fault/${fault?.id}`);
	expect(decidedByLook(questions, [`fault/${fault?.id}`]).get(`fault ${fault?.id}`)).toBe(true);
	const concerned = async (printed: string) => {
		const answer = await upgrade.run(asked(`1.98 1.144.0 pip look python=3.11 ${printed}`), ports);
		const value = answer.value as unknown as { faults: { id: string; at: string; concerned: unknown }[] };
		return value.faults.find(({ id, at }) => id === fault?.id && at === 'target')?.concerned;
	};
	expect(await concerned(`fault/${fault?.id}`)).toBe(true);
	expect(await concerned(`?fault/${fault?.id}`)).toBe('unknown');
	expect(await concerned('none')).toBeUndefined();
	// The fault was fixed before the starting release.
	const later = askedByLook(ports.knowledge, { from: '1.150.0', to: '1.163.2', profile: new Map() });
	expect(later.map(({ printed }) => printed)).not.toContain(`fault/${fault?.id}`);
});

test('compares package versions number by number', () => {
	const found = { package: 'txredisapi', version: '>=1.4.12 <1.6.0' };
	const { notes } = known({ notes: [note('1.1.0/a', { found })] });
	const questions = askedByLook({ notes, faults: [] }, { from: '1.0.0', to: '1.1.0', profile: new Map() });
	expect(lookScript('CONDITIONS', questions, knownCode().options())).toBe(
		`r'''[["1.1.0/a",{"package":"txredisapi","version":[[">=",[1,4,12]],["<",[1,6,0]]]},false]]'''`,
	);
});

test.each([
	['look python=3.11 none', { printed: ['none'], python: 'python=3.11' }],
	['look none', { printed: ['none'] }],
	['look ?fault/1.50.0/webclient 1.53.0/webclient', { printed: ['?fault/1.50.0/webclient', '1.53.0/webclient'] }],
])('%s', (text, output) => {
	expect(takeLook(text.split(' '))).toEqual({ rest: [], ...output });
});

test.each(['look python=2.7 none', 'look python=3.11; none', 'look fault/x'])('refuses %s', text => {
	expect(() => takeLook(text.split(' '))).toThrow('is not part of it');
});

test('makes !check report installed packages too', async () => {
	const said = (text: string) => check.run(asked(text), ports);
	const value = (await said('1.98 1.163.2 pip look python=3.11 1.163.0/txredisapi')).value;
	expect(value).toMatchObject({ refuses: true, profile: { python: '3.11' } });
	expect((await said('1.98 1.163.2 pip look python=3.11 none')).value).toMatchObject({ refuses: false });
});

test.each([
	['pip', 'env/bin/python look.py homeserver.yaml'],
	['distro', 'sudo python3 look.py'],
	['debian', '/opt/venvs/matrix-synapse/bin/python look.py'],
	['ess', 'python3 - /conf/homeserver.yaml < look.py'],
	['nix', 'python3 look.py $(systemctl cat matrix-synapse'],
])('for %s, says how to run the script there', async (install, command) => {
	const answer = await check.run(asked(`1.98 1.163.2 ${install} look`), ports);
	expect(answer.sections.map(({ markdown }) => markdown).join('\n')).toContain(command);
});

test('draws the same conclusions from facts, whether they come from a person or from the files', async () => {
	const sqlite = 'server_name: example.org\nreport_stats: false\ndatabase: { name: sqlite3 }\n';
	const said = await plan('1.130 1.145 pip os=debian-11 python=3.11 sqlite');
	const found = await plan('1.130 1.145 pip os=debian-11 python=3.11', [{ name: 'homeserver.yaml', text: sqlite }]);
	for (const { steps, profile } of [said, found]) {
		expect(profile).toMatchObject({ database: 'sqlite', sqlite: '3.34.1' });
		expect(steps.find(({ id }) => id === '1.142.0/sqlite-3-37-2')).toMatchObject({ concerned: true, refuses: true });
	}
});

describe('a plan with files says', () => {
	const whole = 'server_name: example.org\nreport_stats: false\ndatabase: { name: psycopg2 }\n';
	const broken = [{ name: 'homeserver.yaml', text: 'server_name: x\ndatabase: [x\n' }];

	test.each(['', ' all'])('which facts in them a person contradicts%s', async all => {
		const files = [{ name: 'homeserver.yaml', text: whole }];
		const { lead } = await upgrade.run({ ...asked(`1.98 1.163.2 docker sqlite${all}`), files }, ports);
		expect(lead).toContain('The files say `postgres`; I go by what you said.');
	});

	test('nothing if they cannot all be used: the plan would look as if they had been', async () => {
		await expect(plan('1.98 1.163.2 docker', broken)).rejects.toThrow(
			/^I cannot use `homeserver\.yaml:\d`: .*`!check` says more\.$/,
		);
		await expect(plan('1.98 1.163.2 docker', [{ name: 'a.yaml', text: whole }, ...broken])).rejects.toThrow(
			/^I cannot use `homeserver/,
		);
	});

	test.each(['', ' all'])('that it cannot use a log, and gives no all-clear%s', async all => {
		const text = '2024-01-01 00:00:00,000 - synapse.storage - 1 - ERROR - main - [: no such table: users\n';
		const files = [
			{ name: 'main.yaml', text: whole },
			{ name: 'homeserver.log', text: text.repeat(3) },
		];
		const { lead, value } = await upgrade.run({ ...asked(`1.98 1.163.2 docker${all}`), files }, ports);
		expect(lead).toMatch(/\n\n⚠️ I cannot use `homeserver\.log(:\d)?`: .*`!check` says more\.$/);
		expect(lead).not.toContain('✅');
		const { steps } = value as unknown as PlanValue;
		expect(steps.find(({ id }) => id === '1.100.0/oidc-client-secret')).toMatchObject({ concerned: 'unknown' });
	});

	test('the same of a quoted message, which may be conversation', async () => {
		const quoted = `\`\`\`yaml\n${broken[0]?.text}\`\`\``;
		const { lead } = await upgrade.run({ ...asked('1.98 1.163.2 docker all'), quoted }, ports);
		expect(lead).toMatch(/I cannot use `message:\d`: /);
	});
});
