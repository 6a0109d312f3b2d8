// Finds a reverse proxy's files among the given ones, and what they do.
import { haproxyOf } from './haproxy.ts';
import { nginxOf } from './nginx.ts';
import type { ReverseProxy } from './route.ts';

type TextFile = { name: string; text: string };

/** Splits the given files into a reverse proxy's and the `rest`. */
export function proxiesOf<File extends TextFile>(
	files: readonly File[],
): { proxy: ReverseProxy | undefined; rest: File[] } {
	const nginx = files.filter(({ text }) => isNginx(text));
	const haproxy = files.filter(file => !nginx.includes(file) && isHaproxy(file.text));
	// HAProxy's maps and lists have no recognisable syntax, so they are found by the names its files use.
	const named = haproxy.map(({ text }) => text).join('\n');
	const lists = haproxy.length
		? files.filter(
				file =>
					!nginx.includes(file) &&
					!haproxy.includes(file) &&
					!/\.ya?ml$/.test(file.name) &&
					named.includes(baseName(file.name)),
			)
		: [];
	const found = [
		...(nginx.length ? [nginxOf(nginx)] : []),
		...(haproxy.length ? [haproxyOf([...haproxy, ...lists])] : []),
	];
	const proxy = found.length
		? {
				sites: found.flatMap(({ sites }) => sites),
				rules: found.flatMap(({ rules }) => rules),
				problems: found.flatMap(({ problems }) => problems),
			}
		: undefined;
	const taken = new Set<TextFile>([...nginx, ...haproxy, ...lists]);
	return { proxy, rest: files.filter(file => !taken.has(file)) };
}

function baseName(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}

/** A block at the start of a line that is not valid YAML. */
function isNginx(text: string): boolean {
	return /^[ \t]*(?:server[ \t]*\{|upstream[ \t]+\S{1,100}[ \t]*\{|location[ \t]+[^\n{]{1,2000}\{|map[ \t]+\S{1,500}[ \t]+\$\w{1,100}[ \t]*\{)/m.test(
		text,
	);
}

function isHaproxy(text: string): boolean {
	return (
		/^(?:frontend|backend|listen)[ \t]+[\w.:-]{1,100}[ \t]*$/m.test(text) &&
		/^[ \t]+(?:use_backend|default_backend|server|acl|bind)[ \t]/m.test(text)
	);
}
