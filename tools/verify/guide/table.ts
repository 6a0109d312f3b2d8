// What ran of each guide, stage by stage and error by error, as a page: npm run verify -- guide table.
import { recipeOf } from '../../../src/knowledge/guide-hash.ts';
import { allStages } from '../../../src/knowledge/guide-stages.ts';
import type { Guide, Stage, Tried } from '../../../src/knowledge/schema/synapse.ts';

/** The page. `tried` holds all trials, those of an earlier text of the guides included. */
export function tableOf(guides: readonly Guide[], tried: readonly Tried[]): string {
	return `# What ran of each guide

Made by \`npm run verify -- guide table\` from \`knowledge/guides/tried.json\`; how it ran, and what was played, is told in [guides-verified.md](guides-verified.md). A trial counts as long as the commands, and what they must show, are the same as they were then. The column “not run since” names the cases that ran an earlier text of a stage.

${guides.map(guide => partOf(guide, tried)).join('\n')}`;
}

function partOf(guide: Guide, tried: readonly Tried[]): string {
	const trialsOf = (id: string) => tried.filter(trial => trial.guide === guide.id && trial.of === id);
	const counts = (trial: Tried) => trial.recipe === recipeOf(guide, trial);
	const all = allStages(guide);
	const stages = all.map(stage => stageRow(stage, Map.groupBy(trialsOf(stage.id), counts)));
	const errors = all
		.flatMap(({ failures }) => failures)
		.map(({ id, text, untried }) => {
			const trials = Map.groupBy(trialsOf(id), counts);
			const [trial] = trials.get(true) ?? [];
			const [earlier] = trials.get(false) ?? [];
			const when = (seen: Tried) => `${seen.date}, ${versionWords(seen)}`;
			const not = earlier ? `not since its words changed (${when(earlier)})` : cell(untried ?? 'never');
			const words = text.replaceAll('|', '\\|').replaceAll('`', '');
			return `| \`${id}\` | \`${words}\` | ${trial ? when(trial) : not} |`;
		});
	return `## \`${guide.id}\`

| stage | title | ran | not run since | not, or only read |
| --- | --- | --- | --- | --- |
${stages.join('\n')}

| error | its words | seen |
| --- | --- | --- |
${errors.join('\n')}
`;
}

/** `trials` are those that count, and those of an earlier text. */
function stageRow({ id, title, steps, untried }: Stage, trials: ReadonlyMap<boolean, readonly Tried[]>): string {
	const hasCommands = steps.some(({ commands }) => commands);
	const ran = ranWords(trials.get(true) ?? []) || (hasCommands ? 'never' : 'only words');
	const earlier = ranWords(trials.get(false) ?? []);
	return `| \`${id}\` | ${cell(title)} | ${ran} | ${earlier} | ${cell(untried.map(({ because }) => because).join(' '))} |`;
}

function ranWords(trials: readonly Tried[]): string {
	const words = trials.map(trial => {
		const { from: _, to: __, ...by } = trial.with;
		const how = Object.values(by).join(' ');
		return `${how ? `${how}: ` : ''}${versionWords(trial)}`;
	});
	return [...new Set(words)].join('; ');
}

function versionWords({ versions }: Tried): string {
	return versions.postgresql ?? Object.values(versions).join(', ');
}

function cell(text: string): string {
	return text.replaceAll('|', '\\|').replace(/\{([a-z-]+)\}/g, '$1');
}
