import { expect, test } from 'vitest';
import { routesBetween } from '../../../src/advice/upgrade/routes.ts';
import { routesSection } from '../../../src/messages/routes.ts';
import { knownCode } from '../../known.ts';

const table = knownCode({
	routes: {
		'1.0.0': {
			'generic_worker ^/kept$': 'any',
			'generic_worker ^/_matrix/client/(r0|v3)/devices$': 'any',
			'generic_worker ^/receipt$': 'any',
			'generic_worker ^/tags$': 'any',
		},
		'1.1.0': {
			'generic_worker ^/kept$': 'any',
			'generic_worker ^/_matrix/client/(r0|v3|unstable)/devices(/|$)': 'any',
			'generic_worker ^/tags$': 'GET',
			'stream receipts ^/receipt$': 'any',
		},
	},
}).routes();

test('lists routes gained, lost and changed, by group', () => {
	expect(routesBetween('1.0.0', '1.1.0', table)).toEqual([
		{
			workers: 'generic_worker',
			gained: [],
			lost: [{ path: '^/receipt$', methods: 'any' }],
			changed: [
				{ path: '^/tags$', methods: 'GET', was: 'any' },
				{
					path: '^/_matrix/client/(r0|v3|unstable)/devices(/|$)',
					methods: 'any',
					was: '^/_matrix/client/(r0|v3)/devices$',
				},
			],
		},
		{ workers: 'stream receipts', gained: [{ path: '^/receipt$', methods: 'any' }], lost: [], changed: [] },
	]);
	expect(routesBetween('1.1.0', '1.1.0', table)).toEqual([]);
});

test('returns nothing for releases older than those that were read', () => {
	expect(routesBetween('0.99.0', '1.1.0', table)).toEqual([]);
});

test('puts removed routes first', () => {
	const range = { from: '1.0.0', to: '1.1.0' };
	const [section] = routesSection({ routes: routesBetween('1.0.0', '1.1.0', table), ...range });
	expect(section?.title).toBe('Worker routes: 1 new, 1 removed');
	expect(section?.markdown).toMatch(
		/Removed: `\^\/receipt\$`\n\* Now only GET: `\^\/tags\$`\n\* Changed: .*→.*\n\n\*\*Writers of the `receipts` stream\*\*\n\n\* New: `\^\/receipt\$`$/,
	);
	expect(routesSection({ routes: [], ...range })).toEqual([]);
});
