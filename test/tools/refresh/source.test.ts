import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSource } from '../../../tools/refresh/source.ts';

function folderOf(files: Record<string, string>): string {
	const folder = mkdtempSync(join(tmpdir(), 'glia-source-'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	write(folder, files);
	return folder;
}

function write(folder: string, files: Record<string, string>): void {
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	}
}

test('reads the releases of a clone from its tags, and files at each', () => {
	const folder = folderOf({ 'CHANGES.md': 'one ü\n', 'synapse/__init__.py': 'a' });
	const git = (...args: string[]) =>
		execFileSync('git', ['-C', folder, '-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], {
			env: { ...process.env, GIT_COMMITTER_DATE: '2022-01-02T12:00:00Z', GIT_AUTHOR_DATE: '2022-01-02T12:00:00Z' },
		});
	git('init', '-q');
	git('add', '.');
	git('commit', '-qm', 'one');
	for (const tag of ['v0.1', '0.34.0', 'v0.34.1+1', 'v1.9.0.dev1', 'v1.37.1a1', 'dinsic_2018', 'v0.9.0-r5'])
		git('tag', tag);
	git('tag', 'v0.9.3-rc1');
	write(folder, { 'CHANGES.md': 'two\n', 'docs/changelogs/CHANGES-2021.md': 'x', 'docs/changelogs/README.md': 'y' });
	git('add', '.');
	git('commit', '-qm', 'two');
	git('tag', '-a', '-m', 'two', 'v1.2.0');

	for (const place of [folder, join(folder, '.git')]) {
		const source = openSource(place);
		expect([...source.versions].map(([version, { date }]) => [version, date])).toEqual([
			['0.9.0-r5', '2022-01-02'],
			['0.9.3rc1', '2022-01-02'],
			['1.2.0', '2022-01-02'],
		]);
		const texts = source.read(
			['0.9.0-r5', '1.2.0', '9.9.9'],
			['CHANGES.md', 'setup.py', 'docs/changelogs/CHANGES-2021.md'],
		);
		expect([...texts].map(([version, files]) => [version, [...files]])).toEqual([
			['0.9.0-r5', [['CHANGES.md', 'one ü\n']]],
			[
				'1.2.0',
				[
					['CHANGES.md', 'two\n'],
					['docs/changelogs/CHANGES-2021.md', 'x'],
				],
			],
		]);
		expect(source.logPaths('1.2.0')).toEqual(['CHANGES.md', 'docs/changelogs/CHANGES-2021.md']);
		expect(source.logPaths('0.9.0-r5')).toEqual(['CHANGES.md']);
	}
});

test('reads an unpacked archive as the release it names', () => {
	const files = { 'CHANGES.md': 'one', 'docs/changelogs/CHANGES-2021.md': 'x', 'docs/changelogs/README.md': 'y' };
	const source = openSource(
		folderOf({ ...files, 'synapse/a.py': '', 'pyproject.toml': '[project]\nversion = "1.164.0rc3"\n' }),
	);
	expect([...source.versions]).toEqual([['1.164.0rc3', {}]]);
	expect([...source.read(['1.164.0rc3', '1.2.0'], ['CHANGES.md', 'setup.py'])]).toEqual([
		['1.164.0rc3', new Map([['CHANGES.md', 'one']])],
	]);
	expect(source.logPaths('1.164.0rc3')).toEqual(['CHANGES.md', 'docs/changelogs/CHANGES-2021.md']);

	const older = openSource(folderOf({ 'CHANGES.md': '', 'synapse/__init__.py': '__version__ = "1.20.1"\n' }));
	expect([...older.versions.keys()]).toEqual(['1.20.1']);
});

test('refuses anything else, and names it', () => {
	const folder = folderOf({ 'README.md': '' });
	expect(() => openSource(folder)).toThrow(`${folder} is neither a clone of Synapse nor one of its release archives`);
	const nameless = folderOf({ 'CHANGES.md': '', 'synapse/__init__.py': '' });
	expect(() => openSource(nameless)).toThrow('does not say which release it is');
});
