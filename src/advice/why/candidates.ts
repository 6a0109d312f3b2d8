// The entries whose messages are in a text, before anything is known about the deployment.
import type { Catalogue, CatalogueEntry } from './catalogue.ts';
import { type CutMatch, cutMatches } from './cut-lines.ts';
import { type FoundPlaces, type Matcher, type TemplateMatch, weak } from './template.ts';

/** Matches closer than this (characters) belong to one event. */
export const sameEvent = 1500;
/** A template with at least this many is only printed by Synapse. */
export const telling = 40;

const anyUnit = /[\w@-]\.service\b/;

export type Candidate = {
	entry: CatalogueEntry;
	places: TemplateMatch[];
	spans: FoundPlaces['spans'];
	weight: number;
	supported: boolean;
	files: Set<string>;
	option?: string;
	/** Only the beginning is there; `alone`: of no other message. */
	cut?: { alone: boolean };
};

type MessagePlace = TemplateMatch & Partial<CutMatch>;

/** Every message found in the text, then the beginnings of messages that are cut off. */
function placesIn(text: string, matcher: Matcher): { places: MessagePlace[]; spans: FoundPlaces['spans'] } {
	const whole = matcher.find(text);
	const known = new Set(whole.places.map(({ template }) => template));
	const cut = cutMatches(text, matcher.templates).filter(({ template }) => !known.has(template));
	if (cut.length === 0) return whole;
	const spans = whole.spans.map(own => [...own]);
	for (const { template, from, to } of cut) spans[template]?.push(from, to);
	return { places: [...whole.places, ...cut], spans };
}

/** Every entry found in the text, with its positions, and the source files and option named near the first one. */
export function candidatesIn(text: string, catalogue: Catalogue): Candidate[] {
	const { owner, weights, matcher, optionAt, fileNamed, speaking, starting } = catalogue;
	const { places, spans } = placesIn(text, matcher);
	const start = places.filter(({ template }) => starting.has(template));
	const speaks = places.some(({ template }) => speaking.has(template));
	// Of other programs' units, not even a text that is nothing but a message is about Synapse.
	const isOther = !speaks && anyUnit.test(text);
	const byEntry = new Map<CatalogueEntry, Candidate>();
	for (const place of places) {
		const entry = owner[place.template];
		if (!entry) continue;
		const near = start.filter(({ from, to }) => from <= place.from + 200 && place.from - to < sameEvent);
		const weight = place.weight ?? weights[place.template] ?? 0;
		const isAlone = !isOther && place.to - place.from > 0.6 * text.trim().length;
		// A refusal of a few words could come from any program.
		const supported =
			entry.of === 'refusal'
				? near.length > 0 || (weight >= 2 * weak && speaks)
				: speaks || (weight >= telling && !isOther) || (isAlone && weight >= weak);
		if (entry.of === 'refusal' && !supported && weight < weak && !isAlone) continue;
		const known = byEntry.get(entry);
		if (known) {
			known.places.push(place);
			known.weight = Math.max(known.weight, weight);
			known.supported ||= supported;
			continue;
		}
		const path = near.findLast(({ template, to }) => template === optionAt && place.from - to < 300)?.captured.at(-1);
		const option = path && /[\w.<> -]{1,100}/.exec(path)?.[0].trim();
		const files = new Set(near.flatMap(({ template }) => fileNamed.get(template) ?? []));
		byEntry.set(entry, {
			entry,
			places: [place],
			spans,
			weight,
			supported,
			files,
			...(option && { option }),
			...(place.alone !== undefined && { cut: { alone: place.alone } }),
		});
	}
	return [...byEntry.values()];
}
