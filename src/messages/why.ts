// Words for !why: whether data is in danger, whether it is safe to start again or go back, the fix and how sure
// it is; then what it is and since when.
import { failureText } from '../advice/guide/failure.ts';
import { located } from '../advice/upgrade/paths.ts';
import type { Diagnosis, WhyMatch } from '../advice/why/diagnose.ts';
import { type RefusalSite, wantOf } from '../advice/why/refusals.ts';
import type { Answer, Section } from '../answer.ts';
import type { Profile } from '../deployment/facts.ts';
import { compare, type Version } from '../deployment/version.ts';
import type { Recipe, Recipes } from '../knowledge/schema/install.ts';
import type { Note, Source } from '../knowledge/schema/synapse.ts';
import { capital, count, firstSentence } from '../text/format.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';
import { confidence } from './confidence.ts';
import { refusalWords } from './refusals.ts';
import { link } from './sections.ts';
import { appliesClause } from './whose.ts';

/**
 * safe: start anything; after-fix: harmless, but futile before the fix; wait: Synapse is working, so let it; unsafe:
 * start nothing.
 */
type Forward = 'safe' | 'after-fix' | 'wait' | 'unsafe';

/** A match as in the JSON. */
export type ToldMatch = {
	id: string;
	kind: 'refusal' | 'fault' | 'guide' | 'migration' | 'dependency';
	class: 'cause' | 'harmless' | 'hopeless' | 'consequence' | 'vague';
	title: string;
	cause: string;
	since?: Version;
	until?: Version;
	option?: string;
	do: string;
	danger: 'nothing' | 'service' | 'data';
	forward: Forward;
	note?: string;
	sure: boolean;
	line?: number;
	sources: readonly Source[];
};

type WhyTelling = {
	profile: Profile;
	versions: readonly Version[];
	taken: readonly string[];
	/** How to inspect and restart each type of installation. */
	installs: Recipes;
};

export function whyWords(diagnosis: Diagnosis, telling: WhyTelling): Answer {
	const recipe = recipeOf(telling);
	const told = diagnosis.matches.map(match => ({ match, told: inPlace(toldOf(match, telling.profile), recipe) }));
	const value = {
		format: 1,
		matches: told.map(one => one.told),
		...(diagnosis.unexplained && { unexplained: diagnosis.unexplained }),
		harmless: diagnosis.harmless.map(({ entry, count }) => ({ id: entry.id, count })),
		seen: diagnosis.seen,
	};
	const taken = telling.taken.map(line => `*${line}*`);
	const [best, ...others] = told;
	if (!best)
		return {
			value,
			kind: 'answer',
			lead: [unknownWords(diagnosis, telling), ...taken].join('\n\n'),
			sections: quietSection(diagnosis),
		};
	const line = diagnosis.unexplained?.line;
	const unknown = line ? [`The first error (line ${line}) has a **different** cause; ${helpWords(telling)}`] : [];
	return {
		value,
		kind: 'answer',
		lead: [leadOf(best.match, best.told, others.length), ...unknown, ...taken].join('\n\n'),
		sections: [
			...commandsSection(best.told, recipe),
			about(best.match, best.told),
			...others.map(({ match, told }) => otherSection(match, told)),
			...quietSection(diagnosis),
		],
	};
}

const marks = { hopeless: '🛑 ', cause: '', consequence: '', vague: '', harmless: '' } as const;

function leadOf(match: WhyMatch, told: ToldMatch, others: number): string {
	const { entry, fit, refusal } = match;
	const sure = confidence(told, match, others);
	const first =
		entry.rank === 'vague'
			? 'Not clear from this alone'
			: entry.rank === 'harmless'
				? 'Harmless'
				: entry.rank === 'hopeless'
					? 'Stop'
					: sure.short;
	// A symptom's text is already in this order.
	const danger = [dangerWords(told, refusal !== undefined), startWords(told, entry.of)].filter(Boolean).join(' ');
	const order = entry.of === 'symptom' ? told.do : `${danger} ${told.do}`;
	const fits = fit === 'no' ? ' It does not match the release in your text.' : '';
	return [`${marks[entry.rank]}**${first}: ${told.title}.**`, order, `*Confidence: ${sure.long}${fits}*`].join('\n\n');
}

