// What is left to do after a refresh, as lines for the curator.

import type { CodeReading } from '../../src/knowledge/code-reading.ts';
import { unreadIn } from '../../src/knowledge/load.ts';
import type { Files } from '../../src/knowledge/rules/rule.ts';
import { coversAreRead, waiversAreNeeded } from '../../src/knowledge/rules/synapse.ts';
import { nameOf } from '../../src/knowledge/schema/coverage.ts';
import { type CodePassage, codePassageName } from '../../src/knowledge/upstream/code-passages.ts';
import type { Generated } from './merge.ts';

/** What this refresh found: releases and passages that are new, changed or gone since the last one. */
export function newsOf(before: Generated, after: Generated): string[] {
	const known = new Set(before.releases.map(release => release.version));
	const fresh = after.releases.map(release => release.version).filter(version => !known.has(version));
	const old = new Map(before.passages.map(passage => [nameOf(passage), passage.hash]));
	const now = new Map(after.passages.map(passage => [nameOf(passage), passage.hash]));
	const isFirst = !known.size;
	const newest =
		after.releases
			.map(({ date }) => date)
			.sort()
			.at(-1) ?? 'no day';
	return [
		`${after.releases.length} releases and candidates up to ${newest}, ${after.passages.length} passages`,
		...(isFirst ? [] : fresh.map(version => `new      release ${version}`)),
		...(isFirst ? [] : [...now.keys()].filter(name => !old.has(name)).map(name => `new      ${name}`)),
		...[...now].filter(([name, hash]) => (old.get(name) ?? hash) !== hash).map(([name]) => `changed  ${name}`),
		...[...old.keys()].filter(name => !now.has(name)).map(name => `gone     ${name}`),
	];
}

/** What the curated files do not cover in upstream's current documents and code, and what in them no longer fits. */
export function workOf(files: Files, code: Pick<CodeReading, 'unread' | 'mistakes'>): string[] {
	const unread = [
		...unreadIn(files).map(passage => `unread   ${nameOf(passage)}`),
		...code.unread.map(passage => `unread   ${codePassageName(passage)}${differenceWords(passage)}`),
	];
	const wrong = [...coversAreRead(files), ...waiversAreNeeded(files), ...code.mistakes];
	return [
		`${unread.length} passages are unread; ${wrong.length} covers and waivers no longer fit`,
		...unread,
		...wrong,
	];
}

/** `: 10M → 50M` for a default and the like, empty if the key says everything. */
function differenceWords({ kind, change, was, is }: CodePassage): string {
	if (change === 'default' || change === 'accepts') {
		const [before, after] = [was, is].map(state => JSON.stringify((state as Record<string, unknown>)[change]));
		return `: ${before ?? 'anything'} → ${after ?? 'anything'}`;
	}
	if (change === 'changed' && kind !== 'option') return `: ${was} → ${is}`;
	return kind === 'dependency' && is !== null ? `: ${is}` : '';
}
