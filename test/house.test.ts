// What readers of the repository can rely on: imports point down, there are no cycles, each library has one home.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function filesIn(folder: string): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
		.map(name => join(folder, name))
		.filter(path => path.endsWith('.ts') && !path.includes('node_modules') && statSync(join(root, path)).isFile());
}

/** What a file imports, types included: ours as a path from the root, others by their name. */
function importsOf(path: string): string[] {
	const text = readFileSync(join(root, path), 'utf8');
	const found = [
		...text.matchAll(/^(?:import|export)\s+[^'"]*?from\s+'([^']+)'/gms),
		...text.matchAll(/^import\s+'([^']+)'/gm),
		...text.matchAll(/\bimport\('([^']+)'\)/g),
	];
	return found.map(([, of = '']) => (of.startsWith('.') ? relative(root, join(root, path, '..', of)) : of));
}

const source = [...filesIn('src'), ...filesIn('commands')];
const all = [...source, ...filesIn('tools'), ...filesIn('crypto'), ...filesIn('bench')];
const imports = new Map(all.map(path => [path, importsOf(path)]));

/** Each folder, from the ground up: a file may import from its own level and from those below, never from above. */
const levels: readonly (readonly string[])[] = [
	['src/runtime/', 'src/text/', 'src/answer.ts'],
	['src/deployment/'],
	['src/configuration/'],
	['src/knowledge/'],
	['src/advice/', 'src/arguments/'],
	['src/command.ts', 'src/ports/'],
	['src/messages/', 'src/render/', 'src/settings/', 'src/config.ts'],
	['src/bot/', 'src/delivery/', 'src/watch/', 'src/edges/', 'commands/'],
	['src/app/'],
	['src/main.ts'],
];

function levelOf(path: string): number {
	return levels.findIndex(rooms => rooms.some(room => path.startsWith(room)));
}

/** Groups of nodes that can reach each other (Tarjan). */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
	const order = new Map<string, number>();
	const lowest = new Map<string, number>();
	const stack: string[] = [];
	const circles: string[][] = [];
	const visit = (node: string): void => {
		order.set(node, order.size);
		lowest.set(node, order.size - 1);
		stack.push(node);
		for (const next of graph.get(node) ?? []) {
			if (!order.has(next)) visit(next);
			if (stack.includes(next)) lowest.set(node, Math.min(lowest.get(node) ?? 0, lowest.get(next) ?? 0));
		}
		if (lowest.get(node) !== order.get(node)) return;
		const group = stack.splice(stack.indexOf(node));
		if (group.length > 1) circles.push(group.sort());
	};
	for (const node of graph.keys()) if (!order.has(node)) visit(node);
	return circles;
}

/** A folder is one unit, and so is a file directly in `src/`. */
function roomOf(path: string): string {
	return dirname(path) === 'src' ? path : dirname(path);
}

/** The line that opens a body: of a function, a method or an arrow, alone or as the last line of its signature. */
const opensBody =
	/(?:\bfunction\b.*|=>|^\t*(?!if|for|while|switch|catch|else|try|do)(?:async |static |get |set )*[*#]?\w+\(.*\)(?:: [^=]+)?|^\t*\)(?:: [^=]+)?(?: =>)?) \{$/;

/**
 * Functions of more lines than `max`, from the line of their name to that of their closing brace, as `name: lines`.
 * Found by the indentation, which the formatter keeps. The comment above one may say why it is long: `Long because …`.
 */
function longFunctions(text: string, max: number): string[] {
	const lines = text.split('\n');
	const depth = (at: number) => /^\t*/.exec(lines[at] ?? '')?.[0].length ?? 0;
	return lines.flatMap((line, at) => {
		if (!opensBody.test(line)) return [];
		let first = at;
		// A signature of several lines closes at the indentation at which it begins.
		if (/^\t*\)/.test(line)) for (first--; depth(first) !== depth(at) || /^\t*\)/.test(lines[first] ?? ''); first--);
		const name = lines[first]?.trim() ?? '';
		const length = lines.findIndex((end, to) => to > at && end.startsWith(`${'\t'.repeat(depth(at))}}`)) - first + 1;
		if (length <= max || /^(?:if|for|while|switch|\} else)\b/.test(name)) return [];
		const above = lines.slice(0, first).join('\n');
		const comment = /(?:\n\t*(?:\/\/|\/?\*).*)+$/.exec(above)?.[0] ?? '';
		return comment.includes('Long because') ? [] : [`${name.slice(0, 60)}: ${length}`];
	});
}

