// A small guide for tests: four stages with a point of no return, a known error, and a way back.
import { guideShape } from '../src/knowledge/schema/guide.ts';
import type { Guide } from '../src/knowledge/schema/synapse.ts';

/** `name`: the default of its one parameter. */
export function smallGuide({ name = 'synapse' } = {}): Guide {
	const wayBack = (id: string, title: string, more = {}) => ({
		id,
		title,
		why: 'W.',
		steps: [{ commands: `undo ${id}` }],
		...more,
	});
	return {
		id: 'small',
		...guideShape.parse({
			title: 'Small',
			summary: 'Small things.',
			parameters: [{ name: 'name', means: 'its name', kind: 'name', default: name }],
			ways: [{ id: 'way', title: 'The way', fits: 'All.' }],
			dangers: [{ text: 'It may hurt.' }],
			stages: [
				{ id: 'look', title: 'Look', why: 'See what there is.', steps: [{ commands: 'ls' }], down: 'begins' },
				{
					id: 'restore',
					title: 'Restore',
					why: 'The rows.',
					steps: [{ commands: 'psql -d {name} < dump.sql' }],
					failures: [
						{
							id: 'role',
							text: 'ERROR: role "…" does not exist',
							cause: 'The role is missing.',
							cure: 'Make it with createuser.',
						},
					],
				},
				{
					id: 'switch',
					title: 'Switch',
					why: 'Use it.',
					down: 'ends',
					noReturn: 'Later writes are lost.',
					steps: [{ commands: 'systemctl start new' }],
				},
			],
			cleanUp: [{ id: 'tidy', title: 'Tidy', why: 'Room.', steps: [{ commands: 'rm dump.sql' }] }],
			wayBack: {
				before: [
					wayBack('halt', 'Go on with the old one', { from: 'look' }),
					wayBack('old', 'Start the old one', { from: 'restore' }),
				],
				again: [wayBack('half', 'Drop the half-made one', { from: 'restore' })],
				after: [wayBack('new', 'Restore the dump of the new one')],
			},
		}),
	};
}
