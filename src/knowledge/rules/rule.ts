// The input and output of a rule over all knowledge files.
import type { z } from 'zod';
import { isVersion, type Version } from '../../deployment/version.ts';
import type { FaultFile, SymptomFile } from '../schema/fault.ts';
import type { GuideFile, Tried } from '../schema/guide.ts';
import type { Recipe } from '../schema/install.ts';
import type { deltasShape, largeTablesShape, MigrationTime } from '../schema/migrations.ts';
import type { RenamedFile } from '../schema/playbook-variable.ts';
import type {
	Advisory,
	Claims,
	Effect,
	FloorException,
	Lifecycle,
	NoteFile,
	Passage,
	Release,
	Stop,
	Verified,
	Waiver,
} from '../schema/synapse.ts';
import type { YamlFile } from '../schema/yaml-file.ts';

/** All files that have the right shape; those with mistakes are missing. */
export type Files = {
	/** Names of files that are missing because of their own mistakes. No rule should blame another file for that. */
	broken: ReadonlySet<string>;
	/** The options that releases of Synapse have had; empty if there is no table. */
	options: readonly string[];
	releases: readonly Release[];
	passages: readonly Passage[];
	notes: readonly (YamlFile<{ notes: NoteFile[] }> & { release: Version })[];
	faults: readonly (YamlFile<{ faults: FaultFile[] }> & { release: Version })[];
	symptoms: readonly YamlFile<{ symptoms: SymptomFile[] }>[];
	advisories: readonly (YamlFile<Omit<Advisory, 'id'>> & { id: string })[];
	effects: readonly YamlFile<{ effects: Effect[] }>[];
	ways: readonly YamlFile<{ stops: Stop[]; rollbackFloors: FloorException[] }>[];
	waivers: readonly YamlFile<{ waivers: Waiver[] }>[];
	lifecycles: readonly (YamlFile<Lifecycle> & { of: string })[];
	claims: readonly YamlFile<Claims>[];
	verified: readonly Verified[];
	deltas: z.infer<typeof deltasShape>;
	times: readonly MigrationTime[];
	largeTables: readonly YamlFile<z.infer<typeof largeTablesShape>>[];
	installs: readonly (YamlFile<Recipe> & { install: string })[];
	guides: readonly (YamlFile<GuideFile> & { id: string })[];
	tried: readonly Tried[];
	renamed: readonly YamlFile<RenamedFile>[];
};

/** Whether the notes or faults of this release may be missing because their file has mistakes, or a wrong name. */
export function mayBeBroken({ broken }: Files, kind: 'notes' | 'faults', release: string): boolean {
	const folder = `synapse/${kind}/`;
	return [...broken].some(name => {
		const base = name.startsWith(folder) ? name.slice(folder.length).replace(/\.yaml$/, '') : undefined;
		return base !== undefined && (base === release || !isVersion(base));
	});
}

/** Returns each mistake as one line with its position. */
export type KnowledgeRule = (files: Files) => string[];