/** A type, an interface or a class, in a file or inside a function. */
const declaresType =
	/^\t*(?:export )?(?:abstract )?(?:type|interface|class) (\w+)(?=\s*(?:=|<|\{|extends|implements))/gm;

/** String literals with at least three words in a row; internal errors do not count. */
function sentencesIn(text: string): string[] {
	const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/gm, '').replace(/throw new TypeError\(.*\)/g, '');
	return [...code.matchAll(/'((?:[^'\\\n]|\\.)*)'|`([^`\n]*)`/g)]
		.map(([, single, template]) => (single ?? template ?? '').replace(/\$\{[^}]*\}/g, 'X'))
		.filter(literal => /[A-Za-z']+(?: [a-z']+){2}/.test(literal));
}

test.each([
	["const a = 'does not start';", 1],
	['const a = `can ruin it: then nothing opens it`;', 1],
	["const a = 'pip install';\n// this is not a sentence", 0],
	["throw new TypeError('nothing to fill it with');", 0],
])('finds the sentences in %j', (text, number) => expect(sentencesIn(text)).toHaveLength(number));

describe('long code', () => {
	const body = (lines: number) => Array.from({ length: lines }, () => '\t\tstep();').join('\n');
	test.each([
		['function f() {', '}'],
		['export async function f(a: string): Promise<void> {', '}'],
		['export function f(\n\ta: string,\n): void {', '}'],
		['const f = (a: string) => {', '};'],
		['\tasync f(a, b) {', '\t},'],
		['\tf: a =>\n\t\tg(async () => {', '\t\t}),'],
	])('is found in %j', (head, tail) => {
		expect(longFunctions(`${head}\n${body(90)}\n${tail}\n`, 80)).toHaveLength(1);
		expect(longFunctions(`${head}\n${body(60)}\n${tail}\n`, 80)).toEqual([]);
	});

	test('is allowed with a reason', () => {
		const text = `${body(2)}\n\n/** Does it all. Long because it is one table. */\nfunction f() {\n${body(90)}\n}\n`;
		expect(longFunctions(text, 80)).toEqual([]);
		expect(longFunctions(text.replace('Long because', 'Somehow'), 80)).toEqual(['function f() {: 92']);
	});
});

