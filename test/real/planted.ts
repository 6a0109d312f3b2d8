// Configurations with secrets of every kind in every option, and what a script may print about them.
import type { Options } from '../../src/configuration/options.ts';
import { parsePath } from '../../src/configuration/path.ts';

export const secret = 'Zq7xPlantedKv';
export const word = 'correcthorsebattery';
const digits = '84213957';
/** A name of its own: the script replaces it with the same made-up name everywhere, which would hide other leaks. */
export const workerName = 'Wn9xPlantedName';
/** The YAML of each kind of value, and the part of it that must not be printed. */
export const kinds: Record<string, { yaml: string; hidden: string }> = {
	text: { yaml: secret, hidden: secret },
	'a word': { yaml: word, hidden: word },
	'words in quotes': { yaml: `"${word} ${secret}"`, hidden: word },
	'an address with a password': { yaml: `"https://u:${secret}@x.example/"`, hidden: secret },
	'a tag': { yaml: `!secret ${secret}`, hidden: secret },
	'a list': { yaml: `[${secret}, [${secret}]]`, hidden: secret },
	'a mapping': { yaml: `{a: ${secret}, password: ${word}}`, hidden: secret },
	'a name in mixed case': { yaml: `{${secret}: 1}`, hidden: secret },
	'a name of 32 hexadecimal digits': { yaml: '{0f1e2d3c4b5a69788796a5b4c3d2e1f0: 1}', hidden: '0f1e2d3c4b5a6978' },
	'a name like an access token': { yaml: '{syt_YWxpY2U_RkVzcUtKQ0tW_1Yp2mB: 1}', hidden: 'RkVzcUtKQ0tW' },
	'a number': { yaml: digits, hidden: digits },
	'digits in quotes': { yaml: `"${digits}"`, hidden: digits },
	'digits with a unit': { yaml: `"${digits}d"`, hidden: digits },
	'a weak password': { yaml: '"main"', hidden: '' },
};

/** Every option of every release, all with one value. Lists have one element, mappings with free names one member. */
function planted(options: Options, yaml: string, wanted: (path: string) => boolean): string {
	const root: Record<string, unknown> = {};
	for (const path of [...options.byPath.keys()].filter(wanted).sort((a, b) => b.length - a.length)) {
		let here = root;
		const segments = parsePath(path) ?? [];
		for (const [index, name] of segments.entries()) {
			const key = name === '[]' ? '0' : name === '*' ? 'own' : name;
			const isLast = index === segments.length - 1;
			if (isLast) here[key] ??= '@';
			else {
				if (typeof here[key] !== 'object') here[key] = segments[index + 1] === '[]' ? [] : {};
				here = here[key] as Record<string, unknown>;
			}
		}
	}
	return Object.entries(root)
		.map(([key, value]) => `${key}: ${JSON.stringify(value).replaceAll('"@"', () => yaml)}`)
		.join('\n');
}

/** A main file, two worker files and a log configuration, by name, with the same value everywhere. */
export function filesWith(yaml: string, options: Options): Record<string, string> {
	return {
		'homeserver.yaml': `server_name: x.example\n# ${secret} in a comment\n${planted(options, yaml, path => path !== 'worker_name')}\nnot_an_option: ${yaml}\n`,
		'worker1.yaml': `worker_app: synapse.app.generic_worker\nworker_name: ${workerName}\n${planted(options, yaml, path => !/^worker_(app|name)$/.test(path))}\n`,
		'worker2.yaml': `worker_app: ${yaml}\nworker_name: other${workerName}\n`,
		'log.yaml': `version: 1\nhandlers: {h: {class: ${yaml}, filename: ${yaml}, token: ${yaml}}}\nroot: {handlers: [h], level: ${yaml}}\n`,
	};
}

/** The names under which numbers, with or without a unit, are kept on purpose: they mean an amount, not a secret. */
const amount =
	/(?:^|_)(?:port|size|count|factor|limit|period|lifetime|interval|time|timeout|second|width|height|cp_min|cp_max|age|days|delay|ttl|rounds|complexity|after|duration|pixels|max|min|version): /;
/** The lines of a skeleton that show what must be hidden. A list's elements (`- 5`) belong to the name above them. */
export function leaks(text: string, hidden: string): string[] {
	let name = '';
	return text.split('\n').filter(line => {
		if (/^\s*[\w"'-][^:]*:/.test(line)) name = `${line.trim().split(':')[0]}: `;
		if (hidden === '' || !line.includes(hidden)) return false;
		return hidden !== digits || !amount.test(name);
	});
}

/** Files that cannot be read, or only in part. The error must not repeat what they contain. */
export const broken: readonly [what: string, text: string][] = [
	['a mistake on the line of a secret', `server_name: x\npassword: "${secret}\nb: c\n`],
	['an alias that is not there', `server_name: x\npassword: *${secret}\n`],
	['a tab', `server_name: x\nemail:\n\tsmtp_pass: ${secret}\n`],
	['a directive', `%${secret} x\n---\na: b\n`],
	['a template', `server_name: x\nform_secret: {{ ${secret} }}\n`],
	['a block of text', `server_name: x\nform_secret: |\n  ${secret}\n  ${word}\nlist:\n  - >-\n    ${secret}\n`],
	['an anchor, merged', `server_name: x\nx: &${secret} {password: ${secret}}\nemail:\n  <<: *${secret}\n`],
];

/** Everything that look.py may print: the Python version, IDs of notes and faults, or the kind and line of an error. */
export const lookLine =
	/^look(?: python=3\.\d+)?(?:(?: \??(?:fault\/)?\d[\w.]*\/[a-z0-9-]+)+| none)$|^look failed: \w+, line \d+$/;
