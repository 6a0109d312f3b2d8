// Simulated clones of the playbook and of the charts, and what a refresh writes about them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { distributionIn, refreshDistribution } from '../../../tools/refresh/distributions.ts';
import { familiesIn, refusedIn } from '../../../tools/refresh/playbook-variables.ts';
import { stampSections } from '../../../tools/refresh/stamp-distribution.ts';

function folder(): string {
	const path = mkdtempSync(join(tmpdir(), 'glia-distribution-'));
	onTestFinished(() => rmSync(path, { recursive: true }));
	return path;
}

function clone() {
	const place = folder();
	const git = (day: string, ...args: string[]) => {
		const date = `${day}T12:00:00Z`;
		const env = { ...process.env, GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date };
		const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
		return execFileSync('git', ['-C', place, ...who, ...args], { env, encoding: 'utf8' }).trim();
	};
	git('2020-01-01', 'init', '-q', '-b', 'master');
	const commit = (day: string, files: Record<string, string>) => {
		for (const [name, text] of Object.entries(files)) {
			mkdirSync(dirname(join(place, name)), { recursive: true });
			writeFileSync(join(place, name), text);
		}
		git(day, 'add', '.');
		git(day, 'commit', '-qm', day);
		return git(day, 'rev-parse', 'HEAD');
	};
	return { place, git, commit };
}

const old = 'roles/matrix-synapse/defaults/main.yml';
const role = 'roles/custom/matrix-synapse/defaults/main.yml';
const written = (knowledge: string, name: string) =>
	JSON.parse(readFileSync(join(knowledge, 'distributions', name), 'utf8')) as Record<string, unknown>;

test("reads the playbook's sections with their dates, what it installed when, and each commit", () => {
	const { place, git, commit } = clone();
	const log = (...sections: [string, string][]) => sections.map(([d, h]) => `# ${d}\n\n## ${h}\n\nText.\n`).join('\n');
	const first = commit('2020-02-01', {
		[old]: 'matrix_synapse_docker_image: "x/synapse:v1.9.0"\n',
		'CHANGELOG.md': '',
	});
	commit('2020-03-01', { [old]: 'matrix_synapse_version: v1.11.0\n', 'CHANGELOG.md': log(['2020-02-28', 'One']) });
	git('2020-03-02', 'checkout', '-qb', 'topic');
	git('2020-03-02', 'mv', '-k', old, '.');
	const topic = commit('2020-03-03', { 'CHANGELOG.md': log(['2020-03-03', 'Two'], ['2020-02-28', 'One']) });
	git('2020-03-05', 'checkout', '-q', 'master');
	git('2020-03-08', 'merge', '-q', '--no-ff', '-m', 'merge', 'topic');
	commit('2020-05-01', {
		[role]: 'matrix_synapse_version: v1.12.0\n',
		'CHANGELOG.md': log(['2020-03-03', 'Two'], ['2020-02-28', 'One, reworded'], ['2019-12-31', 'Too old']),
	});
	expect(distributionIn(place)).toBe('mdad');
	const knowledge = folder();
	const work = refreshDistribution('mdad', place, pathToFileURL(`${knowledge}/`), '2026-11-20');
	const upstream = written(knowledge, 'mdad/upstream.json');
	expect(upstream).toMatchObject({
		read: '2026-11-20',
		passages: [
			{ date: '2020-03-03', heading: 'Two', added: '2020-03-08' },
			{ date: '2020-02-28', heading: 'One, reworded', added: '2020-02-28' },
		],
		synapse: [
			{ date: '2020-02-01', synapse: '1.9.0' },
			{ date: '2020-03-01', synapse: '1.11.0' },
			{ date: '2020-05-01', synapse: '1.12.0' },
		],
	});
	const days = written(knowledge, 'mdad/commits.json');
	expect(days['2020-02-01']).toBe(first.slice(0, 9));
	// Merged commits reach users with the merge.
	expect(days['2020-03-08']).toContain(topic.slice(0, 9));
	expect(work).toContain('2 passages are unread');
	expect(work).toContain('unread   2020-03-03 › Two');
	const again = refreshDistribution('mdad', place, pathToFileURL(`${knowledge}/`), '2026-11-20');
	expect(again.filter(line => /^(new|changed|gone)/.test(line))).toEqual([]);
});

test('keeps a withdrawn section, but not a draft of one day or a section that only moved', () => {
	const { place, commit } = clone();
	const log = (...sections: [string, string][]) => sections.map(([d, h]) => `# ${d}\n\n## ${h}\n\nText.\n`).join('\n');
	const first: [string, string] = ['2020-02-28', 'First'];
	const write = (day: string, ...sections: [string, string][]) =>
		commit(day, {
			[role]: `matrix_synapse_version: v1.9.0\n# ${day}\n`,
			'CHANGELOG.md': log(...sections, first),
		});
	write('2020-03-01', ['2020-03-01', 'Worded']);
	write('2020-03-02', ['2020-03-01', 'Reworded']);
	write('2020-03-03', ['2020-03-02', 'Reworded']);
	const gone = write('2020-03-04', ['2020-03-04', 'Dropped'], ['2020-03-02', 'Reworded']);
	write('2020-03-06', ['2020-03-06', 'Draft'], ['2020-03-02', 'Reworded']);
	write('2020-03-06', ['2020-03-02', 'Reworded']);
	write('2020-03-08', ['2020-03-04', 'Dropped for good'], ['2020-03-02', 'Reworded']);
	const knowledge = folder();
	refreshDistribution('mdad', place, pathToFileURL(`${knowledge}/`), '2026-11-20');
	const { passages } = written(knowledge, 'mdad/upstream.json') as { passages: Record<string, string>[] };
	expect(passages.map(({ date, heading, gone: left }) => [date, heading, left])).toEqual([
		['2020-03-04', 'Dropped for good', undefined],
		['2020-03-04', 'Dropped', '2020-03-06'],
		['2020-03-02', 'Reworded', undefined],
		['2020-02-28', 'First', undefined],
	]);
	expect(passages[1]?.url).toContain(`/blob/${gone.slice(0, 9)}/CHANGELOG.md#dropped`);
});

