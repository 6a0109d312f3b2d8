// Paths of options: `email.smtp_host`, `listeners[].type`, `instance_map.*.port`. Names that contain a dot are in
// quotes.

/** `[]` is a list element, `*` a member of a mapping with user-defined names. */
export type Segment = string;

/** The segments of a path; undefined if it is not one. */
export function parsePath(path: string): Segment[] | undefined {
	const segments: Segment[] = [];
	let rest = path;
	for (let first = true; rest !== ''; first = false) {
		const match = /^(?:(\[\])|(\.?)(?:"([^"]+)"|(\*)|([A-Za-z0-9_:-]+)))/.exec(rest);
		if (!match) return undefined;
		const [whole, element, dot, quoted, member, name] = match;
		if (element === undefined && (dot === '') !== first) return undefined;
		segments.push(element ?? quoted ?? member ?? name ?? '');
		rest = rest.slice(whole.length);
	}
	return segments.length ? segments : undefined;
}

export function writePath(segments: readonly Segment[]): string {
	return segments.reduce(
		(text, segment) =>
			segment === '[]' ? `${text}[]` : `${text}${text && '.'}${segment.includes('.') ? `"${segment}"` : segment}`,
		'',
	);
}
