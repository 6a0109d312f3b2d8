// Words for a guide session: its stages one at a time, where the room is, and what goes wrong on the way.
import type { FoundFailure, Guided, GuidedStage } from '../advice/guide/guide.ts';
import { leftBehind, wayBackFrom } from '../advice/guide/guide.ts';
import type { Aside, GuideSession, SessionStep, Tell } from '../advice/guide/session.ts';
import { hasPassed, isDown, reachedIn, stagesOf } from '../advice/guide/session.ts';
import type { Answer, Offer, Section } from '../answer.ts';
import { list } from '../text/format.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';
import {
	againSection,
	failureTexts,
	filesOf,
	foundWords,
	guideRefusalWords,
	stageWork,
	wayBackSection,
} from './guide.ts';
import { triedWords } from './guide-trials.ts';

const how = `React with ✅ to this message or say ${code('done')} when it is finished`;
const allWords = `${code('back')}, ${code('skip')}, ${code('stop')} and ${code('where')} do what they say, and I look up errors that you paste.`;

/** The plan of a guide with the offer of a session; with `begin` the session starts right below the plan. */
export function withOffer(answer: Answer, offer: Offer, begin: boolean): Answer {
	const how = begin
		? 'We will go through it together, one stage at a time, in a thread on this message. Anyone who is allowed to change things here can continue.'
		: `To go through it together, one stage at a time, react with ▶️ or say ${code(`!${offer.asked} start`)}.`;
	return { ...answer, lead: `${answer.lead}\n\n${how}`, session: { offer, begin } };
}

/** The answer to one step of a session. Without a guide, only the reason why the session ends. */
export function sessionWords(
	{ session, tell }: Pick<SessionStep, 'session' | 'tell'>,
	guided: Guided | undefined,
): Answer {
	const value = { format: 1, guide: session.guide, is: session.is, stage: session.place?.stage ?? null };
	const plain = (lead: string, kind: Answer['kind'] = 'answer'): Answer => ({ value, lead, sections: [], kind });
	if (tell.is === 'refused') return { ...plain(tell.why, 'refusal'), value: { format: 1, refused: tell.why } };
	if (tell.is === 'gone' || !guided) return plain(goneWords(session, tell));
	const all = stagesOf(guided);
	const at = all.findIndex(({ id }) => id === session.place?.stage);
	const stage = all[at];
	const name = stage && `stage ${at + 1} of ${all.length} (${escapeMarkdown(stage.title)})`;
	switch (tell.is) {
		case 'found':
			return { ...plain(foundLead(tell.found)), sections: otherFound(tell.found) };
		case 'unknown':
			return plain(
				`**I do not recognise this error.** It matches none of the errors that I know for this guide, so I cannot offer a fix.${name ? ` You are at ${name}.` : ''}`,
			);
		case 'asked':
			return plain(asideWords(tell.what, name), 'progress');
		case 'early':
			return plain(
				`You said that before I showed ${name ?? 'this stage'}. If you mean that stage, say it again, or react with ✅ to the message that shows it.`,
				'progress',
			);
		case 'gate':
			return plain(
				`This is the point of no return, so a reaction is not enough: say ${code('done')} here to continue.`,
				'refusal',
			);
		case 'first':
			return plain(`There is nothing before ${name ?? 'this stage'}.`, 'refusal');
		case 'over':
			return plain(overWords(session, name), 'refusal');
		case 'stopped':
			return { ...plain(stoppedWords(session, guided, name)), sections: wayBack(session, guided) };
		case 'ended':
			return { ...plain(endWords(session, guided)), sections: wayBack(session, guided) };
		case 'where':
			return {
				...plain([...beforeWords(tell, guided), whereWords(session, guided, name)].join('\n\n')),
				sections: [stagesSection(session, all), ...(stage ? doing(stage, session, true) : [])],
			};
		default:
			return stage
				? given({ session, tell, stage, number: at + 1, guided }, plain(''))
				: plain(goneWords(session, tell));
	}
}

type StageContext = { session: GuideSession; tell: Tell; stage: GuidedStage; number: number; guided: Guided };

