// The results of tests as data: the text of verified.json.
import type { Verified } from '../../src/knowledge/schema/synapse.ts';
import { type Claim, recipeHash, releasesOf } from './recipe.ts';
import type { Tried } from './trial.ts';

export function recordOf(claim: Claim, { outcome, error: words }: Tried, date: string): Verified {
	const { recipe, message } = claim;
	const error = words === undefined ? undefined : withoutPlaces(words);
	const said = message === undefined || (error ?? '').includes(message);
	return {
		claim: claim.id,
		kind: claim.kind,
		...(claim.of !== undefined && { of: claim.of }),
		says: claim.says,
		releases: releasesOf(claim),
		database: recipe.database,
		...(recipe.fake && { faked: `${recipe.fake.of} ${recipe.fake.version}` }),
		outcome,
		holds: outcome === claim.expects && said,
		date,
		...(error !== undefined && { error }),
		recipe: recipeHash(claim),
	};
}

/** Paths on this machine mean nothing to others, and must not be published. */
function withoutPlaces(words: string): string {
	return words.replace(/…?(?:\/[\w.+~-]+)+(?=\/lib\/python\d)|\/tmp\/glia-verify-\w+/g, '…');
}

/** One line per result, in the order of the claims; without results of claims that no longer exist. */
export function verifiedText(claims: readonly Claim[], results: ReadonlyMap<string, Verified>): string {
	const lines = claims.flatMap(claim => {
		const result = results.get(claim.id);
		if (!result) return [];
		// If only the wording of a claim has changed since, use the new one.
		return [JSON.stringify(result.recipe === recipeHash(claim) ? { ...result, says: claim.says } : result)];
	});
	return `{"verified": [\n${lines.join(',\n')}\n]}\n`;
}
