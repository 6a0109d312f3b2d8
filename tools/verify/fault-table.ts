// The table of docs/faults.md: the result of each tested fault, as Markdown.
import type { Verified } from '../../src/knowledge/schema/synapse.ts';

const did: Record<Verified['outcome'], string> = {
	starts: 'works',
	refuses: 'does not start',
	misbehaves: 'misbehaves',
	stuck: 'gets stuck',
};

const maxWords = 110;

/** One row per reproduced fault, in the order of the results. */
export function faultTable(verified: readonly Verified[]): string[] {
	const tried = Map.groupBy(
		verified.filter(({ kind }) => kind === 'fault'),
		({ of }) => of ?? '',
	);
	return [...tried].flatMap(([fault, results]) => {
		const cell = (name: string) => {
			const result = results.find(({ claim }) => claim.endsWith(`/${name}`));
			if (!result) return '';
			const { outcome, error, releases } = result;
			return `${releases.at(-1)} ${did[outcome]}${error === undefined ? '' : `: “${words(error)}”`}`;
		};
		const broken = cell('broken');
		return broken ? [`| \`${fault}\` | ${broken} | ${cell('cured')} | ${cell('before')} |`] : [];
	});
}

/** The distinctive end of its message, safe in a table. */
function words(error: string): string {
	const last = error.split('; ').at(-1) ?? error;
	const said = last.replace(/…?\/\S*\/synapse-[^\s/]+\//g, '…/');
	const short = said.length > maxWords ? `${said.slice(0, maxWords - 1)}…` : said;
	return short.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
