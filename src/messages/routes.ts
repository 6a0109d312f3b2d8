// Words for what workers may serve from a release on, and what they no longer may.
import type { Plan } from '../advice/upgrade/plan.ts';
import type { WorkerRoute } from '../advice/upgrade/routes.ts';
import type { Section } from '../answer.ts';
import { list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { link } from './sections.ts';

const page = 'https://element-hq.github.io/synapse/latest/workers.html';

export function routesSection({ routes: groups = [], from, to }: Pick<Plan, 'routes' | 'from' | 'to'>): Section[] {
	if (!groups.length) return [];
	const gained = groups.reduce((sum, group) => sum + group.gained.length, 0);
	const lost = groups.reduce((sum, group) => sum + group.lost.length, 0);
	const parts = groups.map(({ workers, gained, lost, changed }) => {
		const lines = [
			...lost.map(route => `Removed: ${pathWords(route)}`),
			...changed.map(changedWords),
			...gained.map(route => `New: ${pathWords(route)}`),
		];
		return `**${groupWords(workers)}**\n\n${list(lines)}`;
	});
	const rule =
		"Before the upgrade, remove routes that no longer exist from the reverse proxy; you can add new routes at any time. A stream's routes must go to the workers that write it.";
	return [
		{
			title: `Worker routes: ${gained} new, ${lost} removed`,
			markdown: `The worker routes in ${link('the manual', page)} of ${to}, compared with ${from}. ${rule}\n\n${parts.join('\n\n')}`,
			fold: true,
		},
	];
}

function pathWords({ path, methods }: WorkerRoute): string {
	return `${code(path)}${methods === 'any' ? '' : ` (only ${methods})`}`;
}

function changedWords({ path, methods, was = '' }: WorkerRoute): string {
	if (was.startsWith('^')) return `Changed: ${code(was)} → ${pathWords({ path, methods })}`;
	return methods === 'any' ? `Now all methods: ${code(path)}` : `Now only ${methods}: ${code(path)}`;
}

function groupWords(workers: string): string {
	const stream = /^stream (.*)$/.exec(workers)?.[1];
	return stream === undefined ? code(workers) : `Writers of the ${code(stream)} stream`;
}
