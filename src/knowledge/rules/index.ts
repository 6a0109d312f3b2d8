// Every rule, in the order in which mistakes are listed.
import { guideRules } from './guide.ts';
import { installRules } from './install.ts';
import { optionsExist } from './options.ts';
import type { Files, KnowledgeRule } from './rule.ts';
import {
	advisoriesHaveNames,
	beforeSaysWhatToDo,
	claimsAreOfRefusals,
	coversAreRead,
	datesRise,
	familiesStayFamilies,
	faultIdsAreUnique,
	faultsStandWhereTheyBegin,
	faultTrialsAreOfFaults,
	filesAreReleases,
	idsAreUnique,
	measuredMigrationsExist,
	migratedTablesAreClassed,
	notesHaveSources,
	packagedSystemsAreFacts,
	patchesAreNotAffected,
	possibleIsAhead,
	refusingIsMust,
	renamedOnce,
	stopsAreInOrder,
	stopsTellNotes,
	storiesAreInOrder,
	supportEndsAfterRelease,
	versionsExist,
	waiversAreNeeded,
} from './synapse.ts';

/** The rules of guide.ts, which have their own tests. */
export function guidesHold(files: Files): string[] {
	return guideRules.flatMap(rule => rule(files));
}

/** The rules of install.ts, which have their own tests. */
export function recipesHold(files: Files): string[] {
	return installRules.flatMap(rule => rule(files));
}

export const rules: readonly KnowledgeRule[] = [
	filesAreReleases,
	idsAreUnique,
	notesHaveSources,
	possibleIsAhead,
	refusingIsMust,
	beforeSaysWhatToDo,
	versionsExist,
	optionsExist,
	stopsAreInOrder,
	stopsTellNotes,
	storiesAreInOrder,
	coversAreRead,
	waiversAreNeeded,
	patchesAreNotAffected,
	advisoriesHaveNames,
	faultsStandWhereTheyBegin,
	faultTrialsAreOfFaults,
	measuredMigrationsExist,
	migratedTablesAreClassed,
	faultIdsAreUnique,
	supportEndsAfterRelease,
	packagedSystemsAreFacts,
	datesRise,
	claimsAreOfRefusals,
	recipesHold,
	guidesHold,
	renamedOnce,
	familiesStayFamilies,
];
