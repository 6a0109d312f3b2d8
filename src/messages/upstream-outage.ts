// What a room is told when upstream cannot be reached, and when it can be reached again.
import type { SourceTrouble, UpstreamSilence } from '../advice/watch/upstream-outage.ts';
import type { Answer } from '../answer.ts';
import { list } from '../text/format.ts';
import { momentIn } from '../text/local-time.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';
import { troubleWords } from './observation.ts';

/** What is wrong with a source, as a clause of Markdown. */
export function sourceTroubleWords(trouble: SourceTrouble): string {
	switch (trouble.is) {
		case 'unreached':
			return troubleWords(trouble.trouble).result;
		case 'status': {
			const token = trouble.wrongToken ? ': `live.token` is not valid' : '';
			return `the server responds with status ${trouble.status}${token}${trouble.asksToWait ? ', and asks me to wait' : ''}`;
		}
		case 'changed':
			return `its format has changed: ${quoted(trouble.reason, 200)}`;
		case 'incomplete': {
			const named = trouble.left.map(({ item, why }) => quoted(`${item}: ${why}`, 160));
			const more = trouble.more > 0 ? ` and ${trouble.more} more` : '';
			return [
				...(named.length ? [`left out: ${named.join(', ')}${more}`] : []),
				...(trouble.lacks === undefined ? [] : [trouble.lacks]),
			].join('; ');
		}
	}
}

export function silenceWords({ since, sources }: UpstreamSilence, zone: string, mention: string | undefined): Answer {
	const lines = sources.map(
		({ name, trouble }) => `${escapeMarkdown(name)}${trouble === undefined ? '' : `: ${sourceTroubleWords(trouble)}`}`,
	);
	return {
		value: { format: 1, silent: { since: since.toISOString(), sources: sources.map(({ name }) => name) } },
		lead: [
			`**⚠️ I have not been able to read all of upstream's sources since ${momentIn(since, zone)}.**`,
			`I keep trying, but still cannot read:\n\n${list(lines)}`,
			`Until then, I may miss a new release or an advisory; what I already know is still valid. I will tell you here when it is over; ${code('!status')} shows each source.`,
		].join('\n\n'),
		sections: [],
		kind: 'answer',
		...(mention !== undefined && { mention: [mention] }),
	};
}

export function heardAgainWords(): Answer {
	return {
		value: { format: 1, silent: null },
		lead: "**✅ I can read all of upstream's sources again.** I have caught up, and will report what affects this room.",
		sections: [],
		kind: 'answer',
	};
}
