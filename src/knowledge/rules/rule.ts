// The input and output of a rule over all knowledge files.
import type { z } from 'zod';
import type { Version } from '../../deployment/version.ts';
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

/** Returns each mistake as one line with its position. */
export type KnowledgeRule = (files: Files) => string[];