/** The current stage, after a sentence about the previous one; at the gate only the warning. */
function given({ session, tell, stage, number, guided }: StageContext, base: Answer): Answer {
	const all = stagesOf(guided);
	const before = beforeWords(tell, guided);
	const which = `${number} of ${all.length}: ${escapeMarkdown(stage.title)}`;
	if (session.place?.gate) {
		const lead = `⚠️ **Point of no return ahead, stage ${which}:** ${stage.noReturn ?? ''}`;
		const isNew = !(['done', 'left'] as const).some(as => hasPassed(session, stage.id, as));
		const say = `${isNew ? 'You have not done any of it yet. ' : ''}When you are sure, say ${code('done')} here to see the stage (a reaction is not enough); ${code('stop')} ends the guide.`;
		return { ...base, lead: [...before, lead, say].join('\n\n'), sections: wayBack(session, guided) };
	}
	const lead = `**Stage ${which}.** ${how}.${tell.is === 'stage' && tell.after === 'begun' ? ` ${allWords}` : ''}`;
	const names = new Set(stage.steps.flatMap(({ file }) => file?.name.split('/').at(-1) ?? []));
	const files = filesOf(guided).filter(file => names.has(file.name));
	return {
		...base,
		lead: [...before, lead].join('\n\n'),
		sections: [
			...(tell.is === 'changed' ? [stagesSection(session, all)] : []),
			...doing(stage, session, false),
			...(stage.failures.length ? [known(stage)] : []),
		],
		...(files.length && { files }),
	};
}

function doing(stage: GuidedStage, { place }: GuideSession, fold: boolean): Section[] {
	if (place?.gate) return [];
	const mark = stage.noReturn !== undefined ? '⚠️' : stage.down === 'begins' ? '🔴' : undefined;
	const tried = triedWords(stage);
	// Untested stages say so before the reader runs them.
	const isTried = stage.tried.length > 0 && !stage.untried.length;
	const work = isTried ? stageWork(stage) : [stageWork(stage), tried].join('\n\n');
	return [
		{ title: 'What to do', ...(mark && { mark }), markdown: work, fold },
		...(isTried ? [{ title: 'How this was tested', markdown: tried, fold: true }] : []),
	];
}

function known({ failures }: GuidedStage): Section {
	// The fold's own line is the heading here.
	const markdown = failureTexts(failures)
		.join('\n\n')
		.replace(/^\*\*.*\*\*\n\n/, '');
	return { title: `If it goes wrong (${failures.length})`, markdown, fold: true };
}

function beforeWords(tell: Tell, guided: Guided): string[] {
	if (tell.is === 'changed')
		return [
			`**The guide has changed since: the stage you were at (${code(tell.was)}) is no longer in it.** You can continue from here; ${code('back')} leads to earlier stages.`,
		];
	if (tell.is === 'where')
		return tell.moved
			? ['The room was upgraded. This guide was stopped in the old room, and can be continued here.']
			: [];
	if (tell.is !== 'stage') return [];
	if (tell.after === 'skipped') return [skipWords(tell.skipped, guided)];
	if (tell.after === 'back') return [`Back: this shows the stage again. It undoes nothing.`];
	if (tell.after === 'moved')
		return ['The room was upgraded in the middle of a guide. The guide continues here, from where you were.'];
	return [];
}

/** The answer to anything that is not a word of the session; it changes nothing. */
function asideWords(what: Aside, name: string | undefined): string {
	const here = name ? `You are at ${name}. ` : '';
	switch (what) {
		case 'help':
			return `${here}Say ${code('done')} when it is finished. ${allWords}`;
		case 'onward':
			return `${here}If it is finished, say ${code('done')} for the next stage; ${code('skip')} leaves this one out.`;
		case 'pause':
			return `${here}Take your time, I will wait. ${code('where')} shows this stage again; ${code('stop')} ends the guide.`;
		case 'question':
			return `${here}I cannot answer questions here, but I look up error messages: paste what the terminal or the log says. ${code('where')} shows this stage again; ${code('help')} lists the words that I know.`;
	}
}

/** What skipping a stage means for the following ones. */
function skipWords(stage: GuidedStage, guided: Guided): string {
	const costs = [
		stage.why,
		...(stage.down === 'ends' ? ['🔴 The server stays down until it is done.'] : []),
		...(stage.down === 'begins' ? ['🔴 The server is still up, but the next stages need it to be down.'] : []),
		...(stage.concerned === true ? ['Later stages depend on the one you skipped.'] : []),
	];
	const number = stagesOf(guided).findIndex(({ id }) => id === stage.id) + 1;
	return `**Skipped: ${number}. ${escapeMarkdown(stage.title)}.** ${costs.join(' ')} ${code('back')} returns to it.`;
}

function goneWords({ asked }: GuideSession, tell: Tell): string {
	const why = tell.is === 'gone' ? tell.why : [];
	const reason = why.length
		? `**This guide no longer fits your deployment.** ${why.map(guideRefusalWords).join(' ')}`
		: '**I no longer have this guide**, so I cannot show its stages.';
	return `${reason} The session ends here; ${code(`!${asked}`)} shows what I have now.`;
}