function dangerWords({ danger }: ToldMatch, isRefusal: boolean): string {
	if (danger === 'data') return 'Your data may be in danger.';
	if (danger === 'service')
		return isRefusal
			? 'Your data is safe, but the server does not start.'
			: 'Your data is safe, but the server is not working correctly.';
	return 'Nothing is damaged.';
}

function startWords({ forward, kind }: ToldMatch, of: WhyMatch['entry']['of']): string {
	if (forward === 'unsafe') return 'Do not start anything until you have read this.';
	if (kind === 'refusal') return '';
	return of === 'fault'
		? 'You can start Synapse again, but the problem remains until you run a release that fixes it.'
		: '';
}

function about(match: WhyMatch, told: ToldMatch): Section {
	const { entry, options, notes } = match;
	const message = match.refusal ?? (entry.of === 'refusal' ? entry : undefined);
	const lines = [
		causeWords(told),
		...(message ? [`The message: ${quoted(message.refusal.text.replaceAll('{}', '…'), 240)}`] : []),
		...(options.length && entry.of !== 'refusal' ? [`Options: ${options.map(code).join(', ')}`] : []),
		spanWords(told),
		...(entry.applies ? [`It affects you if ${appliesClause(entry.applies)}.`] : []),
		...(match.line
			? [`First seen on line ${match.line}${match.count > 1 ? `, ${match.count} times in total` : ''}.`]
			: []),
		...notes.slice(0, 2).map(note => `Note: ${escapeMarkdown(note.title)} (${code(`!notes ${note.release}`)})`),
		sourceWords(told.sources),
	].filter(line => line !== '');
	return { title: 'What it is', markdown: lines.join('\n\n'), fold: false };
}

/** What the cause says beyond the title, which is often its first sentence. */
function causeWords({ title, cause }: ToldMatch): string {
	return cause.startsWith(title) ? capital(cause.slice(title.length).replace(/^[.:]?\s*/, '')) : cause;
}

function spanWords({ since, until }: ToldMatch): string {
	if (since && until) return `Affects releases from ${since} until the fix in ${until}.`;
	if (since) return `Affects ${since} and newer.`;
	return until ? `Affects releases before ${until}.` : '';
}

function otherSection(match: WhyMatch, told: ToldMatch): Section {
	const parts = [causeWords(told), told.do, spanWords(told), sourceWords(told.sources)].filter(Boolean);
	const also = match.by === 'words' || !told.sure ? 'Or' : 'Also';
	return { title: `${also}: ${plain(told.title)}`, markdown: parts.join('\n\n'), fold: true };
}

const plain = (markdown: string) => markdown.replaceAll('`', '');

function sourceWords(sources: readonly Source[]): string {
	const links = new Map(sources.map(source => [source.url, link(`${source.document} ${source.section}`, source.url)]));
	return links.size ? `Sources: ${[...links.values()].slice(0, 4).join(', ')}` : '';
}

function quietSection({ harmless }: Diagnosis): Section[] {
	if (harmless.length === 0) return [];
	const lines = harmless.slice(0, 5).map(({ entry, count: many }) => {
		const title = entry.of === 'symptom' ? entry.symptom.title : entry.id;
		return `* ${escapeMarkdown(title)} (${count(many, 'time')})`;
	});
	return [{ title: 'Harmless lines', markdown: `You can ignore these:\n\n${lines.join('\n')}`, fold: true }];
}

/** The recipe of the stated type of installation; others' paths are not guessed. */
function recipeOf({ profile, installs }: WhyTelling): Recipe | undefined {
	return installs[String(profile.get('install')?.value ?? '')];
}

/** With the paths of this type of installation. */
function inPlace(told: ToldMatch, recipe: Recipe | undefined): ToldMatch {
	if (!recipe) return told;
	const [title, cause, cure] = [told.title, told.cause, told.do].map(text => located(text, recipe));
	return { ...told, title: title ?? '', cause: cause ?? '', do: cure ?? '' };
}

