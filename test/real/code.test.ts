// The tables read from Synapse's code, compared with real release archives: reading a release again finds the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { stateAt } from '../../src/configuration/timeline.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { fetchArchive } from '../../tools/refresh/archive.ts';
import { refreshCode } from '../../tools/refresh/code.ts';
import { openSource } from '../../tools/refresh/source.ts';
import { install } from './synapse.ts';

const code = openCode(new URL('../../knowledge/', import.meta.url));

/** Removes what is only in a clone: the schema. */
function ofCode(state: unknown): unknown {
	if (typeof state !== 'object' || state === null) return state;
	const { documented: _, documentedType: __, undocumented: ___, ...rest } = state as Record<string, unknown>;
	return rest.file === 'schema/synapse-config.schema.yaml' ? null : rest;
}

test.each(['1.100.0', '1.140.0', '1.163.2', '1.164.0rc3'])(
	'says what the code of %s says',
	async release => {
		const home = await install();
		const archive = await fetchArchive(release, join(dirname(home), 'archives'), join(home, 'venv', 'bin', 'python'));
		const folder = mkdtempSync(join(tmpdir(), 'glia-code-'));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const found = refreshCode([openSource(archive)], pathToFileURL(`${folder}/`), () => {});
		const options = code.options();
		const tables = {
			options: [...options.byPath.values()],
			refusals: code.refusals().entries,
			dependencies: code.dependencies().entries,
			routes: code.routes().entries,
			deltas: code.deltas().entries,
			builds: code.builds().entries,
			admin: code.admin().entries,
		};
		for (const [name, entries] of Object.entries(tables)) {
			const now = new Map(
				found[name as keyof typeof tables].entries.map(({ key, changes }) => [key, ofCode(changes[0]?.[1])]),
			);
			const kept = new Map(
				entries.flatMap(({ key, changes }): [string, unknown][] => {
					const state = ofCode(stateAt<unknown>(changes as never, release));
					return state === null ? [] : [[key, state]];
				}),
			);
			expect(Object.fromEntries(now), name).toEqual(Object.fromEntries(kept));
			expect(kept.size, name).toBeGreaterThan(3);
		}
	},
	600_000,
);
