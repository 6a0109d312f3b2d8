// Words for published knowledge: whose is in use, and why another bundle is not.
import type { BundleRefusal, Horizon } from '../knowledge/bundle.ts';
import type { BundleTrouble } from '../ports/web.ts';
import { count, duration } from '../text/format.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';
import { sourceTroubleWords } from './upstream-outage.ts';

/** Published knowledge in `!status --json`: times in ISO 8601, `ago` in seconds. */
export type UpdatesStatus = {
	address: string;
	/** Absent while the built-in knowledge is in use. */
	counts?: { author: string; made: string; horizon: Horizon };
	/** When a valid bundle was last found. */
	read?: string;
	ago?: number;
	/** The last check: what it found was refused, or it failed. */
	refused?: { at: string; why: string };
	trouble?: { at: string; why: string };
};

/** Why the last check found no usable bundle, as a clause of Markdown. */
export function bundleTroubleWords(trouble: BundleTrouble): string {
	return 'source' in trouble ? sourceTroubleWords(trouble.source) : refusalWords(trouble.refusal);
}

function refusalWords(refusal: BundleRefusal): string {
	switch (refusal.is) {
		case 'signature':
			return refusal.missing
				? 'it has no valid signature'
				: `its signature was not made with ${code('knowledge.updates.key')}, or the bundle was changed afterwards`;
		case 'too-large':
			return 'it is too large';
		case 'unreadable':
			return `it is signed, but cannot be read: ${escapeMarkdown(refusal.what)}`;
		case 'needs':
			return `it needs Glia ${refusal.glia}`;
		case 'older':
			return `it is older than what I know: made ${day(refusal.made)}, up to ${refusal.horizon.release}, as of ${refusal.horizon.read}`;
		case 'twice':
			return `another bundle was made at the same moment (${day(refusal.made)})`;
		case 'future':
			return `it claims to be from ${refusal.day}, which is in the future`;
		case 'unkept':
			return `I cannot save it in the folder of my store: ${code(refusal.why)}`;
		case 'unchecked':
			return `I could not finish checking it: ${code(refusal.why)}`;
		case 'lacks':
			return `it lacks ${code(refusal.file)}, which I need`;
		case 'shrunk':
			return `it has only ${refusal.now} ${refusal.what}, but I know ${refusal.before}`;
		case 'mistakes': {
			const more = refusal.more > 0 ? ` and ${count(refusal.more, 'more error')}` : '';
			return `it does not pass the checks: ${quoted(refusal.first, 200)}${more}`;
		}
	}
}

function day(moment: string): string {
	return moment.slice(0, 10);
}

export function updatesLine({ address, counts, ago, refused, trouble }: UpdatesStatus): string {
	const whose = counts
		? `curated by ${escapeMarkdown(counts.author)} on ${day(counts.made)}, up to Synapse ${counts.horizon.release} as of ${counts.horizon.read}`
		: 'nothing newer than my built-in knowledge';
	const looked = ago === undefined ? 'not found yet' : `found ${duration(ago)} ago`;
	const last = refused ?? trouble;
	const no = last
		? `. ⚠️ ${refused ? 'Refused' : 'Not fetched'} ${last.at.slice(0, 16).replace('T', ' ')} UTC: ${last.why}`
		: '';
	return `Published knowledge: ${whose}; ${looked} at ${code(new URL(address).host)}${no}`;
}
