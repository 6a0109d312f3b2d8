// Notes contain pip commands. Where packages come from elsewhere, readers need to know which packages those commands
// would install, not the commands.
import { enumerate } from '../../text/format.ts';

/** A command that installs, shows or removes Python packages or prepares pip's environment; with continuation lines. */
const commandLine =
	/^[ \t]*(?:(?:\S*\/)?pip3? |virtualenv |(?:\S*\/)?python[\d.]* -m (?:venv|pip) |(?:source|\.) \S*\/activate\b)(?:.*\\\n)*.*(?:\n|$)/gm;
const block = /^```[a-z]*\n([\s\S]*?)^```(?:\n|$)/gm;
/** A command in a sentence. */
const inline = /(\b[Rr]un\s+)?`(?:\S*\/)?pip3? install ([^`]+)`/g;
const aside = /\s*\(`(?:\S*\/)?pip3? [^`]*`\)/g;
/** One with an argument: `pip install` alone is the name of the command. */
export const pipInstall = /(?:^[ \t]*|`)(?:\S*\/)?pip3? install \S/m;

/** The text with the packages that pip's commands would install, in place of the commands. */
export function withoutPip(text: string): string {
	const parts = text.split(block);
	// Odd parts are the contents of blocks; the blocks themselves have to be put together again.
	const blocks = text.match(block) ?? [];
	const told = parts.map((part, i) => (i % 2 === 1 ? part : sentences(part)));
	let all = '';
	for (const [i, part] of told.entries()) {
		if (i % 2 === 0) {
			all += all.endsWith('\n\n') ? part.replace(/^\n+/, '') : part;
			continue;
		}
		const whole = blocks[(i - 1) / 2] ?? '';
		const left = part.replace(commandLine, '');
		if (left === part) {
			all += whole;
			continue;
		}
		const packages = [...part.matchAll(commandLine)].flatMap(([line]) => packagesOf(line.replace(/\\\n/g, ' ')));
		all = left.trim()
			? `${all}${whole.replace(part, () => left).trimEnd()}\n\n${line(packages)}`
			: introduced(all, packages);
	}
	return all;
}

/** The text before a block, ended with what the block would have installed. */
function introduced(before: string, packages: readonly string[]): string {
	const text = before.trimEnd();
	if (!text.endsWith(':')) return `${text}\n\n${line(packages)}`;
	return `${packages.length > 0 ? `${text} ${enumerate(packages)}` : text.slice(0, -1)}.\n\n`;
}

function line(packages: readonly string[]): string {
	return packages.length > 0 ? `The Python package${packages.length > 1 ? 's' : ''}: ${enumerate(packages)}.\n\n` : '';
}

function sentences(text: string): string {
	return text
		.replace(aside, all => (pipInstall.test(all) ? all : ''))
		.replace(inline, (all, run: string | undefined, rest: string) => {
			const packages = packagesOf(`pip install ${rest}`);
			if (packages.length === 0) return all;
			const verb = run === undefined ? '' : run.startsWith('R') ? 'Install ' : 'install ';
			return `${verb}${enumerate(packages)}`;
		});
}

/** What `pip install` would get, as code. Empty for other commands, Synapse itself, pip itself, files and folders. */
function packagesOf(command: string): string[] {
	const [, rest] = /\bpip3? install (.*)/s.exec(command) ?? [];
	if (rest === undefined) return [];
	const words = [...rest.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
		([, one, two, three]) => one ?? two ?? three ?? '',
	);
	return words
		.filter(
			word =>
				/^[A-Za-z][\w.-]*(\[[\w,-]+\])?([<>=!~][^\s]*)?$/.test(word) && !/^(pip|matrix-synapse(\[all\])?)$/.test(word),
		)
		.map(word => `\`${word}\``);
}
