// Words for !check on a reverse proxy: which routes go where they cannot be served.
import type { ProxyChecked, RouteFinding } from '../advice/check/proxy.ts';
import type { Section } from '../answer.ts';
import type { RuleLine } from '../configuration/proxy/route.ts';
import { count, list, sentence } from '../text/format.ts';
import { code } from '../text/markdown.ts';

/** At most this many lines per group on the first screen. */
const maxShown = 8;

const unknownAddress = 'no process in these files has this address';

const undecidable =
	'I cannot say where it sends requests: that depends on something these files do not show, or it changes the path.';

/** The result in one sentence; empty if no proxy was given. */
export function routesVerdict(routes: ProxyChecked | undefined, to: string): string[] {
	if (!routes) return [];
	const wrong = routes.findings.filter(({ problem }) => problem !== 'missing').length;
	const isPartial = routes.problems.length + routes.undecided.length > 0;
	if (wrong)
		return [
			`The proxy sends ${count(wrong, 'route')} to the wrong process.${isPartial ? ' I could not check all of it.' : ''}`,
		];
	if (!routes.reached)
		return [
			isPartial
				? 'I could not check the routes of the proxy.'
				: 'I could not check the routes of the proxy: as far as I can see, it sends none to Synapse.',
		];
	if (isPartial)
		return [`I see no route of ${to} that goes to the wrong process, but could not check all of the proxy.`];
	return [`The proxy sends all routes of ${to} to the right process.`];
}

/** What was not checked, and why. Lines are 0 for a whole file. */
export function uncheckedIn({ problems, undecided, unknown }: ProxyChecked): (RuleLine & { why: string })[] {
	return [
		...problems,
		...undecided.map(at => ({ ...at, why: undecidable })),
		...unknown.map(at => ({ ...at, why: unknownAddress })),
	];
}

export function routeSections(routes: ProxyChecked | undefined, to: string): Section[] {
	if (!routes) return [];
	const lines = (isMissing: boolean) =>
		routes.findings
			.filter(({ problem }) => (problem === 'missing') === isMissing)
			.map(finding => `${place(finding)} ${code(finding.route)}: ${routeText(finding, to)}`);
	const wrong = lines(false);
	const unchecked = uncheckedIn(routes).map(({ why, ...at }) => `${place(at)}: ${sentence(why)}`);
	const missing = lines(true);
	return [
		...(wrong.length
			? [
					{
						title: `Routes to the wrong process (${wrong.length})`,
						mark: '🟡',
						markdown: list(wrong.slice(0, maxShown)),
						fold: false,
					},
				]
			: []),
		...(wrong.length > maxShown
			? [
					{
						title: `Routes to the wrong process: ${wrong.length - maxShown} more`,
						mark: '🟡',
						markdown: list(wrong.slice(maxShown)),
						fold: true,
					},
				]
			: []),
		...(missing.length
			? [{ title: `Routes that a worker could take (${missing.length})`, markdown: list(missing), fold: true }]
			: []),
		...(unchecked.length
			? [
					{
						title: `Could not check in the proxy (${unchecked.length})`,
						markdown: list(unchecked),
						fold: unchecked.length > maxShown,
					},
				]
			: []),
	];
}

function place({ file, line }: RuleLine): string {
	return code(line ? `${file}:${line}` : file);
}

/** A route as a sentence. It names routes, streams and kinds of listeners, never an address or a worker. */
export function routeText({ problem, of = '', method = '', release = '' }: RouteFinding, to: string): string {
	switch (problem) {
		case 'gone':
			return `goes to a worker, but from ${release} on, workers no longer handle it. Send it to the main process.`;
		case 'main-only':
			return `goes to a worker, but in ${to} only the main process handles it.`;
		case 'writer-only':
			return `does not go to the writer of the ${code(of)} stream. Send it there${method === 'GET' ? '' : `, at least ${method}`}.`;
		case 'media-only':
			return `does not go to a process with a ${code('media')} listener.`;
		case 'get-only':
			return `goes to a worker regardless of the method, but workers in ${to} only handle GET. Send the rest to the main process.`;
		case 'no-resource':
			return `goes to a worker whose listener does not have the ${code(of)} resource.`;
		case 'missing':
			return `goes to the main process; workers in ${to} can handle it.`;
	}
}

export function routeJson(finding: RouteFinding, to: string): Record<string, unknown> {
	const { problem, route, file, line, method, of, release } = finding;
	return {
		kind: problem === 'gone' ? 'removed' : 'misplaced',
		option: route,
		file,
		line,
		...(release !== undefined && { release }),
		route: { problem, ...(method !== undefined && { method }), ...(of !== undefined && { of }) },
		text: routeText(finding, to).replaceAll('`', ''),
		sources: [],
	};
}

export function uncheckedJson(routes: ProxyChecked | undefined): Record<string, unknown>[] {
	return routes
		? uncheckedIn(routes).map(({ file, line, why }) => ({ file, line, option: '', why, kind: 'hidden' }))
		: [];
}