/** What to type after the fix. Empty if the installation is unknown, or if nothing may be or needs to be restarted. */
function commandsSection(told: ToldMatch, recipe: Recipe | undefined): Section[] {
	const isFixed = told.forward === 'after-fix' && (told.class === 'cause' || told.class === 'consequence');
	if (!recipe?.apply || !isFixed) return [];
	const where = told.option === undefined ? '' : placeWords(recipe);
	const block = (lines: readonly string[]) => `\`\`\`bash\n${lines.join('\n')}\n\`\`\``;
	const watch = recipe.log ? `\n\nThen watch the log:\n\n${block(recipe.log)}` : '';
	return [
		{ title: 'After the fix', markdown: `${where}Restart Synapse:\n\n${block(recipe.apply)}${watch}`, fold: false },
	];
}

/** Where to set an option in this type of installation. */
function placeWords({ paths, generated, inside }: Recipe): string {
	const main = code('homeserver.yaml');
	if (generated) return `This installation generates ${main}: change its source instead.\n\n`;
	const path = paths['homeserver.yaml'];
	if (path === undefined) return '';
	const also = paths['conf.d'] === undefined ? '' : `, or a file in ${code(paths['conf.d'])}`;
	return `${main} is ${code(path)}${inside ? ' inside the container' : ''}${also}.\n\n`;
}

/** The command that shows the log, by type of installation. */
const logs: Record<string, string> = {
	docker: 'docker compose logs --tail 300 synapse',
	mdad: 'journalctl -u matrix-synapse -n 300',
	ess: 'kubectl -n ess logs sts/ess-synapse-main --tail 300',
	debian: 'journalctl -u matrix-synapse -n 300',
	distro: 'journalctl -u matrix-synapse -n 300',
};

function helpWords({ profile }: WhyTelling): string {
	const install = String(profile.get('install')?.value ?? '');
	const command = logs[install] ?? 'journalctl -u matrix-synapse -n 300';
	const docker = install === '' ? `, or ${code('docker compose logs --tail 300 synapse')} in Docker` : '';
	return `please send the lines around the *first* error since the last start (${code(command)}${docker}), and add your release and installation method to the command, for example ${code('!why 1.163 docker …')}.`;
}

function unknownWords({ unexplained, lines, harmless }: Diagnosis, telling: WhyTelling): string {
	const where = unexplained && lines > 1 ? ` The first error is on line ${unexplained.line}.` : '';
	const quiet = harmless.length ? ' The lines I know are harmless.' : '';
	const help = helpWords(telling);
	return `**I do not recognise this error.**${where}${quiet} I cannot offer a fix, or say whether your data is at risk. Do not change anything in the database until you know more.\n\n${help.charAt(0).toUpperCase()}${help.slice(1)}`;
}

function toldOf(match: WhyMatch, profile: Profile): ToldMatch {
	const { entry } = match;
	const told = ofEntry(match, profile);
	const note = told.note ?? match.notes[0]?.id;
	const sources = new Map(
		[...told.sources, ...match.notes.flatMap(one => one.sources)].map(source => [source.url, source]),
	);
	const [option] = match.options;
	return {
		id: entry.id,
		class: entry.rank,
		...spanOf(match),
		...told,
		...(option !== undefined && { option }),
		...(note !== undefined && { note }),
		sure: match.sure,
		...(match.line !== undefined && { line: match.line }),
		sources: [...sources.values()],
	};
}

type Own = Pick<ToldMatch, 'kind' | 'title' | 'cause' | 'do' | 'danger' | 'forward' | 'sources'> & { note?: string };

