// A script waits for every module that its command loads, so commands load few, and no unneeded library.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildProgram } from '../program.ts';

const folder = mkdtempSync(join(tmpdir(), 'glia-loaded-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const counter = join(folder, 'counter.cjs');
const list = join(folder, 'list.json');
writeFileSync(
	counter,
	`const Module = require('node:module');
const names = [];
Module.registerHooks({
	load(url, context, next) {
		names.push(url);
		return next(url, context);
	},
});
const compile = Module.prototype._compile;
Module.prototype._compile = function (code, name, ...more) {
	names.push('file://' + name);
	return compile.call(this, code, name, ...more);
};
process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(names)));
`,
);

/** The modules that the program loads to answer, except Node's own, and the libraries that they belong to. */
function loadedFor(file: string, said: string): { modules: string[]; libraries: string[] } {
	const { status, stderr } = spawnSync(process.execPath, ['--require', counter, file, 'say', said], {
		encoding: 'utf8',
	});
	expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
	const names = (JSON.parse(readFileSync(list, 'utf8')) as string[]).filter(name => name.startsWith('file:'));
	const modules = [...new Set(names)];
	const libraries = modules.flatMap(name => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? []);
	return { modules, libraries: [...new Set(libraries)].sort() };
}

const checkout = join(import.meta.dirname, '../../src/main.ts');

// Only raise a number if the command needs what it loads: 100 more modules cost 20 ms per answer.
test.each([
	['!upgrade 1.56 1.69', 140, ['fastest-levenshtein', 'lru-cache', 'marked', 'semver']],
	['!notes 1.150', 140, ['fastest-levenshtein', 'lru-cache', 'marked', 'semver']],
	['!rollback 1.163 1.120', 100, ['fastest-levenshtein', 'lru-cache', 'marked', 'semver']],
])('%s loads at most %i modules, from these libraries', (said, most, expected) => {
	const { modules, libraries } = loadedFor(checkout, said);
	expect(libraries).toEqual(expected);
	expect(modules.length, modules.join('\n')).toBeLessThanOrEqual(most);
});

test('the single file loads at most 40 pieces, and no library that is loaded on demand', () => {
	const { modules } = loadedFor(buildProgram(folder), '!upgrade 1.56 1.69');
	expect(modules.length, modules.join('\n')).toBeLessThanOrEqual(40);
	expect(modules.filter(name => /\/lib-[^/]*\.cjs$/.test(name))).toEqual([]);
}, 120_000);
