// Reads the files that came with a command as one configuration, and what it says about the deployment.

import { deriveFacts } from '../advice/check/derive.ts';
import type { Derived } from '../advice/check/findings.ts';
import { Refusal } from '../answer.ts';
import { type Configuration, configurationOf, type GivenFile } from '../configuration/files.ts';
import { proxiesOf } from '../configuration/proxy/proxy.ts';
import type { ReverseProxy } from '../configuration/proxy/route.ts';
import { filesOfSkeleton } from '../configuration/skeleton.ts';
import { isContradiction, type Profile, parseTerm, profileOf, together, writeTerm } from '../deployment/facts.ts';
import { code } from '../text/markdown.ts';

export type ReadConfiguration = {
	configuration: Configuration;
	derived: Derived[];
	/** What the reverse proxy's files among them do. */
	proxy?: ReverseProxy;
	/** Facts stated by the person, and facts from the files. */
	profile: Profile;
	/** Facts from the files that a person contradicted. */
	contradicted: string[];
};

/**
 * Reads the files, unpacking skeletons. `isWhole`: nothing is configured elsewhere; for a pasted text that is
 * assumed if it names both the server and its database. Throws a Refusal that names a file beyond our limits.
 */
export function readConfiguration(given: readonly GivenFile[], stated: Profile, isWhole: boolean): ReadConfiguration {
	const { proxy, rest } = proxiesOf(given);
	const skeletons = rest.map(file => ({ file, skeleton: filesOfSkeleton(file.text) }));
	const files = skeletons.flatMap(({ file, skeleton }) => skeleton?.files ?? [file]);
	const names = (key: string) => files.some(({ text }) => new RegExp(`^["']?${key}["']?\\s*:`, 'm').test(text));
	const workers = stated.get('workers')?.value;
	const configuration = configurationOf(files, {
		excerpt: (!isWhole || rest.length === 0) && !(names('server_name') && names('database')),
		workers: typeof workers === 'boolean' ? workers : undefined,
	});
	configuration.unreadable.push(...skeletons.flatMap(({ skeleton }) => skeleton?.failed ?? []));
	const limit = configuration.unreadable.find(problem => problem.limit);
	if (limit)
		throw new Refusal(`${code(limit.file + (limit.line === undefined ? '' : `:${limit.line}`))}: ${limit.why}`);
	const derived = deriveFacts(configuration);
	return { configuration, derived, ...(proxy && { proxy }), ...joined(stated, derived) };
}

/** A person's statement takes precedence over the files; the answer mentions contradictions. */
function joined(stated: Profile, derived: readonly { fact: string }[]): { profile: Profile; contradicted: string[] } {
	const terms = derived.flatMap(({ fact }) => parseTerm(fact) ?? []);
	const contradicted = terms.filter(({ fact, value }) => {
		const known = stated.get(fact);
		return known !== undefined && known.value !== value;
	});
	const facts = profileOf(terms.filter(term => !contradicted.includes(term)));
	const profile = isContradiction(facts) ? stated : together(facts, stated);
	return { profile, contradicted: contradicted.map(writeTerm) };
}
