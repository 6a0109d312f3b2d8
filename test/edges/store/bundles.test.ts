// Bundles in the store's folder when the file system refuses: nothing is left behind, and nothing else stops working.
import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openBundles } from '../../../src/edges/store/bundles.ts';
import { readBundle } from '../../../src/knowledge/bundle.ts';
import { openPublisher, temporary } from '../../published.ts';

/** A folder that belongs to another user; as root, nothing else would refuse to be deleted. */
const foreign = '20220101T100000Z-0123456789ab';
/** Called around every change of name or deletion. */
const watched: (() => void)[] = [];
vi.mock('node:fs', async original => {
	const fs = await original<typeof import('node:fs')>();
	const rmSync: typeof fs.rmSync = (path, options) => {
		for (const look of watched) look();
		if (String(path).endsWith(foreign)) throw Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'rm' });
		fs.rmSync(path, options);
		for (const look of watched) look();
	};
	const renameSync: typeof fs.renameSync = (from, to) => {
		fs.renameSync(from, to);
		for (const look of watched) look();
	};
	return { ...fs, default: { ...fs, rmSync, renameSync }, rmSync, renameSync };
});

const publisher = openPublisher();
const text = publisher.bundle('first');
const signed = { text, signature: publisher.sign(text) };

function bundleOf(text: string) {
	const read = readBundle(text);
	if ('refusal' in read) throw new Error('the bundle cannot be read');
	return read.bundle;
}

test('leaves nothing behind of a bundle that cannot be unpacked', () => {
	const path = temporary();
	// The second file needs a folder where the first one is, as if the disk were full after one file.
	const files = new Map([
		['synapse/notes', 'text'],
		['synapse/notes/1.66.0.yaml', 'text'],
	]);
	for (let retry = 0; retry < 3; retry++)
		expect(() => openBundles(path).unpack({ ...bundleOf(text), files }, signed)).toThrow();
	expect(readdirSync(join(path, 'knowledge'))).toEqual([]);
});

test('always has a bundle that another version checks again, whenever it is killed', () => {
	const path = temporary();
	const bundles = openBundles(path);
	const files = bundles.unpack(bundleOf(text), signed).keep('1.0.0');
	const again = bundles.unpack(bundleOf(text), signed);
	const counts: number[] = [];
	watched.push(() => counts.push([...bundles.all()].length));
	expect(again.keep('1.1.0')).toEqual(files);
	watched.length = 0;
	expect(counts.length).toBeGreaterThan(0);
	expect(Math.min(...counts)).toBe(1);
	expect([...bundles.all()].map(({ checkedBy }) => checkedBy)).toEqual(['1.1.0']);
	expect(readdirSync(join(path, 'knowledge'))).toHaveLength(1);
});

test('tidies up around a folder that it may not delete', () => {
	const path = temporary();
	const bundles = openBundles(path);
	const inUse = bundles.unpack(bundleOf(text), signed).keep('1.0.0');
	const old = ['20210101T100000Z-0123456789ab', foreign, '20230101T100000Z-0123456789ab'];
	for (const name of old) {
		mkdirSync(join(path, 'knowledge', name));
		utimesSync(join(path, 'knowledge', name), 0, 0);
	}
	bundles.tidy([inUse]);
	expect(old.filter(name => existsSync(join(path, 'knowledge', name)))).toEqual([foreign]);
	expect([...bundles.all()]).toHaveLength(1);
});
