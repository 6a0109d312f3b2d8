// The commands that something said on the terminal may mean. Scripts ask for one thing in a new process each time, and
// should not wait until all that the bot can say is loaded.
import type { Command } from '../command.ts';

/** What scripts ask for. Any other command, and whatever is not plainly one of these, loads all of them. */
const alone: Readonly<Record<string, () => Promise<Command>>> = {
	upgrade: async () => (await import('../../commands/upgrade.ts')).upgrade,
	notes: async () => (await import('../../commands/notes.ts')).notes,
	rollback: async () => (await import('../../commands/rollback.ts')).rollback,
	check: async () => (await import('../../commands/check.ts')).check,
	option: async () => (await import('../../commands/option.ts')).option,
	options: async () => (await import('../../commands/options.ts')).options,
	why: async () => (await import('../../commands/why.ts')).why,
	deadlines: async () => (await import('../../commands/deadlines.ts')).deadlines,
};

/** `said`: one line, as it stands behind `say`; undefined: whatever may be said later. */
export async function commandsFor(said?: string): Promise<readonly Command[]> {
	const [, name = ''] = /^!([a-z]+)(?: [^\n\r]*)?$/.exec(said ?? '') ?? [];
	const load = Object.hasOwn(alone, name) ? alone[name] : undefined;
	return load ? [await load()] : (await import('../../commands/index.ts')).commands;
}
