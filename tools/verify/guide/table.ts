// What ran of each guide, stage by stage and error by error, as a page: npm run verify -- guide table.
import type { Guide, Tried } from '../../../src/knowledge/schema/synapse.ts';

/** The page, from the trials that still count. */
export function tableOf(guides: readonly Guide[], tried: readonly Tried[]): string {
	const parts = guides.map(guide => {
		const own = tried.filter(trial => trial.guide === guide.id);
		const { stages, cleanUp, wayBack } = guide;
		const all = [...stages, ...cleanUp, ...wayBack.before, ...wayBack.again, ...wayBack.after];
		const rows = all.map(({ id, title, steps, untried }) => {
			const ran = ranWords(own.filter(({ of }) => of === id));
			const says = steps.some(({ commands }) => commands) ? 'never' : 'only words';
			return `| \`${id}\` | ${cell(title)} | ${ran || says} | ${cell(untried.map(({ because }) => because).join(' '))} |`;
		});
		const errors = all
			.flatMap(({ failures }) => failures)
			.map(({ id, text, untried }) => {
				const [trial] = own.filter(({ of }) => of === id);
				const seen = trial ? `${trial.date}, ${versionWords(trial)}` : cell(untried ?? 'never');
				return `| \`${id}\` | \`${text.replaceAll('|', '\\|').replaceAll('`', '')}\` | ${seen} |`;
			});
		return `## \`${guide.id}\`

| stage | title | ran | not, or only read |
| --- | --- | --- | --- |
${rows.join('\n')}

| error | its words | seen |
| --- | --- | --- |
${errors.join('\n')}
`;
	});
	return `# What ran of each guide

Made by \`npm run verify -- guide table\` from \`knowledge/guides/tried.json\`; how it ran, and what was played, is told in [guides-verified.md](guides-verified.md). A stage whose commands have changed since counts as not executed.

${parts.join('\n')}`;
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