function overWords({ is }: GuideSession, name: string | undefined): string {
	if (is === 'stopped')
		return `This session was stopped${name ? ` at ${name}` : ''}. ${code('start')} picks up from there.`;
	return `This session is finished. ${code('back')} returns to its last stage.`;
}

function stoppedWords(session: GuideSession, guided: Guided, name: string | undefined): string {
	const parts = [
		`**Stopped${name ? ` at ${name}` : ''}.** What you have done stays as it is.`,
		...downWords(isDown(session, guided)),
		`${code('start')} picks up from there.`,
	];
	return parts.join(' ');
}

function downWords(down: ReturnType<typeof isDown>): string[] {
	if (down === true) return ['🔴 According to this session, the server is still down.'];
	return down ? ['⚠️ If you have already taken the server down, it is still down.'] : [];
}

function endWords(session: GuideSession, guided: Guided): string {
	const all = stagesOf(guided);
	const left = leftWords(session, all) ?? 'All of them are done.';
	return [`**That was the last stage, number ${all.length}.** ${left}`, ...downWords(isDown(session, guided))].join(
		' ',
	);
}

/** Which stages were skipped; undefined if none was. */
function leftWords(session: GuideSession, all: readonly GuidedStage[]): string | undefined {
	const skipped = all.filter(({ id }) => !hasPassed(session, id, 'done'));
	const names = skipped.map(stage => `${all.indexOf(stage) + 1}. ${escapeMarkdown(stage.title)}`);
	return names.length ? `⚠️ Not done: ${names.join('; ')}.` : undefined;
}

/** The way back from where the room is, and what to remove before a second attempt. */
function wayBack(session: GuideSession, guided: Guided): Section[] {
	const reached = reachedIn(session, guided);
	if (reached < 0) return [];
	const back = wayBackFrom(guided, reached);
	if (!back.length) return [{ title: 'Rollback', markdown: 'Nothing has been changed yet.', fold: true }];
	const again = back === guided.wayBack.after ? [] : leftBehind(guided, reached);
	return [...wayBackSection('Rollback', back), ...againSection(again)];
}

function whereWords(session: GuideSession, guided: Guided, name: string | undefined): string {
	const { begun, is, place } = session;
	const who = begun ? ` Started by ${code(begun.by)} on ${day(begun.at)}.` : '';
	const down = downWords(isDown(session, guided));
	if (is === 'stopped')
		return [`**Stopped${name ? ` at ${name}` : ''}.**${who}`, ...down, `${code('start')} picks up from there.`].join(
			' ',
		);
	if (is === 'ended' || !name) {
		const left = leftWords(session, stagesOf(guided));
		return [`${left ? `**Finished.** ${left}` : '**Finished: every stage is done.**'}${who}`, ...down].join(' ');
	}
	const gate = place?.gate ? ` This is the point of no return: ${code('done')} shows the stage.` : '';
	return `**You have been at ${name}** since ${day(session.since)}.${gate}${who}`;
}

const marks = { done: '✅', skipped: '⏭️', left: '▫️' } as const;
const passedWords = { done: 'done', skipped: 'skipped', left: 'left unfinished' } as const;

function stagesSection(session: GuideSession, all: readonly GuidedStage[]): Section {
	const lines = all.map((stage, i) => {
		const passed = session.passed.find(other => other.stage === stage.id);
		const here = session.place?.stage === stage.id;
		const mark = here ? '▶️' : marks[passed?.as ?? 'left'];
		const who = passed && !here ? ` (${passedWords[passed.as]} by ${code(passed.by)}, ${day(passed.at)})` : '';
		return `${mark} ${i + 1}. ${escapeMarkdown(stage.title)}${who}`;
	});
	return { title: `The stages (${all.length})`, markdown: list(lines), fold: false };
}

/** To the minute, in UTC. */
function day(moment: string): string {
	return `${moment.slice(0, 10)} ${moment.slice(11, 16)} UTC`;
}

function foundLead([first]: readonly FoundFailure[]): string {
	return first ? foundWords(first) : '';
}

function otherFound([, ...others]: readonly FoundFailure[]): Section[] {
	if (!others.length) return [];
	const markdown = others.slice(0, 5).map(foundWords).join('\n\n');
	return [{ title: `It could also be (${Math.min(others.length, 5)})`, markdown, fold: true }];
}
