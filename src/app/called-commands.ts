// Loads only the commands that a line in the terminal may mean. Scripts start a new process for each question,
// and should not wait until everything is loaded.
import { helpWord } from '../bot/respond.ts';
import type { Command } from '../command.ts';

/** Commands that scripts use. Any other command, and anything not clearly one of these, loads all of them. */
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

/** `said`: one line, as after `say`; undefined: anything may be said later. */
export async function commandsFor(said?: string): Promise<readonly Command[]> {
	const [, name = '', words = ''] = /^!([a-z]+)((?: [^\n\r]*)?)$/.exec(said ?? '') ?? [];
	const load = Object.hasOwn(alone, name) && !helpWord.test(words.trim()) ? alone[name] : undefined;
	return load ? [await load()] : (await import('../../commands/index.ts')).commands;
}
