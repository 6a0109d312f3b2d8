// Finds a reverse proxy's files among the given ones, and what they do.
import { haproxyOf } from './haproxy.ts';
import { nginxOf } from './nginx.ts';
import { filesNamed } from './nginx-syntax.ts';
import { otherProgramOf, type TextFile } from './other-programs.ts';
import { baseName, Effort, type ReverseProxy } from './route.ts';

/** Splits the given files into a reverse proxy's and the `rest`. */
export function proxiesOf<File extends TextFile>(
	files: readonly File[],
): { proxy: ReverseProxy | undefined; rest: File[] } {
	const nginx = files.filter(({ text }) => isNginx(text));
	const haproxy = files.filter(file => !nginx.includes(file) && isHaproxy(file.text));
	const unclear = files.filter(file => !nginx.includes(file) && !haproxy.includes(file) && !isYaml(file));
	// Snippets, maps and lists have no recognisable syntax, so they are found by the names that these files use.
	const snippets = includedIn(nginx, unclear);
	const named = haproxy.map(({ text }) => text).join('\n');
	const lists = haproxy.length ? unclear.filter(file => !snippets.includes(file) && isMentioned(file, named)) : [];
	const taken = new Set<TextFile>([...nginx, ...snippets, ...haproxy, ...lists]);
	const others = files.flatMap(file => {
		const program = taken.has(file) ? undefined : otherProgramOf(file);
		return program === undefined ? [] : [{ file, program }];
	});
	for (const { file } of others) taken.add(file);
	const effort = new Effort();
	const found = [
		...(nginx.length ? [nginxOf([...nginx, ...snippets], effort)] : []),
		...(haproxy.length ? [haproxyOf([...haproxy, ...lists], effort)] : []),
	];
	const proxy = taken.size
		? {
				sites: found.flatMap(({ sites }) => sites),
				rules: found.flatMap(({ rules }) => rules),
				problems: [
					...found.flatMap(({ problems }) => problems),
					...others.map(({ file, program }) => ({
						file: file.name,
						line: 0,
						why: `This file is for ${program}; I can only read files for nginx and HAProxy.`,
					})),
				],
			}
		: undefined;
	return { proxy, rest: files.filter(file => !taken.has(file)) };
}

/** The files that these include, and those that the included ones include. */
function includedIn<File extends TextFile>(nginx: readonly File[], candidates: readonly File[]): File[] {
	const names = candidates.map(({ name }) => name);
	const found = new Set<string>();
	for (let waiting: readonly TextFile[] = nginx; waiting.length; ) {
		const next = new Set<string>();
		for (const { text } of waiting)
			for (const [, wanted = ''] of text.matchAll(/(?:^|[\s;{}])include[ \t]+["']?([^\s;"'{}]{1,300})["']?[ \t]*;/g))
				for (const name of filesNamed(wanted, names)) if (!found.has(name)) next.add(name);
		for (const name of next) found.add(name);
		waiting = candidates.filter(({ name }) => next.has(name));
	}
	return candidates.filter(({ name }) => found.has(name));
}

function isMentioned({ name }: TextFile, text: string): boolean {
	return text.includes(baseName(name));
}

/** `include sites-enabled/*` would otherwise stand for Synapse's files too: not all of them are named `*.yaml`. */
function isYaml({ name, text }: TextFile): boolean {
	return /\.ya?ml$/.test(name) || /^["']?[A-Za-z_][\w.-]{0,100}["']?:(?:\s|$)/m.test(text);
}

/** A block at the start of a line that is not valid YAML. */
function isNginx(text: string): boolean {
	return /^[ \t]*(?:(?:server|http|events|stream)\s{0,50}\{|upstream[ \t]+\S{1,100}\s{0,50}\{|location[ \t]+[^\s{][^\n{]{0,2000}\{|location[ \t]+[^\s{;:][^\n{;:]{0,2000}\n[ \t]{0,50}\{|map[ \t]+\S{1,500}[ \t]+\$\w{1,100}\s{0,50}\{)/m.test(
		text,
	);
}

function isHaproxy(text: string): boolean {
	return (
		/^[ \t]*(?:frontend|backend|listen)[ \t]+[\w.:-]{1,100}[ \t]*(?:from[ \t]+\S{1,100}[ \t]*)?(?:#.*)?$/m.test(text) &&
		/^[ \t]+(?:use_backend|default_backend|server|acl|bind)[ \t]/m.test(text)
	);
}
