// The tables read from Synapse's code, opened when first asked for. They are generated and not compiled with the notes.
import { readFileSync } from 'node:fs';
import type { BuildState, Code, DeltaState, RefusalState } from '../configuration/code.ts';
import { type OptionState, optionsOf } from '../configuration/options.ts';
import type { Table } from '../configuration/timeline.ts';

/** The tables below `folder`, which ends in a slash and is that of the knowledge. Asking for one that is not there throws. */
export function openCode(folder: URL): Code {
	const read = <State>(name: string): Table<State> =>
		JSON.parse(readFileSync(new URL(`synapse/code/${name}.json`, folder), 'utf8')) as Table<State>;
	return {
		options: once(() => optionsOf(read<OptionState>('options'))),
		refusals: once(() => read<RefusalState>('refusals')),
		dependencies: once(() => read<string>('dependencies')),
		routes: once(() => read<string>('routes')),
		deltas: once(() => read<DeltaState>('deltas')),
		builds: once(() => read<BuildState>('builds')),
		admin: once(() => read<string>('admin')),
	};
}

function once<Value>(make: () => Value): () => Value {
	let made: { value: Value } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
}
