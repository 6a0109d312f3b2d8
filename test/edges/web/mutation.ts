// Realistic documents, broken in one place: fields that are missing, have another type or value, are repeated, or huge.
/** Returns a number from 0 to 1. */
type Random = () => number;

function below(random: Random, end: number): number {
	return Math.floor(random() * end);
}

const others: unknown[] = [
	...[
		null,
		true,
		false,
		0,
		-1,
		1.5,
		1e300,
		'',
		' ',
		'0',
		'null',
		'<b>@room</b>',
		'[x](https://evil.test)',
		[],
		{},
		[[]],
	],
	...['9999-99-99', '2026-13-01T00:00:00Z', '1.2.3.4.5', 'v', '__proto__', 'constructor', '\u202E\u0000', '\uD800'],
	...[
		'>= , <',
		'>= 1.0.0, < 0.5.0',
		'1.139.0, 1.139.1',
		'*',
		'os=debian-99',
		'99',
		'-14',
		'26.10 LTS',
		'x'.repeat(5000),
	],
	{ __proto__: null, toString: 'no' },
	Array.from({ length: 50 }, () => ({})),
];

/** The document with one change, and a description of the change. */
export function mutated(text: string, random: Random): { text: string; how: string } {
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch {
		return mutatedText(text, random);
	}
	// One in ten is no longer even JSON.
	if (below(random, 10) === 0) return mutatedText(text, random);
	const places = placesIn(json);
	const place = places[below(random, places.length)];
	if (!place) return mutatedText(text, random);
	const { holder, key, path } = place;
	const kind = below(random, 5);
	if (kind === 0) {
		if (Array.isArray(holder)) holder.splice(Number(key), 1);
		else delete holder[key];
		return { text: JSON.stringify(json), how: `without ${path}` };
	}
	if (kind === 1 && Array.isArray(holder)) {
		holder.push(holder[Number(key)]);
		return { text: JSON.stringify(json), how: `${path} twice` };
	}
	if (kind === 2) {
		const huge = 'x '.repeat(100_000);
		Object.defineProperty(holder, key, { value: huge, enumerable: true, configurable: true, writable: true });
		return { text: JSON.stringify(json), how: `${path} is huge` };
	}
	const other = others[below(random, others.length)];
	Object.defineProperty(holder, key, { value: other, enumerable: true, configurable: true, writable: true });
	return { text: JSON.stringify(json), how: `${path} is ${JSON.stringify(other)?.slice(0, 40)}` };
}

type Holder = Record<string, unknown> | unknown[];
type Place = { holder: Record<string, unknown>; key: string; path: string };

function placesIn(json: unknown, path = '$'): Place[] {
	if (typeof json !== 'object' || json === null) return [];
	const holder = json as Holder;
	return Object.entries(holder).flatMap(([key, value]) => {
		const here = `${path}.${key}`;
		return [{ holder: holder as Record<string, unknown>, key, path: here }, ...placesIn(value, here)];
	});
}

function mutatedText(text: string, random: Random): { text: string; how: string } {
	const at = below(random, text.length + 1);
	const lines = text.split('\n');
	const line = below(random, lines.length);
	const ways: [string, () => string][] = [
		['cut off', () => text.slice(0, at)],
		['empty', () => ''],
		['a web page', () => '<!doctype html><h1>Unicorn!</h1>'],
		['a line missing', () => lines.toSpliced(line, 1).join('\n')],
		['a line twice', () => lines.toSpliced(line, 0, lines[line] ?? '').join('\n')],
		['a huge line', () => lines.toSpliced(line, 0, '#'.repeat(100_000)).join('\n')],
		['brackets', () => `${text.slice(0, at)}${'['.repeat(2000)}${text.slice(at)}`],
		['other bytes', () => `${text.slice(0, at)}\u0000\uFFFD\uD800${text.slice(at + 5)}`],
		['doubled', () => text + text],
		['Windows line ends', () => text.replaceAll('\n', '\r\n')],
		['another number', () => text.replace(/\d+/g, digits => (below(random, 20) ? digits : '99999999999999999999'))],
	];
	const [how, change] = ways[below(random, ways.length)] ?? ['empty', () => ''];
	return { text: change(), how };
}
