// A bundler plugin: the single-file program must contain the files that our modules load from disk in a checkout.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
const crypto = createRequire(join(root, 'crypto/index.ts'));
const wasm = dirname(crypto.resolve('@matrix-org/matrix-sdk-crypto-wasm'));
const indexedDb = dirname(crypto.resolve('fake-indexeddb'));

/** A passage in a source file that loads another file from disk, and its replacement. Every passage must occur. */
type Replacement = { file: RegExp; from: string | RegExp; to: string };

const changes: readonly Replacement[] = [
	{ file: /src\/edges\/matrix\/sdk\.ts$/, from: "createRequire(import.meta.url)('matrix", to: "require('matrix" },
	{
		file: /src\/edges\/matrix\/sdk\.ts$/,
		from: "new URL('./not-loaded.cjs', import.meta.url).href",
		to: "'not-loaded'",
	},
	{ file: /crypto\/(wasm|mirror)\.ts$/, from: 'const require = createRequire(import.meta.url);\n', to: '' },
	{
		file: /crypto\/wasm\.ts$/,
		from: /require\(\n?\s*join\(dirname\(require\.resolve\('@matrix-org\/matrix-sdk-crypto-wasm'\)\), 'pkg', '([\w.]+)'\),?\s*\)/,
		to: `require(${JSON.stringify(join(wasm, 'pkg/$1'))})`,
	},
	{
		file: /crypto\/mirror\.ts$/,
		from: "const entry = require.resolve('fake-indexeddb');\n",
		to: `const { version } = require(${JSON.stringify(join(indexedDb, '../../package.json'))});\n`,
	},
	{
		file: /crypto\/mirror\.ts$/,
		from: /\tconst \{ version \} = JSON\.parse\(readFileSync\(join\(dirname\(entry\)[^\n]*\n/,
		to: '',
	},
	{ file: /crypto\/mirror\.ts$/, from: 'require(entry)', to: "require('fake-indexeddb')" },
	{
		file: /crypto\/mirror\.ts$/,
		from: "require(join(dirname(entry), 'lib/ObjectStore.js'))",
		to: `require(${JSON.stringify(join(indexedDb, 'lib/ObjectStore.js'))})`,
	},
	{
		file: /matrix-sdk-crypto-wasm\/node\.cjs$/,
		from: 'readFileSync(filename)',
		to: "require('glia:pieces').bytes('crypto.wasm')",
	},
	{
		file: /matrix-sdk-crypto-wasm\/node\.cjs$/,
		from: 'await readFile(filename)',
		to: "require('glia:pieces').bytes('crypto.wasm')",
	},
	{
		file: /src\/app\/knowledge-updates\.ts$/,
		from: "new URL('./bundle-thread.ts', import.meta.url)",
		to: "require('glia:pieces').program",
	},
];

/** Whether a module is ours, not a library's. */
function isOurs(id: string): boolean {
	return /^(src|commands|crypto)\//.test(relative(root, id));
}

/** matrix-bot-sdk's libraries that our code never reaches, as in src/edges/matrix/sdk.ts. */
const unused = /^const unused = new Set\((\[.*?\])\);$/m;

/** Libraries that are loaded on demand, each as a separate module. */
export const lazyLibraries = ['temporal-polyfill', 'yaml', 're2js'];

/** The encryption's WebAssembly, one of the pieces. */
export const wasmFile = join(wasm, 'pkg/matrix_sdk_crypto_wasm_bg.wasm');

/** Makes our modules get these files from the loader (loader.cjs). `carry` is called with the name of each file. */
export function carrying(carry: (name: string) => void): Plugin {
	const found = new Set<Replacement>();
	const sdk = readFileSync(join(root, 'src/edges/matrix/sdk.ts'), 'utf8');
	const [, listed = '[]'] = unused.exec(sdk) ?? [];
	const notLoaded = new Set<string>(JSON.parse(listed.replaceAll("'", '"')) as string[]);
	if (notLoaded.size === 0) throw new Error('sdk.ts no longer lists what is not loaded');
	/** The two things that any of our modules may load from disk: a file, and a library that it may not need. */
	const carriedIn = (code: string, id: string) =>
		code
			.replace(/readFileSync\(\s*new URL\('([^']+)', import\.meta\.url\)(, 'utf8')?\)/g, (_, path, isText) => {
				const name = relative(root, join(dirname(id), path));
				carry(name);
				return `require('glia:pieces').${isText ? 'text' : 'bytes'}('${name}')`;
			})
			.replace(/createRequire\(import\.meta\.url\)\('([\w-]+)'\)/g, (whole, name) =>
				lazyLibraries.includes(name) ? `require('./lib-${name}.cjs')` : whole,
			);
	return {
		name: 'glia-carrying',
		resolveId(id, importer) {
			if (id === 'glia:pieces' || id.startsWith('./lib-')) return { id, external: true };
			if (importer?.includes('/node_modules/matrix-bot-sdk/') && notLoaded.has(id))
				return join(root, 'src/edges/matrix/not-loaded.cjs');
			if (id.endsWith('/own-edition.ts')) return join(root, 'tools/build/own-edition.ts');
			return null;
		},
		transform(code, id) {
			let changed = code;
			if (isOurs(id)) changed = carriedIn(changed, id);
			for (const change of changes) {
				if (!change.file.test(id)) continue;
				const next = changed.replace(change.from, change.to);
				if (next === changed) throw new Error(`${id} no longer contains ${change.from}: see tools/build/plugin.ts`);
				changed = next;
				found.add(change);
			}
			if (isOurs(id) && /import\.meta|createRequire\(/.test(changed))
				throw new Error(`${id} loads a file from disk: see tools/build/plugin.ts`);
			return changed === code ? null : { code: changed, moduleType: id.endsWith('.ts') ? 'ts' : 'js' };
		},
		buildEnd() {
			for (const change of changes)
				if (!found.has(change)) throw new Error(`no file matches ${change.file}: see tools/build/plugin.ts`);
		},
	};
}