function ofEntry(match: WhyMatch, profile: Profile): Own {
	const { entry } = match;
	switch (entry.of) {
		case 'refusal':
			return ofRefusal(match, entry.refusal.text);
		case 'note':
			return ofNote(entry.note);
		case 'fault': {
			const { title, text, danger, fixed, sources } = entry.fault;
			const cure = fixed === undefined ? 'No release fixes it yet.' : `Upgrade to ${fixed} or newer.`;
			const back =
				entry.fault.severity === 'severe'
					? ` To see how far back you can go: ${code(`!rollback ${entry.fault.release}`)}.`
					: '';
			return {
				kind: 'fault',
				title,
				cause: title,
				do: `${cure} ${text.trim()}${back}`,
				danger,
				forward: danger === 'data' ? 'unsafe' : 'after-fix',
				sources,
			};
		}
		case 'symptom': {
			const { title, text, danger, kind, about, more, sources } = entry.symptom;
			return {
				kind: about ?? 'dependency',
				title,
				cause: title,
				do: text.trim(),
				danger,
				forward:
					kind === 'hopeless' ? 'unsafe' : kind === 'harmless' ? 'safe' : danger === 'service' ? 'wait' : 'after-fix',
				...(more !== undefined && { note: more }),
				sources,
			};
		}
		case 'failure': {
			const { guide, failure } = entry;
			const { cause, cure } = failureText(guide, failure.id, profile) ?? failure;
			const sources = guide.sources.map(url => ({
				document: new URL(url).host,
				section: url.split('/').at(-1) ?? '',
				url,
			}));
			return {
				kind: 'guide',
				title: firstSentence(cause),
				cause,
				do: cure,
				danger: 'nothing',
				forward: 'after-fix',
				sources: sources.slice(0, 2),
			};
		}
	}
}

function ofNote(note: Note): Own {
	return {
		kind: note.refuses ? 'refusal' : 'dependency',
		title: note.title,
		cause: note.title,
		do: `${untouched} ${note.text.trim()}`,
		danger: 'nothing',
		forward: 'after-fix',
		note: note.id,
		sources: note.sources,
	};
}

const untouched =
	'Synapse did not open the database, so nothing has changed in it, and the previous release still starts.';
const worker =
	'Only this process stopped. If the main process of the new release has already run, `!rollback` says whether the old release still starts.';
const opened = 'The database may already be migrated: `!rollback` says whether the old release still starts.';

/** What a start that ends here has done to the database. */
function doneBefore(sites: readonly RefusalSite[], text: string): string {
	const [site] = sites;
	if (!site) return untouched;
	if (/worker|instance_map|instance to handle/.test(text) && site.file.endsWith('workers.py')) return worker;
	if (site.file.includes('storage/prepare_database') || site.file.includes('storage/schema')) return opened;
	if (site.file.includes('storage/engines'))
		return 'Synapse checked the database and stopped before it changed anything; the previous release still starts.';
	const late = /start_listening|_listener_http|_configure_named_resource|run_startup_checks|handle_startup|admin_cmd/;
	return site.file.startsWith('synapse/app/') && late.test(site.function) ? opened : untouched;
}

function ofRefusal({ sites, options, notes }: WhyMatch, text: string): Own {
	const [site] = sites;
	const words = refusalWords(wantOf(text), options, site?.file ?? 'the code');
	const [note] = notes;
	const fix = note ? note.text.trim() : words.fix;
	const last =
		sites
			.map(one => one.since)
			.sort(compare)
			.at(-1) ?? '1.0.0';
	const source = site && {
		document: site.file,
		section: `Synapse ${last}`,
		url: `https://github.com/element-hq/synapse/blob/v${last}/${site.file}`,
	};
	const state = doneBefore(sites, text);
	return {
		kind: 'refusal',
		title: note?.title ?? words.title,
		cause: words.cause,
		do: `${state} ${fix}`,
		danger: 'nothing',
		forward: 'after-fix',
		sources: source ? [source] : [],
	};
}

/** From the oldest site or range to the newest; open ends are absent. */
function spanOf({ entry, sites, refusal }: WhyMatch): { since?: Version; until?: Version } {
	if (entry.of === 'refusal' || (refusal && entry.of === 'symptom' && sites.length)) {
		const since = sites.some(({ always }) => always) ? undefined : sites.map(site => site.since).sort(compare)[0];
		const ends = sites.flatMap(site => site.until ?? []).sort(compare);
		const until = ends.length === sites.length ? ends.at(-1) : undefined;
		return { ...(since && { since }), ...(until && { until }) };
	}
	if (entry.of === 'fault')
		return { since: entry.fault.release, ...(entry.fault.fixed && { until: entry.fault.fixed }) };
	if (entry.of === 'note') return { since: entry.note.release, ...(entry.note.until && { until: entry.note.until }) };
	const range = entry.releases[0] ?? '';
	const since = /(?:^| )>=([\w.]+)/.exec(range)?.[1];
	const until = /(?:^| )<([\w.]+)/.exec(range)?.[1];
	return { ...(since && { since }), ...(until && { until }) };
}