test('reads what each chart installs from its values, and the bullets that need to be read', () => {
	const { place, git, commit } = clone();
	const values = (tag: string) => ({
		'charts/matrix-stack/values.yaml': `image:\n  repository: synapse\n  tag: ${tag}\n`,
	});
	commit('2025-05-16', values('v1.129.0'));
	git('2025-05-16', 'tag', '25.04.01');
	git('2025-05-16', 'tag', 'matrix-tools-0.1.0');
	commit('2025-12-04', values('v1.143.0'));
	git('2025-12-04', 'tag', '25.12.0');
	commit('2026-01-14', {
		...values('v1.145.0-ess.1'),
		'CHANGELOG.md': '# ESS Community Helm Chart 25.12.0 (2025-12-04)\n\n## Removed\n\n- A value. (#9)\n',
	});
	expect(distributionIn(place)).toBe('ess');
	const knowledge = folder();
	const work = refreshDistribution('ess', place, pathToFileURL(`${knowledge}/`), '2026-11-20');
	expect(written(knowledge, 'ess/upstream.json')).toMatchObject({
		charts: [
			{ chart: '25.04.01', date: '2025-05-16', synapse: '1.129.0' },
			{ chart: '25.12.0', date: '2025-12-04', synapse: '1.143.0' },
		],
		passages: [{ chart: '25.12.0', part: 'Removed', bullet: '#9' }],
	});
	expect(work).toContain('unread   25.12.0 › Removed › #9');
	git('2026-02-01', 'rm', '-q', 'CHANGELOG.md');
	commit('2026-02-01', { 'charts/matrix-stack/values.yaml': 'image: {}\n' });
	git('2026-02-01', 'tag', '26.2.0');
	expect(() => refreshDistribution('ess', place, pathToFileURL(`${knowledge}/`), '2026-11-20')).toThrow(
		'the values of chart 26.2.0 name no release of Synapse',
	);
});

test('refuses a folder without a history', () => {
	const place = folder();
	mkdirSync(join(place, dirname(role)), { recursive: true });
	writeFileSync(join(place, role), 'matrix_synapse_version: v1.12.0\n');
	expect(distributionIn(place)).toBeUndefined();
});

test('writes hashes when marking sections as read, and reports missing ones', () => {
	const text = `entries:
  - date: "2026-01-02"
    covers:
      - { heading: One, read: "000000" } # kept
      - { heading: Other, read: "000000" }
`;
	const stamped = stampSections(text, new Map([['2026-01-02 › One', 'abcdef']]));
	expect(stamped).toMatchObject({ changed: 1, unknown: [{ line: 5, what: '2026-01-02 › Other' }] });
	expect(stamped.text).toContain('{ heading: One, read: "abcdef" } # kept');
	const waivers = 'waivers:\n  - { chart: "26.1.0", part: Changed, bullet: "#1", read: "000000", because: No. }\n';
	expect(stampSections(waivers, new Map([['26.1.0 › Changed › #1', '123456']])).text).toContain('read: "123456"');
});

test('reads the names that a role refuses, with their replacements', () => {
	const text = `
    - {'old': 'a_docker_image', 'new': 'a_container_image'}
    - { "old": "a_force_pull", "new": "<removed> (the new community.docker.docker_image_pull module does it)" }
    - "old": "a_ws_port"
      "new": "<superseded by a_web_port, see docs/a_b.md>"
    - {'old': 'a_bot', 'new': '<removed; use a_relay_enabled>'}
  when: "lookup('ansible.builtin.varnames', '^a_(b|c)_.+', wantlist=True) | length > 0"
  msg: "{{ lookup('ansible.builtin.varnames', '^old_.+', wantlist=True) }}"
  when: "lookup('ansible.builtin.varnames', '^a_gone_enabled$', wantlist=True) | length > 0"
  with_items:
    - a_metrics
    - "a_other"
  when: "lookup('ansible.builtin.varnames', ('^' + item + '$'), wantlist=True) | length > 0"
`;
	expect(refusedIn(text)).toEqual([
		{ old: 'a_docker_image', new: 'a_container_image' },
		{ old: 'a_force_pull', new: '' },
		{ old: 'a_ws_port', new: 'a_web_port' },
		{ old: 'a_bot', new: '' },
		...['a_gone_enabled', 'a_metrics', 'a_other'].map(old => ({ old, new: '' })),
	]);
	expect(familiesIn(text)).toEqual(['a_b_*', 'a_c_*', 'old_*']);
});
