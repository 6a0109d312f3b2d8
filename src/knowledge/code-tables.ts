// The tables read from Synapse's code, loaded on first use. They are generated, and not compiled with the notes.
import type { BuildState, Code, DeltaState, RefusalState } from '../configuration/code.ts';
import { type OptionState, optionsOf } from '../configuration/options.ts';
import type { Table } from '../configuration/timeline.ts';
import type { ValueState } from '../configuration/wrong-values.ts';
import { type Folder, folderAt } from './folder.ts';

/** The tables in the knowledge folder; a URL ends in a slash. Loading a missing one throws. */
export function openCode(where: URL | Folder): Code {
	const folder = where instanceof URL ? folderAt(where) : where;
	const read = <State>(name: string): Table<State> =>
		JSON.parse(folder.text(tableFile(name)) ?? missing(name)) as Table<State>;
	return {
		options: once(() => optionsOf(read<OptionState>('options'))),
		values: once(() => read<ValueState>('values')),
		refusals: once(() => read<RefusalState>('refusals')),
		dependencies: once(() => read<string>('dependencies')),
		routes: once(() => read<string>('routes')),
		deltas: once(() => read<DeltaState>('deltas')),
		builds: once(() => read<BuildState>('builds')),
		admin: once(() => read<string>('admin')),
	};
}

/** The tables that a refresh reads from the code. `values` is measured instead, by `npm run verify -- values`. */
export const tables = ['options', 'refusals', 'dependencies', 'routes', 'deltas', 'builds', 'admin'] as const;

export function tableFile(name: string): string {
	return `synapse/code/${name}.json`;
}

function missing(name: string): never {
	throw new Error(`${tableFile(name)} does not exist`);
}

function once<Value>(make: () => Value): () => Value {
	let made: { value: Value } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
}