describe('the house', () => {
	test('has no function over 80 lines and no file over 400 without a reason', () => {
		const rooms = ['src', 'commands', 'crypto', 'tools'].flatMap(filesIn);
		const functions: string[] = [];
		const files: string[] = [];
		for (const path of rooms) {
			const text = readFileSync(join(root, path), 'utf8');
			functions.push(...longFunctions(text, 80).map(long => `${path}: ${long}`));
			const isLong = text.split('\n').length > 401 && !/^(?:\/\/.*\n)*\/\/.*Long because/.test(text);
			if (isLong) files.push(path);
		}
		expect(functions).toEqual([]);
		expect(files).toEqual([]);
	});

	test('has every file of src/ and commands/ in a known folder', () => {
		expect(source.filter(path => levelOf(path) < 0)).toEqual([]);
	});

	test('imports nothing upwards', () => {
		const up = source.flatMap(path =>
			(imports.get(path) ?? []).filter(of => levelOf(of) > levelOf(path)).map(of => `${path} → ${of}`),
		);
		expect(up).toEqual([]);
	});

	test('has no import cycle between files', () => {
		const graph = new Map(all.map(path => [path, (imports.get(path) ?? []).filter(of => imports.has(of))]));
		expect(circlesIn(graph)).toEqual([]);
	});

	test('has no import cycle between folders', () => {
		const graph = new Map<string, string[]>();
		for (const path of all) {
			const others = (imports.get(path) ?? []).filter(of => imports.has(of)).map(roomOf);
			const room = roomOf(path);
			graph.set(room, [...(graph.get(room) ?? []), ...others.filter(other => other !== room)]);
		}
		expect(circlesIn(graph)).toEqual([]);
	});

	test('has at most five files directly in src/', () => {
		expect(readdirSync(join(root, 'src')).filter(name => name.endsWith('.ts')).length).toBeLessThanOrEqual(5);
	});

	test('uses a type name for one thing only', () => {
		const homes = new Map<string, string[]>();
		for (const path of source)
			for (const [, name = ''] of readFileSync(join(root, path), 'utf8').matchAll(declaresType))
				homes.set(name, [...(homes.get(name) ?? []), path]);
		expect(homes.size).toBeGreaterThan(300);
		const twice = [...homes]
			.filter(([, paths]) => paths.length > 1)
			.map(([name, paths]) => `${name}: ${paths.join(', ')}`);
		expect(twice).toEqual([]);
	});

	test('imports each outside library in one place', () => {
		const homes: Record<string, RegExp> = {
			'matrix-bot-sdk': /^src\/edges\/matrix\//,
			'@matrix-org/matrix-sdk-crypto-nodejs': /^src\/edges\/matrix\//,
			kysely: /^src\/edges\/store\//,
			'node:sqlite': /^(src\/edges\/store|crypto)\//,
			undici: /^src\/edges\//,
			'ipaddr.js': /^src\/edges\/web\//,
			'node:dns': /^src\/edges\/web\//,
			'node:tls': /^src\/edges\/web\//,
			'node:net': /^src\/edges\/(web|control)\//,
			pino: /^src\/runtime\/log\.ts$/,
			'prom-client': /^src\/edges\/health\//,
			marked: /^src\/(render|knowledge\/upstream)\//,
			'sanitize-html': /^src\/render\//,
			re2js: /^src\/configuration\/proxy\//,
			semver: /^src\/deployment\//,
			minisearch: /^src\/advice\/why\//,
		};
		const strays = source.flatMap(path =>
			(imports.get(path) ?? []).flatMap(of => {
				const home = homes[of] ?? homes[of.replace(/\/.*/, '')];
				return home && !home.test(path) ? [`${path} imports ${of}`] : [];
			}),
		);
		expect(strays).toEqual([]);
	});

	test('decides without a clock, the environment or await', () => {
		for (const path of [...filesIn('src/advice'), ...filesIn('src/configuration'), ...filesIn('src/deployment')]) {
			const code = readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|`(?:[^`\\]|\\.)*`/g, '');
			expect(code, path).not.toMatch(/\bawait\b|\basync\b|Date\.now|new Date\(\)|process\./);
		}
	});

	test('writes no sentences where it decides', () => {
		// Never shown to anyone, or not sentences.
		const exceptions: Record<string, string> = {
			'src/advice/upgrade/deadlines.ts': 'the name of what ends',
			'src/advice/why/catalogue.ts': 'what Synapse writes into its log',
			'src/advice/why/refusals.ts': 'what Synapse writes into its log',
			'src/advice/why/symptoms.ts': 'the words that a search leaves out',
		};
		const found = filesIn('src/advice').flatMap(path => {
			const sentences = sentencesIn(readFileSync(join(root, path), 'utf8'));
			return sentences.length ? [{ path, sentences }] : [];
		});
		expect(found.filter(({ path }) => !(path in exceptions))).toEqual([]);
		expect(Object.keys(exceptions).filter(path => !found.some(other => other.path === path))).toEqual([]);
	});

	test('imports no messages where it decides or stores', () => {
		const strays = [...filesIn('src/advice'), ...filesIn('src/edges')].flatMap(path =>
			(imports.get(path) ?? []).filter(of => /^src\/(messages|render)\//.test(of)).map(of => `${path} imports ${of}`),
		);
		expect(strays).toEqual([]);
	});
});
