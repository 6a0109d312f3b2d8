// What a refresh changed, as lines for the curator: releases and passages that are new, changed or gone.
import { nameOf } from '../../src/knowledge/cover.ts';
import type { Generated } from './merge.ts';

export function workOf(before: Generated, after: Generated): string[] {
	const known = new Set(before.releases.map(release => release.version));
	const fresh = after.releases.filter(release => !known.has(release.version)).map(release => release.version);
	const old = new Map(before.passages.map(passage => [nameOf(passage), passage]));
	const now = new Map(after.passages.map(passage => [nameOf(passage), passage]));
	const lines = [
		...[...now].filter(([name]) => !old.has(name)).map(([name]) => `new      ${name}`),
		...[...now]
			.filter(([name, { hash }]) => (old.get(name) ?? { hash }).hash !== hash)
			.map(([name]) => `changed  ${name}`),
		...[...old].filter(([name]) => !now.has(name)).map(([name]) => `gone     ${name}`),
	];
	return [
		`${after.releases.length} releases and candidates, ${fresh.length} of them new${fresh.length && known.size ? `: ${fresh.join(', ')}` : ''}`,
		`${after.passages.length} passages, ${lines.length} of them new, changed or gone`,
		...lines,
	];
}
