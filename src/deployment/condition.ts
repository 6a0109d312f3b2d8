// Whether something applies to a deployment: true, false or unknown.
import type { Fact, Profile, Term } from './facts.ts';
import { compareNumbers, parseStored } from './facts.ts';

const knownTerms = new Map<string, Term | undefined>();

/** Caches statements from the knowledge. User input goes to parseTerm instead, because it would make the cache grow. */
function termOf(text: string): Term | undefined {
	const known = knownTerms.get(text);
	if (known !== undefined || knownTerms.has(text)) return known;
	const term = parseStored(text);
	knownTerms.set(text, term);
	return term;
}

/** Which deployments something applies to; absent means all of them. */
export type Applies = { all: readonly string[] } | { any: readonly string[] };

/** True; false with the stated facts that exclude it; or unknown with the facts that would decide. */
export type Concern = { is: true } | { is: false; because: string[] } | { is: 'unknown'; ask: Fact[] };

/** Images contain these, so conditions on them never apply to such a deployment. */
const broughtByImage: readonly Fact[] = ['python', 'sqlite'];

/** Nearly every deployment has these: assumed unless denied. */
const usual: readonly Fact[] = ['federation', 'media'];

const images: readonly (string | boolean)[] = ['docker', 'mdad', 'ess'];

/** Whether Synapse runs from an image that contains its own system, so that the host's system does not matter. */
export function isImage(profile: Profile): boolean {
	const install = profile.get('install');
	return install !== undefined && images.includes(install.value);
}

/** Whether the statement holds for this deployment. Throws a TypeError if the text is not a statement. */
export function holds(text: string, profile: Profile): Concern {
	const term = termOf(text);
	if (!term) throw new TypeError(`not a fact: ${text}`);
	const install = profile.get('install');
	if (install && broughtByImage.includes(term.fact) && isImage(profile)) {
		return { is: false, because: [install.stated] };
	}
	const known = profile.get(term.fact);
	if (!known) {
		const database = profile.get('database');
		const other = { postgres: 'sqlite', sqlite: 'postgres' } as const;
		if ((term.fact === 'postgres' || term.fact === 'sqlite') && database?.value === other[term.fact]) {
			return { is: false, because: [database.stated] };
		}
		if (usual.includes(term.fact) && term.value === true) return { is: true };
		return { is: 'unknown', ask: [term.fact] };
	}
	const result = satisfies(known.value, term);
	if (result === 'unknown') return { is: 'unknown', ask: [term.fact] };
	return result ? { is: true } : { is: false, because: [known.stated] };
}

function satisfies(value: string | boolean, term: Term): boolean | 'unknown' {
	if (typeof value === 'boolean' || typeof term.value === 'boolean') return value === term.value;
	if (term.operator === '=' && !/^\d/.test(term.value)) return value === term.value;
	const order = compareKnown(value, term.value);
	if (order === undefined) return 'unknown';
	if (term.operator === '=') return order === 0;
	if (term.operator === '<') return order < 0;
	if (term.operator === '<=') return order <= 0;
	return term.operator === '>' ? order > 0 : order >= 0;
}

/**
 * Compares a version with a bound, as precisely as both are known: 3.9.2 equals the bound 3.9, and 3.7 may be below
 * the bound 3.7.1 or not (undefined).
 */
function compareKnown(version: string, bound: string): number | undefined {
	const [known, wanted] = [version.split('.'), bound.split('.')];
	const parts = Math.min(known.length, wanted.length);
	const order = compareNumbers(known.slice(0, parts).join('.'), wanted.slice(0, parts).join('.'));
	const isBelowPossible = wanted.slice(parts).some(part => Number(part) > 0);
	return order === 0 && isBelowPossible ? undefined : order;
}

/** Three-valued logic: `all` is false if any statement is, `any` only if all are. */
export function concern(applies: Applies | undefined, profile: Profile): Concern {
	if (!applies) return { is: true };
	const terms = 'all' in applies ? applies.all : applies.any;
	return joined(
		'all' in applies ? 'all' : 'any',
		terms.map(term => holds(term, profile)),
	);
}

type Evaluation<Ask> = { is: true } | { is: false; because: string[] } | { is: 'unknown'; ask: Ask[] };

/** Combines the results of several statements. `how`: whether all of them or at least one must hold. */
export function joined<Ask>(how: 'all' | 'any', results: readonly Evaluation<Ask>[]): Evaluation<Ask> {
	// A shortcut for the usual case, which is evaluated hundreds of times per answer.
	if (results.length === 1 && results[0]) return results[0];
	if (how === 'any' && results.some(result => result.is === true)) return { is: true };
	const because = new Set<string>();
	const ask = new Set<Ask>();
	for (const result of results) {
		if (result.is === false) for (const fact of result.because) because.add(fact);
		else if (result.is === 'unknown') for (const fact of result.ask) ask.add(fact);
	}
	if (how === 'all' && because.size) return { is: false, because: [...because] };
	if (ask.size) return { is: 'unknown', ask: [...ask] };
	return how === 'all' ? { is: true } : { is: false, because: [...because] };
}
