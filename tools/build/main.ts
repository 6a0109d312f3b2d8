// npm run build: creates the program as one file with its libraries, its knowledge and its encryption. A bundler turns
// it into as few modules as can be loaded separately. They follow a small loader, compressed, and are read on demand.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, zstdCompressSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import packageJson from '../../package.json' with { type: 'json' };
import { openCode, tableFile, tables } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { openDistributions } from '../../src/knowledge/distributions.ts';
import { readArguments } from '../arguments.ts';
import { carrying, lazyLibraries, wasmFile } from './plugin.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = new URL('../../knowledge/', import.meta.url);
/** Knowledge files that the running program reads. */
const files = [
	'compiled.json',
	'synapse/upstream.json',
	...[...tables, 'values'].map(tableFile),
	...['mdad/compiled', 'ess/compiled', 'mdad/commits', 'mdad/variables', 'archives'].map(
		name => `distributions/${name}.json`,
	),
];

/** Warnings from the bundler that do not matter here. */
const expected = new Set<string>(['PLUGIN_TIMINGS']);
const usage = '\n  npm run build -- [FILE]   build the program as one file, by default dist/glia.cjs';
const [out = join(root, 'dist/glia.cjs')] = readArguments(usage, {}, 1).positionals;
await openKnowledge(folder);
const distributions = openDistributions(folder);
await Promise.all([distributions.mdad(), distributions.ess()]);
const carried = new Set<string>();
const pieces = new Map<string, Buffer>(await modules());
for (const name of carried) pieces.set(name, readFileSync(join(root, name)));
for (const name of files) pieces.set(name, readFileSync(new URL(name, folder)));
pieces.set('crypto.wasm', readFileSync(wasmFile));
const carriedCode = openCode({ text: name => pieces.get(name)?.toString(), names: () => [] });
// Throws if a table is missing: otherwise the first command that needs it would.
for (const open of Object.values(carriedCode)) open();
mkdirSync(dirname(out), { recursive: true });
const program = programOf(pieces);
writeFileSync(out, program, { mode: 0o755 });
console.log(`${out}: ${Math.round(program.length / 1024)} KB`);

async function modules(): Promise<[string, Buffer][]> {
	const build = await rolldown({
		input: {
			main: join(root, 'tools/build/entry.ts'),
			thread: join(root, 'src/app/bundle-thread.ts'),
			...Object.fromEntries(lazyLibraries.map(name => [`lib-${name}`, name])),
		},
		platform: 'node',
		plugins: [carrying(name => carried.add(name))],
		onLog(level, log) {
			if (level === 'warn' && !expected.has(log.code ?? '')) throw new Error(log.message);
		},
	});
	try {
		const { output } = await build.generate({
			format: 'cjs',
			entryFileNames: '[name].cjs',
			chunkFileNames: '[name]-[hash].cjs',
			// Names stay, so that stack traces are readable, and because crypto/ recognises a binding by its text.
			minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
		});
		return output.map(chunk => {
			if (chunk.type !== 'chunk') throw new Error(`${chunk.fileName} is not a module`);
			return [chunk.fileName, Buffer.from(chunk.code)];
		});
	} finally {
		await build.close();
	}
}

/** The loader, then every piece in base64 within one comment. */
function programOf(pieces: ReadonlyMap<string, Buffer>): string {
	const params = { [constants.ZSTD_c_compressionLevel]: 19 };
	const compressed = [...pieces].map(([name, bytes]) => ({
		name,
		text: zstdCompressSync(bytes, { params }).toString('base64'),
	}));
	const end = '*/\n';
	const table: Record<string, [fromEnd: number, length: number]> = {};
	let left = compressed.reduce((sum, { text }) => sum + text.length + 1, end.length);
	for (const { name, text } of compressed) {
		table[name] = [left, text.length];
		left -= text.length + 1;
	}
	const version = readFileSync(join(root, 'src/node-version.cjs'), 'utf8')
		.replace("require('../package.json').engines.node", JSON.stringify(packageJson.engines.node))
		// There is nothing to install next to the single file.
		.replace(/, ` \+\n\t*'or run `npm ci` [^']*'/, '.`')
		.replace("'use strict';\n", '');
	const head = readFileSync(join(root, 'tools/build/loader.cjs'), 'utf8')
		.replace('__NODE_VERSION__', () => version)
		.replace('__TABLE__', () => JSON.stringify(table));
	return `#!/usr/bin/env node\n${head}/*\n${compressed.map(({ text }) => `${text}\n`).join('')}${end}`;
}
