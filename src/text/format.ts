// Formats counts, lists, capitals and durations in English.

/** `1 step`, `3 steps`. */
export function count(number: number, one: string, many = `${one}s`): string {
	return `${number} ${number === 1 ? one : many}`;
}

/** A Markdown list. */
export function list(items: readonly string[]): string {
	return items.map(item => `* ${item}`).join('\n');
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(items: readonly string[], last: 'and' | 'or' = 'and'): string {
	return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1)}`;
}

/** `0.4 MB`, `12.0 MB` */
export function megabytes(bytes: number): string {
	return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Adds a full stop, unless the text ends with a punctuation mark already. */
export function sentence(text: string): string {
	return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The first sentence of a text, without its full stop. A very long one ends at its colon. */
export function firstSentence(text: string): string {
	const sentence = /^.*?(?=\.(?:\s|$)|$)/s.exec(text)?.[0] ?? text;
	return sentence.length > 140 ? (sentence.split(': ')[0] ?? sentence) : sentence;
}

/** Lower-cases the first letter, except in names: `Finish it` can continue a sentence, `PostgreSQL` stays. */
export function small(text: string): string {
	return /^[A-Z][a-z]+\b(?![A-Z])/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

export function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `3 days`, `2 hours`, `5 minutes`: the largest unit that fits. */
export function duration(seconds: number): string {
	const units: [number, string][] = [
		[86400, 'day'],
		[3600, 'hour'],
		[60, 'minute'],
	];
	const unit = units.find(([size]) => seconds >= size);
	return unit ? count(Math.floor(seconds / unit[0]), unit[1]) : count(seconds, 'second');
}
